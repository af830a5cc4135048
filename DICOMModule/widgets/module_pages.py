"""One hosted module: its page, its panel made once, and its hooks, which may raise whatever they like."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Final

from DICOMModule.errors import DICOMModuleError
from DICOMModule.scripted_module import FoundModule, ScriptedModule, ScriptedModuleWidget
from DICOMModule.widgets.faults import fault_of
from DICOMModule.widgets.qt import QLabel, QSizePolicy, Qt, QVBoxLayout, QWidget
from DICOMModule.widgets.viewer import Viewer

LOG = logging.getLogger(__name__)
NO_PANEL: Final = "This module has no panel."
FAILED: Final = "This module could not be set up; the message above the views says why."


class HostedModule:
    """A module in the window.

    Parameters
    ----------
    found : FoundModule
        Its classes.
    viewer : Viewer
        What the window lends it.

    Attributes
    ----------
    page : QWidget
        What its panel fills; another one after a reload.
    is_set_up : bool
        Whether `setup` has run to its end: only then are the other hooks called.
    """

    def __init__(self, found: FoundModule, viewer: Viewer) -> None:
        self.found = found
        self.page = QWidget()
        self.is_set_up = False
        self._viewer = viewer
        self._widget: ScriptedModuleWidget | None = None
        self._was_tried = False

    @property
    def title(self) -> str:
        """What the menu calls it."""
        return self.found.module.title or self.found.name

    @property
    def category(self) -> str:
        """Under which heading the menu lists it."""
        return next(iter(self.found.module.categories), "")

    @property
    def widget(self) -> ScriptedModuleWidget | None:
        """Its panel; None before `set_up`, and where it has none."""
        return self._widget

    @property
    def job_owner(self) -> object:
        """Whose jobs are over before `cleanup`: its panel's ``logic``, else the panel."""
        logic = getattr(self._widget, "logic", None)
        if logic is not None:
            return logic
        return self if self._widget is None else self._widget

    def set_up(self) -> None:
        """Make the panel and call its `setup`, the first time; a module that fails says so on its page."""
        if self._was_tried:
            return
        self._was_tried = True
        layout = QVBoxLayout(self.page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        if self.found.widget is None:
            self._say(NO_PANEL)
            return
        if self._guarded("setup", self._make):
            self.is_set_up = True
        else:
            self._clear_page()
            self._say(FAILED)

    def enter(self) -> None:
        """Tell the panel that it has come to the front."""
        if self.is_set_up and self._widget is not None:
            self._guarded("enter", self._widget.enter)

    def exit(self) -> None:
        """Tell the panel that another has come to the front."""
        if self.is_set_up and self._widget is not None:
            self._guarded("exit", self._widget.exit)

    def cleanup(self) -> None:
        """Let the panel let go of everything; once."""
        if self.is_set_up and self._widget is not None:
            self.is_set_up = False
            self._guarded("cleanup", self._widget.cleanup)
        self._widget = None

    def renew(self, found: FoundModule) -> QWidget:
        """Take other classes and an empty page; the old page is returned and is the caller's to delete."""
        old = self.page
        self.found, self.page = found, QWidget()
        self.is_set_up = self._was_tried = False
        self._widget = None
        return old

    def about_text(self) -> str:
        """Return help, contributors and acknowledgement, as plain text."""
        described: type[ScriptedModule] = self.found.module
        contributors = ", ".join(described.contributors)
        parts = [described.help_text, f"By {contributors}." if contributors else "", described.acknowledgement_text]
        return "\n\n".join(part.strip() for part in parts if part.strip()) or "It says nothing about itself."

    def _make(self) -> None:
        if self.found.widget is not None:
            self._widget = self.found.widget(self.page, self._viewer)
            self._widget.setup()

    def _guarded(self, hook: str, call: Callable[[], object]) -> bool:
        """Call a hook; whatever it raises becomes a banner and a line of the log, and False is returned."""
        try:
            call()
        except DICOMModuleError as error:
            self._viewer.banners.show_error(str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's module may raise anything; it is told
            fault = fault_of(error)
            LOG.error("the hook %s of the module %s failed:\n%s", hook, self.found.name, fault.details)
            self._viewer.banners.show_error(
                f"The module {self.title} failed in {hook}: {fault.headline}. Mend it, then reload it in developer mode.",
                "".join(traceback.format_exception(error)),
            )
        else:
            return True
        return False

    def _say(self, text: str) -> None:
        label = QLabel(text)
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignCenter)
        label.setProperty("caption", True)
        label.setSizePolicy(QSizePolicy.Preferred, QSizePolicy.Expanding)
        self.page.layout().addWidget(label)

    def _clear_page(self) -> None:
        for widget in self.page.findChildren(QWidget, options=Qt.FindDirectChildrenOnly):
            widget.hide()
            widget.deleteLater()
