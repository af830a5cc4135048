"""From the database or a file into the scene: examine, choose, load one after the other, show the first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Final, TypeAlias

from DICOMModule.dicom.patient import patient_identity
from DICOMModule.errors import DICOMModuleError, NoImageError, Problem, RenderingError, plain_text
from DICOMModule.export import is_volume_file
from DICOMModule.jobs import Job, Progress
from DICOMModule.logic import DICOMModuleLogic, Loaded
from DICOMModule.readers.growth import others_of
from DICOMModule.readers.loadable import Loadable
from DICOMModule.scene import VolumeNode
from DICOMModule.views.prepared import prepare_job
from DICOMModule.widgets.early_nodes import EarlyNodes
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import QObject, Qt, pyqtSignal
from DICOMModule.widgets.viewer import Viewer

Chosen: TypeAlias = tuple[list[Loadable], list[Problem]]
Choice: TypeAlias = Callable[[Sequence[Loadable]], Chosen]


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What came of loading several things.

    Attributes
    ----------
    loaded : int
        Volumes that are in the scene now.
    problems : tuple of Problem
        What was not loaded, and why.
    """

    loaded: int
    problems: tuple[Problem, ...]


MIXED: Final = "The views show volumes of different patients now. Load to Slicer shows one volume in all views."
Then: TypeAlias = Callable[[LoadOutcome], object]


@dataclass(frozen=True, slots=True)
class _Source:
    """Something that becomes one volume."""

    name: str
    make_job: Callable[[], Job[Loaded]]
    others: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """Something that was loaded, by whom, and its node; `others` as `readers.growth` counts them, None where unknown."""

    loader: SceneLoader
    node: VolumeNode
    loaded: Loaded
    others: int | None


class SceneLoader(QObject):
    """Loads into the scene what a person chose, in jobs.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Examines and loads.
    viewer : Viewer
        Scene, views, jobs and banners.

    Signals
    -------
    loaded
        Something that was asked for is in the scene.
    arrived : Arrival
        One thing is in the scene.
    """

    loaded = pyqtSignal()
    arrived = pyqtSignal(object)
    _arrived = pyqtSignal(object, str, int, object)

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._logic = logic
        self._viewer = viewer
        self._early = EarlyNodes(viewer, self)
        self._arrived.connect(self._on_arrived, Qt.QueuedConnection)  # type: ignore[call-arg]

    @property
    def logic(self) -> DICOMModuleLogic:
        """What examines and loads."""
        return self._logic

    def load_targets(self, targets: Sequence[str], title: str, view: str = "") -> JobHandle:
        """Load what is selected by itself of each target; the first volume is shown, in one view where one is named.

        Parameters
        ----------
        targets : sequence of str
            ``patient:N``, UIDs, paths of DICOM files and folders, or volume files.
        title : str
            What they are, for the list of jobs: ``Series 4: CT chest``.
        """
        return self._run(f"Loading {title}", lambda: self._load_targets_job(tuple(targets), view, _all_selected))

    def open_targets(
        self, targets: Sequence[str], title: str, loadable_id: str = "", *, then: Then | None = None
    ) -> JobHandle:
        """Load as `load_targets`, but of several studies only the largest volume: nobody has chosen them one by one.

        Parameters
        ----------
        loadable_id : str
            The one that is meant, as `examine` names it; empty: see above.
        then : callable, optional
            Called with the `LoadOutcome` where something was loaded.
        """
        choose = partial(_chosen_to_open, loadable_id=loadable_id)
        return self._run(f"Opening {title}", lambda: self._load_targets_job(tuple(targets), "", choose), then)

    def load_loadables(self, loadables: Sequence[Loadable], view: str = "") -> JobHandle:
        """Load these; the first is shown."""
        what = loadables[0].name if len(loadables) == 1 else f"{len(loadables)} volumes"
        sources = [_Source(one.name, partial(self._logic.load_loadable_job, one)) for one in loadables]
        return self._run(f"Loading {plain_text(what)}", lambda: self._load_job(sources, (), view))

    def _run(self, title: str, make_job: Callable[[], Job[LoadOutcome]], then: Then | None = None) -> JobHandle:
        return self._viewer.jobs.run(
            title,
            make_job,
            on_success=lambda outcome: self._on_loaded(outcome, then),
            on_failure=self._on_failed,
            owner=self._logic,
        )

    # -- in the worker's thread

    def _load_targets_job(self, targets: tuple[str, ...], view: str, choose: Choice) -> Job[LoadOutcome]:
        sources: list[_Source] = []
        loadables: list[Loadable] = []
        problems: list[Problem] = []
        for target in targets:
            yield Progress(0, 0, "Examining")
            path = Path(target)
            if is_volume_file(path) and os.path.isfile(path):  # noqa: PTH113 - of what cannot be looked at Logic says why
                sources.append(_Source(path.name, partial(self._logic.open_job, target)))
                continue
            try:
                found, unread = self._logic.examine(target)
            except DICOMModuleError as error:
                problems.append(Problem(target, str(error)))
                continue
            loadables += found
            problems += unread
        chosen, passed_over = choose(loadables)
        make_job = self._logic.load_loadable_job
        sources += [_Source(one.name, partial(make_job, one), others_of(one, loadables)) for one in chosen]
        return (yield from self._load_job(sources, (*problems, *passed_over), view))

    def _load_job(self, sources: Sequence[_Source], problems: Sequence[Problem], view: str) -> Job[LoadOutcome]:
        failed = list(problems)
        loaded = 0
        for number, source in enumerate(sources):
            place = f"{number + 1} of {len(sources)}: " if len(sources) > 1 else ""
            try:
                one = yield from self._early.followed_job(source.make_job(), place, view, None if loaded else source)
            except (DICOMModuleError, OSError) as error:
                failed.append(Problem(source.name, str(error)))
                continue
            except MemoryError:
                failed.append(Problem(source.name, "there is not enough free memory for it."))
                continue
            with contextlib.suppress(RenderingError):  # a view that cannot show it says why
                yield from prepare_job(one.sequence or one.volume)
            loaded += 1
            self._arrived.emit(one, view, loaded, source)
        if failed and not loaded:
            raise NoImageError(_nothing_loaded(failed))
        return LoadOutcome(loaded, tuple(failed))

    # -- in the thread of the window

    def _on_arrived(self, loaded: Loaded, view: str, number: int, source: _Source) -> None:
        node = self._viewer.scene.add(loaded.sequence or loaded.volume)
        if number == 1:
            self._viewer.views.show_background(node.id, view)
            self._early.take_away(source)
            if len(self._patients_shown()) > 1:
                self._viewer.banners.show_warning(MIXED)
        self.arrived.emit(Arrival(self, node, loaded, source.others))

    def _patients_shown(self) -> set[str]:
        """Return who is shown in the views, as far as headers tell."""
        views = self._viewer.views
        shown = (views.background_of(name) for name in views.seen_views)
        sources = [node.volume.source for node in shown if node is not None]
        return {patient_identity(source) for source in sources if source is not None}

    def _on_loaded(self, outcome: LoadOutcome, then: Then | None) -> None:
        if outcome.problems:
            self._tell_problems(outcome.problems)
        if outcome.loaded:
            self.loaded.emit()
        if then is not None:
            then(outcome)

    def _on_failed(self, failure: Failure) -> None:
        self._viewer.banners.show_failure(failure)

    def _tell_problems(self, problems: Sequence[Problem]) -> None:
        more = f" Nor {len(problems) - 1} more." if len(problems) > 1 else ""
        listed = "\n".join(map(_told, problems)) if more else ""
        self._viewer.banners.show_warning(f"Not loaded: {_told(problems[0])}{more}", listed)


def _told(problem: Problem) -> str:
    """Return a problem as a sentence that names its thing once."""
    where = plain_text(problem.where)
    return problem.reason if where in problem.reason else f"{where}: {problem.reason}"


def _nothing_loaded(problems: Sequence[Problem]) -> str:
    """Return why nothing at all was loaded."""
    if len(problems) == 1:
        return _told(problems[0])
    return f"None of {len(problems)} could be loaded. The first: {_told(problems[0])}"


def _all_selected(loadables: Sequence[Loadable]) -> Chosen:
    """Choose what is selected by itself; what is refused is told."""
    refused = [Problem(one.name, one.refusal) for one in loadables if one.refusal]
    return [one for one in loadables if one.selected and not one.refusal], refused


def _chosen_to_open(loadables: Sequence[Loadable], loadable_id: str) -> Chosen:
    """Choose what is shown of what a path or a UID holds, without filling the scene with everything that lies there."""
    if loadable_id:
        chosen = [one for one in loadables if one.id == loadable_id]
        return chosen, [] if chosen else [Problem(loadable_id, "there is no loadable of this id.")]
    chosen, refused = _all_selected(loadables)
    studies = {one.instances[0].study_instance_uid for one in chosen}
    if len(studies) <= 1:
        return chosen, refused if not chosen else []
    largest = max(chosen, key=lambda one: prod(one.dimensions))
    left = f"{len(chosen) - 1} more volumes of {len(studies)} studies are in the tree; load what is wanted from there."
    return [largest], [Problem("Not opened", left)]
