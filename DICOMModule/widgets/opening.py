"""Opens what the command line or Ctrl+O names: imports paths, loads, shows it as asked, and tells what came of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from DICOMModule.dicom.uids import is_harmless_uid
from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.export import is_volume_file
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.browser import DatabaseBrowser
from DICOMModule.widgets.dialogs.import_dialog import ImportRequest
from DICOMModule.widgets.importing import Importer
from DICOMModule.widgets.job_runner import JobHandle, JobState
from DICOMModule.widgets.picture_options import PictureOptions, node_with_options, position_in
from DICOMModule.widgets.qt import QObject
from DICOMModule.widgets.scene_loading import LoadOutcome, SceneLoader
from DICOMModule.widgets.viewer import OpenOutcome, OpenRequest, Viewer

CANCELLED = "it was cancelled."


@dataclass(frozen=True, slots=True)
class Tools:
    """What an opening works with, all of one database."""

    logic: DICOMModuleLogic
    importer: Importer
    loader: SceneLoader
    browser: DatabaseBrowser


class Opening(QObject):
    """Carries one request out; several may be under way at once, and each knows its own.

    Parameters
    ----------
    request : OpenRequest
        What is to be opened, and how it is to be shown.
    tools : Tools
        Import, load and browse.
    viewer : Viewer
        Scene, views and banners; its `opened` tells what came of it.
    """

    def __init__(self, request: OpenRequest, tools: Tools, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._request = request
        self._tools = tools
        self._viewer = viewer
        self._targets = list(request.targets)

    def start(self) -> None:
        """Begin; the rest follows from job to job."""
        paths = tuple(Path(target) for target in self._targets if _is_folder_or_file(target))
        if self._request.demo:
            handle = self._viewer.jobs.run(
                "Drawing the demo",
                lambda: self._tools.logic.demo_job(["ct"]),
                on_success=lambda _report: self._on_demo_drawn(),
                on_failure=self._viewer.banners.show_failure,
                owner=self._tools.logic,
            )
        elif paths:
            handle = self._tools.importer.start(
                ImportRequest(paths, copy=False), tell=False, then=lambda _report: self._load()
            )
        else:
            self._load()
            return
        handle.ended.connect(lambda: self._end_unless_finished(handle))

    def _on_demo_drawn(self) -> None:
        from DICOMModule.demo.catalogue import phantoms

        self._tools.browser.refresh()
        self._targets += [phantom.series_instance_uid for phantom in phantoms(("ct",))]
        self._load()

    def _load(self) -> None:
        # by their paths: what the database had before is not among what an import adds
        handle = self._tools.loader.open_targets(
            tuple(self._targets), "what was asked for", self._request.loadable_id, then=self._on_loaded
        )
        handle.ended.connect(lambda: self._end_unless_finished(handle))

    def _on_loaded(self, outcome: LoadOutcome) -> None:
        shown = self._viewer.views.background
        if shown is not None:
            self._tools.browser.select(shown.volume.source_series_uids[:1])
        error = show_as(self._viewer, self._request.picture) if self._request.picture is not None else ""
        self._end(OpenOutcome(outcome.loaded, outcome.problems, error))

    def _end_unless_finished(self, handle: JobHandle) -> None:
        if handle.state is not JobState.FINISHED:
            self._end(OpenOutcome(error=handle.failure.text if handle.failure is not None else CANCELLED))

    def _end(self, outcome: OpenOutcome) -> None:
        self._viewer.opened.emit(outcome)
        self.deleteLater()


def _is_folder_or_file(target: str) -> bool:
    """Return whether a target is a path that is to be imported: neither a UID nor a volume file."""
    if is_volume_file(Path(target)):
        return False
    return not is_harmless_uid(target) or os.path.lexists(target)


def show_as(viewer: Viewer, options: PictureOptions) -> str:
    """Show the active view's volume, and the window's views, as the options ask for; return what cannot be, or nothing."""
    views, node = viewer.views, viewer.views.background
    views.asked = {"layout": options.layout, "overlays": "all" if options.overlays else "none"}
    if node is None or node.volume.placed:  # images without a place have a layout of their own
        views.set_layout(views.asked["layout"])
    views.set_overlays(views.asked["overlays"])
    if node is None:
        return ""
    try:
        viewer.scene.set_display(node.id, node_with_options(node, options).display)
        if options.position_lps_mm is not None:
            views.set_position_lps(position_in(node, options))
    except SettingsError as error:
        viewer.banners.show_error(plain_text(str(error)))
        return str(error)
    return ""
