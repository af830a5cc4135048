"""From the database or a file into the scene: examine, choose, load one after the other, show the first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from DICOMModule.errors import DICOMModuleError, Problem, RenderingError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.logic import DICOMModuleLogic, Loaded
from DICOMModule.readers.loadable import Loadable
from DICOMModule.views.prepared import prepare_volume
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import QObject, Qt, pyqtSignal
from DICOMModule.widgets.viewer import Viewer


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
    finished : LoadOutcome
        Everything that was asked for has been tried.
    """

    finished = pyqtSignal(object)
    _arrived = pyqtSignal(object, str, int)

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._logic = logic
        self._viewer = viewer
        self._arrived.connect(self._on_arrived, Qt.QueuedConnection)  # type: ignore[call-arg]

    def load_targets(self, targets: Sequence[str], title: str, view: str = "") -> JobHandle:
        """Load what is selected by itself of each target; the first volume is shown, in one view where one is named.

        Parameters
        ----------
        targets : sequence of str
            ``patient:N``, UIDs or paths.
        title : str
            What they are, for the list of jobs: ``Series 4: CT chest``.
        """
        return self._run(f"Loading {title}", lambda: self._load_targets_job(tuple(targets), view))

    def load_loadables(self, loadables: Sequence[Loadable], view: str = "") -> JobHandle:
        """Load these; the first is shown."""
        what = loadables[0].name if len(loadables) == 1 else f"{len(loadables)} volumes"
        return self._run(f"Loading {plain_text(what)}", lambda: self._load_job(tuple(loadables), (), view))

    def _run(self, title: str, make_job: Callable[[], Job[LoadOutcome]]) -> JobHandle:
        return self._viewer.jobs.run(title, make_job, on_success=self._on_loaded, on_failure=self._on_failed)

    # -- in the worker's thread

    def _load_targets_job(self, targets: tuple[str, ...], view: str) -> Job[LoadOutcome]:
        loadables: list[Loadable] = []
        problems: list[Problem] = []
        for target in targets:
            yield Progress(0, 0, "Examining")
            try:
                found, unread = self._logic.examine(target)
            except DICOMModuleError as error:
                problems.append(Problem(target, str(error)))
                continue
            loadables += [one for one in found if one.selected and not one.refusal]
            problems += unread
            problems += [Problem(one.name, one.refusal) for one in found if one.refusal]
        return (yield from self._load_job(tuple(loadables), problems, view))

    def _load_job(self, loadables: tuple[Loadable, ...], problems: Sequence[Problem], view: str) -> Job[LoadOutcome]:
        failed = list(problems)
        loaded = 0
        for number, loadable in enumerate(loadables):
            place = f"{number + 1} of {len(loadables)}: " if len(loadables) > 1 else ""
            try:
                one = yield from self._load_one_job(loadable, place)
            except (DICOMModuleError, OSError, MemoryError) as error:
                failed.append(Problem(loadable.name, str(error) or "there is not enough memory for it"))
                continue
            loaded += 1
            self._arrived.emit(one, view, loaded)
        return LoadOutcome(loaded, tuple(failed))

    def _load_one_job(self, loadable: Loadable, place: str) -> Job[Loaded]:
        job = self._logic.load_loadable_job(loadable)
        try:
            while True:
                step = next(job)
                yield Progress(step.done, step.total, place + step.text)
        except StopIteration as stop:
            loaded: Loaded = stop.value
            with contextlib.suppress(RenderingError):  # a view that cannot show it says why
                prepare_volume(loaded.volume)
            return loaded
        finally:
            job.close()

    # -- in the thread of the window

    def _on_arrived(self, loaded: Loaded, view: str, number: int) -> None:
        node = self._viewer.scene.add_volume(loaded.volume)
        if number == 1:
            self._viewer.views.show_background(node.id, view)

    def _on_loaded(self, outcome: LoadOutcome) -> None:
        if outcome.problems:
            self._tell_problems(outcome)
        self.finished.emit(outcome)

    def _on_failed(self, failure: Failure) -> None:
        self._viewer.banners.show_failure(failure)

    def _tell_problems(self, outcome: LoadOutcome) -> None:
        banners, problems = self._viewer.banners, outcome.problems
        listed = "\n".join(f"{plain_text(problem.where)}: {problem.reason}" for problem in problems)
        first = f"{plain_text(problems[0].where)}: {problems[0].reason}"
        if not outcome.loaded and len(problems) == 1:
            banners.show_error(first)
        elif not outcome.loaded:
            banners.show_error(f"None of {len(problems)} could be loaded. The first, {first}", listed)
        else:
            more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
            banners.show_warning(f"Not loaded: {first}{more}", listed if len(problems) > 1 else "")
