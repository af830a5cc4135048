"""Pictures of the window, its panels and dialogs in every state, to be looked at: what a person sees, without a person.

    python Testing/pictures.py FOLDER [NAME]... [--only dark-1280x800]

Each of these is drawn without a screen: dark and light at 1280 × 800, and both at 3840 × 2160 with a scale of 200 %. The
data are made here. Questions to ask of each picture: what is seen first, and is it the image? Which two things are not
aligned? What could go? Is a text cut, a widget squeezed, a grey on grey? What does a first-time user click next?
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing"), str(ROOT / "Testing" / "Python")]

VARIANTS = {
    "dark-1280x800": ("dark", (1280, 800), 1),
    "light-1280x800": ("light", (1280, 800), 1),
    "dark-3840x2160": ("dark", (3840, 2160), 2),
    "light-3840x2160": ("light", (3840, 2160), 2),
}


def main() -> None:
    """Draw every variant in a process of its own: a scale is set before Qt starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="pictures to draw; none: all")
    parser.add_argument("--only", choices=VARIANTS, help="one variant")
    parser.add_argument("--here", choices=VARIANTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        draw(given.folder / given.here, given.here, given.names)
        return
    for variant in [given.only] if given.only else VARIANTS:
        (given.folder / variant).mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(VARIANTS[variant][2])}
        words = [sys.executable, __file__, str(given.folder), *given.names, "--here", variant]
        subprocess.run(words, env=environment, check=True)


def draw(folder: Path, variant: str, names: list[str]) -> None:
    """Draw the pictures of one variant."""
    from DICOMModule.app import ViewerOptions, viewer_window

    theme, size, _ = VARIANTS[variant]
    with tempfile.TemporaryDirectory(prefix="dicommodule-pictures-") as base:
        options = ViewerOptions(Path(base) / "database", theme=theme, settings_file=Path(base) / "settings.json")
        with viewer_window(options) as window:
            window.viewer.settings.change(theme=theme, developer_mode="developer" in names)
            window.open(size, unseen=True)
            studio = Studio(window, Path(base), folder, names)
            studio.take_all()


class Studio:
    """Brings the window into one state after the other and takes its picture."""

    def __init__(self, window, base: Path, folder: Path, names: list[str]) -> None:
        self.window, self.viewer, self.base, self.folder = window, window.viewer, base, folder
        self._names = names

    @property
    def panel(self):
        """The module's panel."""
        return self.window.host.current.widget

    def take(self, name: str, widget=None) -> None:
        """Take a picture of the window, or of another widget."""
        from window_hand import pause

        pause(0.15)
        if not self._names or name in self._names:
            path = self.folder / f"{name}.png"
            (widget or self.window).grab().save(str(path))
            print(path)

    def settle(self) -> None:
        """Wait until nothing is under way any more."""
        from window_hand import pause, wait_until

        wait_until(lambda: self.viewer.jobs.is_idle and self.window.area.is_settled, 120)
        pause(0.4)
        wait_until(lambda: self.viewer.jobs.is_idle and self.window.area.is_settled, 120)

    def take_all(self) -> None:
        """Take every picture, in an order in which one state grows out of the one before."""
        from browser_pictures import take_browser
        from kind_pictures import take_kinds
        from network_pictures import take_network

        self.settle()
        self.take("empty")
        self._busy()
        self._filled()
        take_browser(self)
        take_network(self)
        take_kinds(self)
        self._views()
        self._dialogs()
        self._errors()

    # -- states

    def _busy(self) -> None:
        from window_hand import pause, wait_until

        from DICOMModule.jobs import Progress

        data = made_data(self.base / "data")
        hold = [True]

        def job():
            number = 0
            while hold:
                number += 7
                yield Progress(number % 9000, 9000, "image.dcm")
                import time

                time.sleep(0.005)

        handle = self.viewer.jobs.run("Importing CD", job)
        self.panel.database.progress.bind(handle)
        self.panel.database.show_importing(True)
        pause(2.0)
        self.take("busy-import")
        self.window.strip.set_open(True)
        self.take("busy-jobs")
        self.window.strip.set_open(False)
        hold.clear()
        wait_until(lambda: not self.viewer.jobs.running)
        self.panel.database.show_importing(False)
        self.viewer.paths_dropped.emit((data,))
        self.settle()
        self.take("imported")
        self.viewer.banners.clear()

    def _filled(self) -> None:
        browser = self.panel.browser
        study = self.panel.logic.database().studies(search="phantom chest")[0]
        series = self.panel.logic.database().series(study=study.study_instance_uid)
        browser.select((series[0].series_instance_uid,))
        self.settle()
        self.take("selected")
        self.take("panel", self.window.panel_dock.widget())
        browser.search_field.setText("nothing like it")
        from window_hand import pause

        pause(0.5)
        self.take("no-hits")
        browser.search_field.clear()
        self.settle()
        self.viewer.views.set_spread(True)
        self.settle()
        self.take("spread")
        self.viewer.views.set_spread(False)
        browser.select((series[0].series_instance_uid,))
        self.settle()
        self.panel.sections["Servers"].set_folded(False)
        self.take("servers")
        self.panel.sections["Servers"].set_folded(True)

    def _views(self) -> None:
        from DICOMModule.widgets.views.view_state import VIEW_NAMES

        views = self.viewer.views
        study = self.panel.logic.database().studies(search="phantom chest")[0]
        uids = [row.series_instance_uid for row in self.panel.logic.database().series(study=study.study_instance_uid)]
        self.panel._loader.load_targets(uids, "the phantoms")
        self.settle()
        self.take("four-up")
        for layout in ("axial", "3d", "two-up", "three-up", "one-and-three"):
            views.set_layout(layout)
            self.settle()
            self.take(f"layout-{layout}")
        views.set_layout("four-up")
        self.window.toggle_scene()
        views.show_foreground(self.viewer.scene.nodes[1].id)
        self.settle()
        self.take("scene-and-foreground")
        self.window.toggle_scene()
        views.show_foreground("")
        views.set_slab(20.0, "mip")
        views.set_tool("crosshair")
        self.settle()
        self.take("slab-and-crosshair")
        views.set_slab(0.0)
        views.set_tool("window")
        assert set(self.window.area.views) == set(VIEW_NAMES)

    def _dialogs(self) -> None:
        from DICOMModule.widgets.browser.context_menu import context_menu
        from DICOMModule.widgets.dialogs.copy_dialog import CopyDialog
        from DICOMModule.widgets.dialogs.export_dialog import ExportDialog
        from DICOMModule.widgets.dialogs.import_dialog import ImportDialog
        from DICOMModule.widgets.qt import QApplication

        window, panel = self.window, self.panel
        selection = panel.browser.selection
        for name, act in (
            ("settings", window.show_settings),
            ("keys", window.show_keys),
            ("log", window.show_log),
            ("about", window.show_about),
        ):
            act()
            self.settle()
            dialog = window._dialogs[name]
            self.take(f"dialog-{name}", dialog)
            dialog.close()
        panel.dialogs.show_examine(selection)
        self.settle()
        self.take("dialog-examine", panel.dialogs.examine)
        panel.dialogs.examine.close()
        panel.dialogs.show_metadata(selection)
        self.settle()
        self.take("dialog-metadata", panel.dialogs.metadata)
        panel.dialogs.metadata.close()
        study = panel.logic.database().studies(search="phantom chest")[0]
        for name, dialog in (
            ("export", ExportDialog(panel.logic, self.viewer, study, "", window)),
            ("import", ImportDialog(str(self.base), parent=window)),
            ("copy", CopyDialog(panel.logic, self.viewer, selection, window)),
        ):
            dialog.show()
            self.settle()
            self.take(f"dialog-{name}", dialog)
            dialog.close()
            dialog.deleteLater()
        menu = context_menu(selection, {}, window)
        menu.ensurePolished()
        menu.resize(menu.sizeHint())
        self.take("menu-context", menu)
        main_menu = window.tools.menu
        main_menu.resize(main_menu.sizeHint())
        self.take("menu-main", main_menu)
        assert QApplication.activeModalWidget() is None

    def _errors(self) -> None:
        from window_hand import pause, wait_until

        broken = self.base / "broken"
        broken.mkdir()
        for number, path in enumerate(sorted((self.base / "data").rglob("*.dcm"))[:12]):
            (broken / f"{number}.dcm").write_bytes(path.read_bytes()[: 500 + 40 * number])
        self.viewer.paths_dropped.emit((broken,))
        self.settle()
        banner = self.viewer.banners.shown[0]
        self.take("error-import")
        button = next(
            one for one in banner.findChildren(type(self.panel.slicer_interface.load_button)) if "details" in one.text()
        )
        button.click()
        self.settle()
        self.take("dialog-import-summary", self.panel._importer._summary)
        self.panel._importer._summary.close()
        self.viewer.banners.clear()
        series = self.panel.logic.database().series(search="gone")[0]
        for path in self.panel.logic.paths_of([series.series_instance_uid]):
            path.unlink()
        self.panel._loader.load_targets([series.series_instance_uid], "a series whose files are gone")
        self.settle()
        self.window.strip.set_open(True)
        self.take("error-load")
        self.window.strip.set_open(False)
        self.viewer.banners.clear()
        sys.excepthook(*fault())
        pause(0.3)
        from DICOMModule.widgets.dialogs.exception_dialog import ExceptionDialog
        from DICOMModule.widgets.qt import QApplication

        wait_until(
            lambda: any(isinstance(one, ExceptionDialog) and one.isVisible() for one in QApplication.topLevelWidgets())
        )
        dialog = next(one for one in QApplication.topLevelWidgets() if isinstance(one, ExceptionDialog))
        self.take("dialog-exception", dialog)
        dialog.close()


def fault():
    """Return a fault of a program as the exception hook gets it."""
    try:
        int("no number")
    except ValueError:
        return sys.exc_info()


def made_data(folder: Path) -> Path:
    """Make studies of several patients: phantoms, names in several scripts, long ones, and series that cannot be loaded."""
    import factories

    from DICOMModule.demo.catalogue import Phantom
    from DICOMModule.demo.series import write_phantom_job
    from DICOMModule.jobs import run_to_end

    folder.mkdir(parents=True)
    for phantom in (
        Phantom("pictures", "Chest phantom, 2 mm", 1, (176, 126, 110), (2.0, 2.0, 2.0)),
        Phantom("pictures-oblique", "Chest phantom, oblique", 2, (160, 120, 60), (2.2, 2.2, 4.0), 20.0, 12.0),
    ):
        run_to_end(write_phantom_job(phantom, folder))
    names = (
        ("Yamada^Tarou=山田^太郎", "脳ドック"),
        ("Иванов^Пётр^Сергеевич", "МРТ головного мозга"),
        ("Wolfeschlegelsteinhausenbergerdorff^Hubert Blaine Maximilian^^Prof. Dr.", "Thorax, abdomen and pelvis with contrast, portal venous phase, reformatted"),
        ("Müller^Jörg", "Knee"),
        ("", ""),
    )  # fmt: skip
    for number, (name, study) in enumerate(names):
        factories.make_series(
            folder / f"patient{number}", f"patient{number}", modality="MR" if number % 2 else "CT", slices=12, rows=64, columns=64,
            PatientName=name, PatientID=f"ID-{number}" if name else "", StudyDescription=study, StudyDate=f"2026030{number + 1}",
        )  # fmt: skip
    factories.make_series(
        folder / "gaps", "gaps", slices=14, rows=64, columns=64, drop=(4, 5), SeriesDescription="With two slices missing",
        PatientName="Gap^Grace", PatientID="ID-7",
    )  # fmt: skip
    factories.make_series(
        folder / "gone", "gone", slices=5, rows=32, columns=32, SeriesDescription="Gone", PatientName="Gone^Gary", PatientID="ID-8",
    )  # fmt: skip
    return folder


Act = Callable[[], object]

if __name__ == "__main__":
    main()
