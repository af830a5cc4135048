"""The pictures of an image preview: which there are, and those around the present one, decoded in the background."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from DICOMModule.errors import DICOMModuleError
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.pictures import Picture, image_of_pixels, reason_of
from DICOMModule.widgets.job_runner import Failure, JobHandle, JobRunner, Lane
from DICOMModule.widgets.qt import QObject, pyqtSignal

if TYPE_CHECKING:
    from DICOMModule.previews import PreviewFrame

MOST_AT_ONCE: Final = 2
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_KEPT: Final = 4096  # pictures, and reasons why there is none, which take no room of their own
LONGEST_PX: Final = 1024
AHEAD: Final = (0, 1, -1, 2, 3, -2, 4, 5)  # from the present one, in the direction of the last step

_Key: TypeAlias = tuple[str, int]


class PictureLoader(QObject):
    """Finds the frames of what is selected and fetches their pictures; a newer selection overtakes an older one.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Lists frames and makes pictures.
    jobs : JobRunner
        Where that is done, quietly.
    longest_px : int
        The longer side of a picture.
    most_bytes : int, optional
        What the pictures that are kept may take of memory; `MOST_BYTES`.

    Attributes
    ----------
    stride : int
        How many frames lie between those that are looked at one after the other.

    Signals
    -------
    listed
        The frames of the newest selection are known.
    arrived : int
        The picture of that index is there, or is known not to be.
    failed : str
        The frames cannot be listed; the sentence says why.
    """

    listed = pyqtSignal()
    arrived = pyqtSignal(int)
    failed = pyqtSignal(str)

    def __init__(
        self,
        logic: DICOMModuleLogic,
        jobs: JobRunner,
        parent: QObject | None = None,
        *,
        longest_px: int = LONGEST_PX,
        most_bytes: int | None = None,
    ) -> None:
        super().__init__(parent)
        self._logic = logic
        self._jobs = jobs
        self._longest_px = longest_px
        self._most_bytes = most_bytes
        self.stride = 1
        self._frames: tuple[PreviewFrame, ...] = ()
        self._listing: JobHandle | None = None
        self._generation = 0
        self._pictures: OrderedDict[_Key, Picture] = OrderedDict()
        self._bytes = 0
        self._running: set[_Key] = set()
        self._index = 0
        self._direction = 1
        self._stopped = False

    @property
    def frames(self) -> tuple[PreviewFrame, ...]:
        """What can be scrolled through."""
        return self._frames

    @property
    def is_busy(self) -> bool:
        """Whether something is being listed or decoded."""
        return self._listing is not None or bool(self._running)

    def set_logic(self, logic: DICOMModuleLogic) -> None:
        """Use another database; nothing is shown of it yet."""
        self._logic = logic
        self._pictures.clear()
        self._running.clear()
        self._bytes = 0
        self.show_targets(())

    def stop(self) -> None:
        """Ask for nothing any more."""
        self._stopped = True
        self.show_targets(())

    def show_targets(self, targets: Sequence[str]) -> None:
        """Find the frames of these; `listed` or `failed` comes later, and only for the newest call."""
        self._generation += 1
        if self._listing is not None:
            self._listing.cancel()
            self._listing = None
        if not targets:
            self._frames = ()
            return
        logic, wanted, generation = self._logic, tuple(targets), self._generation
        self._listing = self._jobs.run(
            "Listing the images of the preview",
            lambda: call_job(lambda: logic.preview_frames(wanted)),
            on_success=lambda frames: self._on_listed(generation, frames),
            on_failure=lambda failure: self._on_list_failed(generation, failure),
            on_cancelled=lambda: self._on_list_cancelled(generation),
            quiet=True,
            owner=logic,
        )

    def go_to(self, index: int) -> None:
        """Make one of the frames the present one: its picture is fetched first, then those around it."""
        if index != self._index:
            self._direction = 1 if index > self._index else -1
        self._index = index
        self._fetch()

    def picture(self, index: int) -> Picture | None:
        """Return the picture of a frame; None where it is still to come."""
        if not 0 <= index < len(self._frames):
            return None
        key = _key(self._frames[index])
        found = self._pictures.get(key)
        if found is not None:
            self._pictures.move_to_end(key)
        return found

    def _on_listed(self, generation: int, frames: tuple[PreviewFrame, ...]) -> None:
        if generation != self._generation:
            return
        self._listing = None
        self._frames = frames
        self._index = 0
        self.listed.emit()

    def _on_list_failed(self, generation: int, failure: Failure) -> None:
        if generation != self._generation:
            return
        self._listing = None
        self._frames = ()
        self.failed.emit(failure.text)

    def _on_list_cancelled(self, generation: int) -> None:
        if generation == self._generation:
            self._listing = None

    def _fetch(self) -> None:
        for step in AHEAD:
            index = self._index + step * self._direction * self.stride
            if self._stopped or len(self._running) >= MOST_AT_ONCE:
                return
            if 0 <= index < len(self._frames):
                frame = self._frames[index]
                if (key := _key(frame)) not in self._pictures and key not in self._running:
                    self._start(frame, key)

    def _start(self, frame: PreviewFrame, key: _Key) -> None:
        logic, longest_px = self._logic, self._longest_px
        self._running.add(key)
        self._jobs.run(
            "Decoding an image of the preview",
            lambda: call_job(lambda: _picture(logic, frame, longest_px)),
            on_success=lambda picture: self._on_fetched(logic, key, picture),
            on_failure=lambda failure: self._on_fetched(logic, key, Picture(None, failure.text)),
            on_cancelled=lambda: self._on_fetch_cancelled(logic, key),
            quiet=True,
            lane=Lane.PICTURE,
            owner=logic,
        )

    def _on_fetch_cancelled(self, logic: DICOMModuleLogic, key: _Key) -> None:
        if logic is self._logic:
            self._running.discard(key)

    def _on_fetched(self, logic: DICOMModuleLogic, key: _Key, picture: Picture) -> None:
        if logic is not self._logic or self._stopped:
            return
        self._running.discard(key)
        self._pictures[key] = picture
        self._bytes += picture.size_bytes
        most_bytes = MOST_BYTES if self._most_bytes is None else self._most_bytes
        while len(self._pictures) > 1 and (self._bytes > most_bytes or len(self._pictures) > MOST_KEPT):
            self._bytes -= self._pictures.popitem(last=False)[1].size_bytes
        reach = max(AHEAD) * self.stride
        near = range(max(0, self._index - reach), min(len(self._frames), self._index + reach + 1))
        for index in near:
            if _key(self._frames[index]) == key:
                self.arrived.emit(index)
        self._fetch()


def _key(frame: PreviewFrame) -> _Key:
    return frame.sop_instance_uid, frame.frame


def _picture(logic: DICOMModuleLogic, frame: PreviewFrame, longest_px: int) -> Picture:
    try:
        return Picture(image_of_pixels(logic.preview_picture(frame, longest_px)))
    except DICOMModuleError as error:
        return Picture(None, reason_of(error))
