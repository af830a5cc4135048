"""The host of the scripted modules: finds them, shows one at a time, reloads and tests them, and ends them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from DICOMModule.errors import Problem, ScriptedModuleError, SettingsError, plain_text
from DICOMModule.paths import with_home
from DICOMModule.scripted_module import FoundModule, find_modules, read_package, reload_module
from DICOMModule.settings import Settings
from DICOMModule.widgets.module_pages import HostedModule
from DICOMModule.widgets.module_selector import ModuleSelector
from DICOMModule.widgets.module_testing import DeveloperPanel, module_file, open_in_editor
from DICOMModule.widgets.qt import (
    QEvent,
    QFrame,
    QObject,
    QScrollArea,
    QSize,
    QSizePolicy,
    QStackedWidget,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.section import Section
from DICOMModule.widgets.viewer import Viewer

LOG = logging.getLogger(__name__)
OWN_PACKAGES: Final = ("DICOMModule",)
LAST_MODULE: Final = "module"


class ModuleHost(QWidget):
    """Shows the panel of one scripted module at a time.

    Parameters
    ----------
    viewer : Viewer
        What the modules are lent; its settings name the folders of further modules.
    packages : sequence of str
        Installed packages that are modules.

    Signals
    -------
    module_shown : str
        Another module has come to the front, or the same one anew; its name.

    Attributes
    ----------
    selector : ModuleSelector
        The button with the menu of modules; it lies at the top unless a tool bar takes it.
    developer : DeveloperPanel
        Reload, Reload and Test, Edit; seen in developer mode.
    """

    module_shown = pyqtSignal(str)

    def __init__(self, viewer: Viewer, packages: Sequence[str] = OWN_PACKAGES, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._packages = tuple(packages)
        self._modules: dict[str, HostedModule] = {}
        self._current: HostedModule | None = None
        self._folders: tuple[str, ...] = ()
        self._is_closed = False
        self._reloading: HostedModule | None = None
        self._leaving: list[HostedModule] = []
        self.selector = ModuleSelector()
        self.selector.chosen.connect(self.show_module)
        self.developer = DeveloperPanel(viewer.jobs)
        self.developer.reload_requested.connect(self.reload)
        self.developer.reload_and_test_requested.connect(self.reload_and_test)
        self.developer.edit_requested.connect(self.edit)
        self._lay_out()
        self._disconnect = viewer.settings.changed.connect(self._on_settings_changed)

    @property
    def modules(self) -> tuple[FoundModule, ...]:
        """The modules that were found."""
        return tuple(hosted.found for hosted in self._modules.values())

    @property
    def current(self) -> HostedModule | None:
        """The module that is shown."""
        return self._current

    def start(self) -> None:
        """Find the modules and show the one that was shown the last time; what cannot be used becomes a banner."""
        for name in self._packages:
            try:
                self._add(read_package(name))
            except ScriptedModuleError as error:
                self._viewer.banners.show_error(str(error))
        # Here and not in a job: a module is imported in the thread in which its widgets will be made.
        self._find(self._viewer.settings.value.module_folders)
        self._developer_section.setVisible(self._viewer.settings.value.developer_mode)
        last = self._viewer.settings.value.window.get(LAST_MODULE, "")
        first = last if last in self._modules else next(iter(self._modules), "")
        if first:
            self.show_module(first)

    def show_module(self, name: str) -> None:
        """Bring a module to the front: the old one's `exit`, the panel made the first time, its `enter`."""
        hosted = self._modules[name]
        if hosted is self._current or self._is_closed:
            return
        if self._current is not None:
            self._current.exit()
        self._bring(hosted)
        window = self._viewer.settings.value.window
        self._viewer.settings.change(window={**window, LAST_MODULE: name})

    def reload(self) -> None:
        """Read the files of the module that is shown again, and make its panel anew, once none of its jobs runs."""
        self._reload(lambda: None)

    def reload_and_test(self) -> None:
        """Reload the module that is shown and run its tests."""
        self._reload(self._test)

    def edit(self) -> None:
        """Open the file of the module that is shown."""
        if self._current is None:
            return
        try:
            open_in_editor(module_file(self._current.found), self._viewer.settings.value.editor)
        except SettingsError as error:
            self._viewer.banners.show_error(str(error))

    def close_modules(self) -> None:
        """Let every module let go of what it has; to be called once, before the window ends."""
        if self._is_closed:
            return
        self._is_closed = True
        self._disconnect()
        if self._current is not None:
            self._current.exit()
        for hosted in (*reversed(self._modules.values()), *self._leaving):
            hosted.cleanup()

    # -- reloading

    def _reload(self, then: Callable[[], object]) -> None:
        hosted = self._current
        if hosted is None or self._reloading is not None:
            return
        self._reloading = hosted
        self._show_reloading()

        def go_on() -> None:
            self._reloading = None
            self._show_reloading()
            if not self._is_closed and self._modules.get(hosted.found.name) is hosted:
                self._renew(hosted)
                then()

        self._settle(hosted, go_on)

    def _settle(self, hosted: HostedModule, then: Callable[[], object]) -> None:
        """Go on once no job works on what `cleanup` closes."""
        owner = hosted.job_owner

        def go_on() -> None:
            if hosted.job_owner is owner:
                then()
            else:
                self._settle(hosted, then)  # meanwhile it has begun to work on something else

        self._viewer.jobs.when_settled(owner, go_on)

    def _show_reloading(self) -> None:
        """Keep what is about to go from being used."""
        busy = self._reloading
        self.developer.setEnabled(busy is None)
        for hosted in self._modules.values():
            hosted.page.setEnabled(hosted is not busy)

    def _renew(self, hosted: HostedModule) -> None:
        is_shown = hosted is self._current
        if is_shown:
            hosted.exit()
        hosted.cleanup()
        found = hosted.found
        try:
            found = reload_module(found)
        except ScriptedModuleError as error:
            self._viewer.banners.show_error(f"{error} The panel is of the files as they were before.")
        old = hosted.renew(found)
        self._stack.removeWidget(old)
        old.deleteLater()
        self._stack.addWidget(hosted.page)
        if is_shown:
            self._bring(hosted)

    def _test(self) -> None:
        if self._current is not None:
            self.developer.run_tests_of(self._current.found)

    # -- its parts

    def _lay_out(self) -> None:
        self._stack = QStackedWidget()
        self._stack.setSizePolicy(QSizePolicy.Preferred, QSizePolicy.Expanding)
        self._developer_section = Section("Reload and test", self.developer)
        self._developer_section.hide()
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(8)
        column.addWidget(self._developer_section)
        column.addWidget(self._stack, 1)
        area = _PanelArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        area.setWidget(content)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addWidget(self.selector)
        whole.addWidget(area, 1)

    def _bring(self, hosted: HostedModule) -> None:
        hosted.set_up()
        self._current = hosted
        self._stack.setCurrentWidget(hosted.page)
        self.developer.show_module(hosted.found)
        self._list_modules()
        hosted.enter()
        self.module_shown.emit(hosted.found.name)

    def _list_modules(self) -> None:
        entries = [(one.found.name, one.title, one.category) for one in self._modules.values()]
        self.selector.show_modules(entries, self._current.found.name if self._current is not None else "")

    # -- finding

    def _add(self, found: FoundModule) -> None:
        hosted = HostedModule(found, self._viewer)
        self._modules[found.name] = hosted
        self._stack.addWidget(hosted.page)

    def _find(self, folders: tuple[str, ...]) -> None:
        """Take in the modules of folders that are not known yet."""
        new = [with_home(folder) for folder in folders if folder not in self._folders]
        self._folders = folders
        found, problems = find_modules(new)
        for module in found:
            if module.name in self._modules:
                taken = f"a module {module.name} was found before, in {self._modules[module.name].found.path}"
                problems.append(Problem(str(module.path), taken))
            else:
                self._add(module)
        for problem in problems:
            LOG.warning("a module cannot be used: %s: %s", plain_text(problem.where), problem.reason)
            self._viewer.banners.show_warning(f"{plain_text(problem.where)}: {problem.reason}")
        self._list_modules()

    def _on_settings_changed(self, settings: Settings) -> None:
        self._developer_section.setVisible(settings.developer_mode)
        if settings.module_folders == self._folders:
            return
        gone = [with_home(folder) for folder in self._folders if folder not in settings.module_folders]
        for name, hosted in list(self._modules.items()):
            if any(folder in hosted.found.path.parents for folder in gone):
                self._remove(name)
        self._find(settings.module_folders)

    def _remove(self, name: str) -> None:
        hosted = self._modules.pop(name)
        if hosted is self._current:
            hosted.exit()
            self._current = None
        self._stack.removeWidget(hosted.page)
        hosted.page.hide()
        self._leaving.append(hosted)
        self._settle(hosted, lambda: self._let_go(hosted))
        if self._current is None and self._modules:
            self.show_module(next(iter(self._modules)))

    def _let_go(self, hosted: HostedModule) -> None:
        self._leaving.remove(hosted)
        hosted.cleanup()
        hosted.page.deleteLater()


class _PanelArea(QScrollArea):
    """Scrolls a panel up and down; it is never narrower than the panel needs, as nothing scrolls it sideways."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask for room anew where the panel needs more or less of it than before."""
        if event.type() == QEvent.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the panel with a scroll bar beside it."""
        least = super().minimumSizeHint()
        if self.widget() is not None:
            width = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
            least.setWidth(max(least.width(), width))
        return least
