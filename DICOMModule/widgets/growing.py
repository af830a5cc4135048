"""Volumes of the scene that grow while images of their series arrive, whoever brings them: the listener, an import, another program."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from DICOMModule.errors import DatabaseError, DICOMModuleError, RenderingError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.logic import DICOMModuleLogic, Loaded
from DICOMModule.readers.growth import growth_of, others_of
from DICOMModule.readers.loadable import Loadable
from DICOMModule.scene import VolumeNode
from DICOMModule.scene.quantities import quantity_job
from DICOMModule.views.prepared import prepare_job
from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.banners import Banner
from DICOMModule.widgets.job_runner import JobState
from DICOMModule.widgets.qt import QObject, Qt, QTimer, pyqtSignal
from DICOMModule.widgets.scene_loading import Arrival, SceneLoader
from DICOMModule.widgets.viewer import Viewer

LOOK_MS: Final = 1500
REST_SHARE: Final = 2.0  # after a look that took long, for so many times as long nothing is read
Value: TypeAlias = Volume | VolumeSequence


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """A node that may grow; every change makes a new value, so that a job has a consistent one.

    Attributes
    ----------
    value : weak reference
        What the node has loaded; whoever has exchanged that has a node of another thing.
    others : int or None
        See `growth_of`; None where nobody has told yet.
    seen : int or None
        How many instances its series had when it was looked at last.
    is_waiting : bool
        What had come did not fit then; it is told if nothing more comes.
    """

    loader: SceneLoader
    loadable: Loadable
    value: weakref.ref[Value]
    others: int | None
    seen: int | None = None
    is_waiting: bool = False

    @property
    def series(self) -> tuple[str, ...]:
        """The series that it was loaded from; more than one where a user reads them as one."""
        return tuple(dict.fromkeys(one.series_instance_uid for one in self.loadable.instances))


@dataclass(frozen=True, slots=True, eq=False)
class _Finding:
    """What a look at the series of a node has found: see `Growth`; `loaded` and `shown` where it has grown."""

    node_id: str
    of: _Followed
    quantity: str
    seen: int
    others: int | None = None
    loadable: Loadable | None = None
    loaded: Value | None = None
    shown: Value | None = None
    reason: str = ""
    is_foreign: bool = False


class GrowingNodes(QObject):
    """Reads again what was loaded from the database, when its series has more images, and puts it in the old one's place.

    The database is asked in a job every 1.5 s, while there is something loaded from it: so it does not matter who brings
    the images. Nothing is exchanged where what the series can be loaded as has changed; then, once no more images come, a
    banner says so.

    Parameters
    ----------
    viewer : Viewer
        Scene, jobs and banners.
    """

    _found = pyqtSignal(object)

    def __init__(self, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._logic: DICOMModuleLogic | None = None
        self._followed: dict[str, _Followed] = {}
        self._removed: list[_Followed] = []
        self._banners: dict[str, Banner] = {}
        self._is_looking = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        self._found.connect(self._on_found, Qt.QueuedConnection)  # type: ignore[call-arg]
        self._disconnects = (
            viewer.scene.added.connect(self._on_node_added),
            viewer.scene.removed.connect(self._on_node_removed),
        )

    def use(self, logic: DICOMModuleLogic | None) -> None:
        """Look into the database of this Logic from now on: that of what another one has loaded may be closed."""
        self._logic = logic
        self._go_on()

    def follow(self, arrival: Arrival) -> None:
        """Let a node grow that has just been loaded; one that came from no DICOM never does."""
        loadable, node = arrival.loaded.loadable, arrival.node
        if loadable is not None:
            self._followed[node.id] = _Followed(arrival.loader, loadable, weakref.ref(node.loaded), arrival.others)
            self._go_on()

    def close(self) -> None:
        """Look at nothing any more."""
        self._timer.stop()
        self._logic = None
        self._followed.clear()
        self._removed.clear()
        for disconnect in self._disconnects:
            disconnect()

    def _on_node_removed(self, node: VolumeNode) -> None:
        followed = self._followed.pop(node.id, None)
        self._take_banner(node.id)
        self._removed = [one for one in self._removed if one.value() is not None]
        if followed is not None:
            self._removed.append(followed)

    def _on_node_added(self, node: VolumeNode) -> None:
        """Go on with a node that comes back, as by Undo."""
        back = next((one for one in self._removed if one.value() is node.loaded), None)
        if back is not None:
            self._removed.remove(back)
            self._followed[node.id] = replace(back, seen=None, is_waiting=False)
            self._go_on()

    # -- looking

    def _go_on(self, interval_ms: int = 0) -> None:
        if not self._is_looking and not self._timer.isActive() and self._mine():
            self._timer.start(interval_ms or LOOK_MS)

    def _mine(self) -> dict[str, _Followed]:
        """Return what can be looked at now: nodes that still hold what was loaded."""
        return {
            node.id: followed
            for node in self._viewer.scene.nodes
            if (followed := self._followed.get(node.id)) is not None
            and followed.loader.logic is self._logic
            and followed.value() is node.loaded
        }

    def _look(self) -> None:
        mine = [(name, one, self._viewer.scene.node(name).quantity) for name, one in self._mine().items()]
        logic, began_s = self._logic, time.monotonic()
        if logic is None or not mine:
            return
        self._is_looking = True
        handle = self._viewer.jobs.run(
            "Looking for more images of what is shown", lambda: self._look_job(logic, mine), quiet=True, owner=logic
        )
        handle.ended.connect(lambda: self._on_looked(handle.state, time.monotonic() - began_s))

    def _on_looked(self, state: JobState, took_s: float) -> None:
        self._is_looking = False
        if state is not JobState.FAILED:  # a fault of the program, which is not to be told every second
            self._go_on(max(LOOK_MS, round(1000 * REST_SHARE * took_s)))

    # -- in the worker's thread

    def _look_job(self, logic: DICOMModuleLogic, nodes: Sequence[tuple[str, _Followed, str]]) -> Job[None]:
        for node_id, followed, quantity in nodes:
            yield Progress(0, 0)
            try:
                database = logic.database()
                count = sum(row.instances for uid in followed.series for row in database.series(series=uid))
            except DatabaseError:  # the browser says so; the next look is not far
                return
            found = _Finding(node_id, followed, quantity, count)
            try:
                if count > (followed.seen or 0) or (followed.is_waiting and count == followed.seen):
                    found = yield from _examined_job(logic, found)
            except (DICOMModuleError, OSError) as error:
                found = replace(found, reason=str(error))
            except MemoryError:
                found = replace(found, reason="There is not enough free memory to read it again.")
            self._found.emit(found)

    # -- in the thread of the window

    def _on_found(self, found: _Finding) -> None:
        node_id, followed = found.node_id, self._followed.get(found.node_id)
        node = self._mine_node(node_id)
        if followed is not found.of or node is None:
            return
        if found.is_foreign:
            del self._followed[node_id]
            return
        others = followed.others if found.others is None else found.others
        now = replace(followed, others=others, seen=found.seen, is_waiting=False)
        if found.loaded is not None and found.shown is not None and found.loadable is not None:
            if node.quantity != found.quantity:
                return  # it is looked at once more, as it is shown now
            grown = _exchanged(node, found.loaded, found.shown)
            self._followed[node_id] = replace(now, loadable=found.loadable, value=weakref.ref(found.loaded))
            self._take_banner(node_id)
            self._viewer.scene.replace(grown)
            return
        if found.reason:
            if followed.is_waiting and followed.seen == found.seen:
                self._tell(node, followed, found.reason)
            else:
                now = replace(now, is_waiting=True)
        self._followed[node_id] = now

    def _mine_node(self, node_id: str) -> VolumeNode | None:
        return self._viewer.scene.node(node_id) if node_id in self._mine() else None

    def _tell(self, node: VolumeNode, followed: _Followed, reason: str) -> None:
        self._take_banner(node.id)
        name = plain_text(node.name)
        self._banners[node.id] = self._viewer.banners.show_warning(
            f"More images of {name} have arrived than are shown. {plain_text(reason)} What is shown stays as it was loaded.",
            actions=[("Load again", lambda: self._on_load_again(followed, name))],
        )

    def _on_load_again(self, followed: _Followed, name: str) -> None:
        if followed.loader.logic is self._logic:
            followed.loader.load_targets(followed.series, name)
        else:
            self._viewer.banners.show_info(f"{name} is not of the database that is shown now.")

    def _take_banner(self, node_id: str) -> None:
        banner = self._banners.pop(node_id, None)
        if banner is not None and any(shown is banner for shown in self._viewer.banners.shown):
            banner.dismiss()


def _examined_job(logic: DICOMModuleLogic, found: _Finding) -> Job[_Finding]:
    """Say what has become of what was loaded, and read it where it has grown."""
    before = found.of
    examined: list[Loadable] = []
    for uid in before.series:
        if not any(uid == one.series_instance_uid for loadable in examined for one in loadable.instances):
            examined += logic.examine(uid)[0]
            yield Progress(0, 0)
    others = others_of(before.loadable, examined) if before.others is None else before.others
    growth = growth_of(before.loadable, others, examined)
    found = replace(found, others=others, reason=growth.reason, is_foreign=growth.is_foreign)
    if growth.loadable is None:
        return found
    loaded: Loaded = yield from logic.load_loadable_job(growth.loadable)
    value = loaded.sequence or loaded.volume
    shown = yield from quantity_job(value, found.quantity)
    with contextlib.suppress(RenderingError):  # a view that cannot show it says why
        yield from prepare_job(shown)
    return replace(found, loadable=growth.loadable, loaded=value, shown=shown)


def _exchanged(node: VolumeNode, loaded: Value, shown: Value) -> VolumeNode:
    """Return the node with the grown value, shown as it was; of a sequence at the same volume."""
    sequence = shown if isinstance(shown, VolumeSequence) else None
    index = 0 if sequence is None else _index_of(node.loaded_volume, loaded, node.index)
    return replace(
        node,
        volume=shown if isinstance(shown, Volume) else shown.volumes[index],
        sequence=sequence,
        index=index,
        measured=loaded if node.quantity else None,
    )


def _index_of(volume: Volume, grown: Value, index: int) -> int:
    """Return which volume of a sequence that has grown holds the images of one of before."""
    volumes = grown.volumes if isinstance(grown, VolumeSequence) else (grown,)
    held = _frames(volume)
    found = next((number for number, one in enumerate(volumes) if held & _frames(one)), index)
    return min(found, len(volumes) - 1)


def _frames(volume: Volume) -> set[tuple[str, int]]:
    return {(frame.header.sop_instance_uid, frame.frame_number) for frame in volume.frames if frame is not None}
