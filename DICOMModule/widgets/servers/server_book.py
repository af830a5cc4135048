"""The address book in the window: read and changed in jobs, with what tests found since it was opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from DICOMModule.database.servers import Merged, ServerEntry
from DICOMModule.errors import DatabaseNotFoundError, plain_text
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import QObject, pyqtSignal
from DICOMModule.widgets.servers.server_rows import ServerRow
from DICOMModule.widgets.undo import UndoStep
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

T = TypeVar("T")


class ServerBook(QObject):
    """The servers of the local database; `use` says which that is, also while a quick look shows another.

    Parameters
    ----------
    viewer : Viewer
        Jobs, banners, undo.

    Attributes
    ----------
    logic : DICOMModuleLogic
        On the database that has the address book.
    rows : tuple of ServerRow
        The servers as they were read last, in the user's order.

    Signals
    -------
    changed
        `rows` are other ones.
    """

    changed = pyqtSignal()

    def __init__(self, viewer: Viewer, logic: DICOMModuleLogic, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.logic = logic
        self.rows: tuple[ServerRow, ...] = ()
        self._failures: dict[str, str] = {}
        self._reading: JobHandle | None = None
        self._was_read = False

    @property
    def is_settled(self) -> bool:
        """Whether what the address book holds is shown."""
        return self._reading is None

    @property
    def dimse_entries(self) -> tuple[ServerEntry, ...]:
        """The servers that can be talked to."""
        return tuple(row.entry for row in self.rows if row.entry.kind == "dimse")

    def use(self, logic: DICOMModuleLogic) -> None:
        """Show the address book of another database."""
        if logic is not self.logic:
            was_read = self._was_read
            self.logic = logic
            self._failures.clear()
            self._show(())
            if was_read:
                self.read()

    def read_once(self) -> None:
        """Read the address book if that was not done yet."""
        if not self._was_read:
            self.read()

    def read(self) -> None:
        """Read the address book anew."""
        self._was_read = True
        if self._reading is not None:
            self._reading.cancel()
        logic = self.logic
        handle = self.viewer.jobs.run(
            "Reading the address book",
            lambda: call_job(lambda: _read(logic)),
            on_success=lambda rows: self._on_read(handle, rows),
            on_failure=lambda failure: self._on_not_read(handle, failure),
            on_cancelled=lambda: self._on_not_read(handle, None),
            quiet=True,
            owner=logic,
        )
        self._reading = handle

    def note_test(self, name: str, failure: str) -> None:
        """Take note of how a test went: what failed, or an empty text."""
        self._failures.pop(name, None)
        if failure:
            self._failures[name] = failure
        self.read()

    def save(
        self,
        before: ServerEntry | None,
        entry: ServerEntry,
        on_success: Callable[[], object],
        on_failure: Callable[[Failure], object],
    ) -> None:
        """Put an entry at the end, or in the place of another."""
        logic = self.logic

        def act() -> None:
            if before is None:
                logic.add_server(entry)
            else:
                logic.change_server(before.name, entry)

        def done(_nothing: None) -> None:
            if before is not None:
                self._failures.pop(before.name, None)
            on_success()

        self._write("Writing the address book", act, done, on_failure)

    def remove(self, entry: ServerEntry) -> None:
        """Take a server out; a banner and the undo stack offer to undo it."""
        position = next((place for place, row in enumerate(self.rows, 1) if row.entry == entry), len(self.rows))
        logic = self.logic

        def bring_back() -> None:
            logic.add_server(entry)
            logic.move_server(entry.name, position)

        def undo() -> bool:
            self._write("Bringing a server back", bring_back)
            return True

        def redo() -> bool:
            self._write("Removing a server", lambda: logic.remove_server(entry.name))
            return True

        step = UndoStep(f"removing the server {plain_text(entry.name)}", undo, redo, "database")

        def told(_nothing: None) -> None:
            self.viewer.undo.push(step)
            self.viewer.banners.show_info(
                f"The server {plain_text(entry.name)} was taken out of the address book.",
                actions=[("Undo", lambda: self.viewer.undo.undo(step))],
            )

        self._write("Removing a server", lambda: logic.remove_server(entry.name), told)

    def move(self, name: str, steps: int) -> None:
        """Move a server up (negative) or down in the list."""
        place = next((place for place, row in enumerate(self.rows, 1) if row.entry.name == name), 0)
        logic, wanted = self.logic, place + steps
        if place and 1 <= wanted <= len(self.rows):
            self._write("Moving a server", lambda: logic.move_server(name, wanted))

    def import_file(self, path: Path) -> None:
        """Take in an address book; what is there under the same name stays, and a banner offers to replace it."""
        self._merge(path, replacing=False)

    def export_file(self, path: Path) -> None:
        """Write the address book to a file; whoever chose the name has agreed to replace what is there."""
        logic, banners = self.logic, self.viewer.banners
        self._write(
            "Exporting the address book",
            lambda: logic.export_servers(path, overwrite=True),
            lambda number: banners.show_info(f"Exported {counted(number, 'server')} to {plain_text(str(path))}."),
        )

    def _merge(self, path: Path, *, replacing: bool) -> None:
        logic, banners = self.logic, self.viewer.banners

        def told(merged: Merged) -> None:
            sentence = merged_sentence(merged)
            if merged.kept:
                replace_them = ("Replace them", lambda: self._merge(path, replacing=True))
                banners.show_warning(sentence, "\n".join(map(plain_text, merged.kept)), [replace_them])
            else:
                banners.show_info(sentence)

        self._write("Importing servers", lambda: logic.import_servers(path, replacing=replacing), told)

    def _write(
        self,
        title: str,
        act: Callable[[], T],
        on_success: Callable[[T], object] | None = None,
        on_failure: Callable[[Failure], object] | None = None,
    ) -> None:
        handle = self.viewer.jobs.run(
            title,
            lambda: call_job(act),
            on_success=on_success,
            on_failure=on_failure or self.viewer.banners.show_failure,
            quiet=True,
            owner=self.logic,
        )
        handle.ended.connect(self.read)

    def _on_read(self, handle: JobHandle, rows: tuple[ServerRow, ...]) -> None:
        if handle is self._reading:
            self._reading = None
            self._show(tuple(replace(row, failure=self._failures.get(row.entry.name, "")) for row in rows))

    def _on_not_read(self, handle: JobHandle, failure: Failure | None) -> None:
        if handle is self._reading:
            self._reading = None
            if failure is not None:
                self.viewer.banners.show_failure(failure)

    def _show(self, rows: tuple[ServerRow, ...]) -> None:
        if rows != self.rows:
            self.rows = rows
            self.changed.emit()


def merged_sentence(merged: Merged) -> str:
    """Return what came of taking in an address book."""
    parts = [
        (merged.added, "{} added"),
        (merged.replaced, "{} replaced"),
        (merged.unchanged, "{} there already"),
        (merged.kept, "{} kept as they were: the file has other entries of the same names"),
    ]
    told = [words.format(counted(len(names), "server")) for names, words in parts if names]
    return f"{'; '.join(told)}." if told else "The file holds no server."


def _read(logic: DICOMModuleLogic) -> tuple[ServerRow, ...]:
    try:
        return tuple(ServerRow(entry, logic.server_facts(entry.name)) for entry in logic.servers())
    except DatabaseNotFoundError:
        return ()
