"""Labels, notes and saved searches from the window: the forms, the jobs that write them, and how they are undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from DICOMModule.database import SavedSearch
from DICOMModule.errors import plain_text
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.search_menu import SearchMenu
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.dialogs.label_dialog import LabelDialog
from DICOMModule.widgets.dialogs.note_dialog import NoteDialog
from DICOMModule.widgets.dialogs.saved_searches import SavedSearches, SaveSearchDialog
from DICOMModule.widgets.job_runner import JobHandle
from DICOMModule.widgets.qt import QDialog, QWidget
from DICOMModule.widgets.undo import UndoStep
from DICOMModule.widgets.viewer import Viewer

T = TypeVar("T")
Changes = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


class Annotator:
    """Asks for what users write, writes it in jobs, and offers to undo it.

    Parameters
    ----------
    logic : DICOMModuleLogic
        On the database; another one with `use`.
    viewer : Viewer
        Jobs, banners, and the undo stack.
    menu : SearchMenu
        Knows the searches and labels that there are.
    window : QWidget
        Before which the forms stand.
    on_changed : callable
        Shows the database anew.
    """

    def __init__(
        self,
        logic: DICOMModuleLogic,
        viewer: Viewer,
        menu: SearchMenu,
        window: QWidget,
        on_changed: Callable[[], object],
    ) -> None:
        self._logic = logic
        self._viewer = viewer
        self._menu = menu
        self._window = window
        self._on_changed = on_changed
        self._running: JobHandle | None = None
        self.form: QDialog | None = None
        self.searches: SavedSearches | None = None

    def use(self, logic: DICOMModuleLogic) -> None:
        """Write into another database."""
        self.close()
        self._logic = logic

    def close(self) -> None:
        """Close what is open."""
        for dialog in (self.form, self.searches):
            if dialog is not None:
                dialog.close()
                dialog.deleteLater()
        self.form = self.searches = None

    # -- labels

    def ask_labels(self, selection: Selection) -> None:
        """Show which labels the selection bears, and let that be changed."""
        logic, targets, text = self._logic, selection.targets, selection.text
        if targets:
            self._run(
                "Reading labels",
                lambda: (logic.label(targets), [label.label for label in logic.labels()]),
                lambda read: self._show_labels(logic, text, *read),
            )

    def _show_labels(
        self, logic: DICOMModuleLogic, text: str, borne: Sequence[tuple[str, tuple[str, ...]]], known: Sequence[str]
    ) -> None:
        if logic is not self._logic:
            return
        dialog = LabelDialog(text, [labels for _, labels in borne], known, self._window)
        dialog.accepted.connect(lambda: self.change_labels(text, dict(borne), *dialog.changes))
        self._show_form(dialog)

    def change_labels(
        self, text: str, before: Mapping[str, tuple[str, ...]], add: Sequence[str], remove: Sequence[str]
    ) -> None:
        """Put labels on all of the targets and take others off; what each bore `before` comes back by Undo."""
        if not add and not remove:
            return
        logic, targets = self._logic, tuple(before)

        def write() -> Changes:
            now = dict(logic.label(targets, add, remove))
            return {
                target: (
                    tuple(one for one in labels if one not in before[target]),
                    tuple(one for one in before[target] if one not in labels),
                )
                for target, labels in now.items()
            }

        self._run("Writing labels", write, lambda changes: self._on_labels_changed(text, changes))

    def _on_labels_changed(self, text: str, changes: Changes) -> None:
        back = {target: (removed, added) for target, (added, removed) in changes.items()}
        if any(added or removed for added, removed in changes.values()):
            self._push(
                f"changing the labels of {text}", lambda: self._change_each(back), lambda: self._change_each(changes)
            )
        self._on_changed()

    def _change_each(self, changes: Changes) -> bool:
        logic = self._logic

        def write() -> None:
            for target, (add, remove) in changes.items():
                logic.label([target], add, remove)

        return self._again("Writing labels", write)

    # -- notes

    def ask_note(self, selection: Selection) -> None:
        """Show the note of the one thing that is selected, and let it be written."""
        if len(selection.targets) != 1:
            self._viewer.banners.show_info("A note belongs to one patient, study or series: select that one.")
            return
        logic, target, text = self._logic, selection.targets[0], selection.text
        self._run("Reading a note", lambda: logic.note(target), lambda note: self._show_note(logic, target, text, note))

    def _show_note(self, logic: DICOMModuleLogic, target: str, text: str, note: str) -> None:
        if logic is not self._logic:
            return
        dialog = NoteDialog(text, note, self._window)
        dialog.accepted.connect(lambda: self.write_note(target, text, note, dialog.note))
        self._show_form(dialog)

    def write_note(self, target: str, text: str, before: str, note: str) -> None:
        """Write the note of a target; the one `before` comes back by Undo."""
        logic = self._logic
        if note != before:
            self._run(
                "Writing a note",
                lambda: logic.set_note(target, note),
                lambda kept: self._on_note_written(target, text, before, kept),
            )

    def _on_note_written(self, target: str, text: str, before: str, kept: str) -> None:
        logic = self._logic
        if kept != before:
            self._push(
                f"writing the note of {text}",
                lambda: self._again("Writing a note", lambda: logic.set_note(target, before)),
                lambda: self._again("Writing a note", lambda: logic.set_note(target, kept)),
            )
        self._on_changed()

    # -- searches

    def ask_search_name(self, text: str) -> None:
        """Ask under which name a search is to be kept."""
        text = text.strip()
        if not text:
            return
        dialog = SaveSearchDialog(text, [search.name for search in self._menu.kept.searches], self._window)
        dialog.accepted.connect(lambda: self.save_search(SavedSearch(dialog.name, text)))
        self._show_form(dialog)

    def save_search(self, search: SavedSearch) -> None:
        """Keep a search."""
        logic = self._logic
        self._run(
            "Saving a search",
            lambda: logic.save_search(search.name, search.text),
            lambda _nothing: self._on_search_saved(search),
        )

    def show_searches(self, on_chosen: Callable[[str], object]) -> None:
        """List the searches; one that is chosen is searched for."""
        if self.searches is None:
            self.searches = SavedSearches(self._viewer, self._window)
            self.searches.search_chosen.connect(on_chosen)
            self.searches.renamed.connect(self._rename)
            self.searches.removed.connect(self._remove)
        self.searches.show_searches(self._menu.kept.searches)
        self.searches.present()

    def _on_search_saved(self, search: SavedSearch) -> None:
        self._viewer.banners.show_info(f"Saved the search {plain_text(search.name)}.")
        self._show_searches_anew()

    def _rename(self, search: SavedSearch, name: str) -> None:
        logic = self._logic

        def write() -> None:
            logic.save_search(name, search.text)  # first the new one: nothing is lost if the other fails
            logic.remove_search(search.name)

        self._run("Renaming a search", write, lambda _nothing: self._show_searches_anew())

    def _remove(self, search: SavedSearch) -> None:
        logic = self._logic
        self._run(
            "Removing a search", lambda: logic.remove_search(search.name), lambda _nothing: self._on_removed(search)
        )

    def _on_removed(self, search: SavedSearch) -> None:
        self._viewer.banners.show_info(
            f"Removed the search {plain_text(search.name)}.", actions=[("Undo", lambda: self.save_search(search))]
        )
        self._show_searches_anew()

    def _show_searches_anew(self) -> None:
        self._menu.read_then(self._on_searches_read)

    def _on_searches_read(self) -> None:
        if self.searches is not None:
            self.searches.show_searches(self._menu.kept.searches)

    # -- how

    def _show_form(self, dialog: QDialog) -> None:
        if self.form is not None:
            self.form.close()
            self.form.deleteLater()
        self.form = dialog
        dialog.open()

    def _run(self, title: str, do: Callable[[], T], on_success: Callable[[T], object]) -> JobHandle:
        return self._viewer.jobs.run(
            title,
            lambda: call_job(do),
            on_success=on_success,
            on_failure=self._viewer.banners.show_failure,
            quiet=True,
            owner=self._logic,
        )

    def _push(self, text: str, undo: Callable[[], bool], redo: Callable[[], bool]) -> None:
        self._viewer.undo.push(UndoStep(text, undo, redo, "database"))

    def _again(self, title: str, do: Callable[[], object]) -> bool:
        """Write once more, unless the last one is still being written."""
        if self._running is not None:
            return False
        self._running = self._run(title, do, lambda _nothing: self._on_changed())
        self._running.ended.connect(self._on_ended)
        return True

    def _on_ended(self) -> None:
        self._running = None
