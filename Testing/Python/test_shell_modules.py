"""The module host: finds and shows modules, survives whatever they raise, reloads and tests them, and ends them."""

from __future__ import annotations

import builtins
import json
import sys
import threading

import pytest
from dialog_kit import a_viewer, banner_texts

from DICOMModule.jobs import Progress, call_job
from DICOMModule.scripted_module import FOREIGN_PREFIX
from DICOMModule.widgets.banners import Banner
from DICOMModule.widgets.dialogs.about_dialog import AboutDialog
from DICOMModule.widgets.module_host import ModuleHost
from DICOMModule.widgets.qt import QLabel, QPlainTextEdit, Qt

MODULE = """
import builtins
from DICOMModule.scripted_module import *
from DICOMModule.widgets.qt import QLabel

HEARD = builtins.heard_by_modules

class {name}(ScriptedModule):
    title = "{title}"
    categories = ("{category}",)
    contributors = ("A. Author",)
    help_text = "Traces <b>vessels</b>."
    acknowledgement_text = "Thanks."

class {name}Widget(ScriptedModuleWidget):
    def setup(self):
        self.parent.layout().addWidget(QLabel("panel of {title}"))
        HEARD.append(("{name}", "setup"))
        {setup}
    def enter(self):
        HEARD.append(("{name}", "enter"))
        {enter}
    def exit(self):
        HEARD.append(("{name}", "exit"))
        {exit}
    def cleanup(self):
        HEARD.append(("{name}", "cleanup"))
        {cleanup}

class {name}Test(ScriptedModuleTest):
    def test_fine(self):
        self.assertEqual(1 + 1, 2)
    {tests}
"""
PACKAGE = """
import importlib
def __getattr__(name):
    homes = {"Parcel": "Parcel.module", "ParcelWidget": "Parcel.widget"}
    if name not in homes:
        raise AttributeError(name)
    return getattr(importlib.import_module(homes[name]), name)
"""


@pytest.fixture
def heard(monkeypatch):
    """Return what the hooks of the modules were called with, in order."""
    calls = []
    monkeypatch.setattr("builtins.heard_by_modules", calls, raising=False)
    yield calls
    for name in [name for name in sys.modules if name.startswith(FOREIGN_PREFIX)]:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "modules"
    made.mkdir()
    return made


@pytest.fixture
def viewer(qtbot, tmp_path, folder):
    with a_viewer(qtbot, tmp_path) as made:
        made.settings.change(module_folders=(str(folder),))
        yield made


@pytest.fixture
def open_host(qtbot, viewer, heard):
    """Return a function that makes a started host; it is closed in the end."""
    made = []

    def open_now(packages=()):
        host = ModuleHost(viewer, packages)
        qtbot.addWidget(host)
        made.append(host)
        host.start()
        return host

    yield open_now
    for host in made:
        host.close_modules()


def held_jobs(viewer, count=1, **options):
    """Run jobs that end when the event that is returned is set."""
    hold, busy = threading.Event(), threading.Semaphore(0)
    for _ in range(count):
        viewer.jobs.run("Held", lambda: call_job(lambda: (busy.release(), hold.wait(20))), **options)
    assert all(busy.acquire(timeout=5) for _ in range(count))
    return hold


def write(folder, name, title="", category="Tests", tests="", **hooks):
    code = {hook: hooks.get(hook, "pass") for hook in ("setup", "enter", "exit", "cleanup")}
    text = MODULE.format(name=name, title=title or name, category=category, tests=tests, **code)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def panel_texts(host):
    return [label.text() for label in host.current.page.findChildren(QLabel) if not label.isHidden()]


def test_modules_are_set_up_when_they_are_first_shown_and_once(open_host, folder, heard):
    write(folder, "Alpha")
    write(folder, "Beta")
    host = open_host()
    assert [found.name for found in host.modules] == ["Alpha", "Beta"]
    assert heard == [("Alpha", "setup"), ("Alpha", "enter")]
    host.show_module("Beta")
    host.show_module("Alpha")
    host.show_module("Alpha")
    assert heard[2:] == [
        ("Alpha", "exit"),
        ("Beta", "setup"),
        ("Beta", "enter"),
        ("Beta", "exit"),
        ("Alpha", "enter"),
    ]
    assert panel_texts(host) == ["panel of Alpha"]


def test_the_end_exits_the_one_that_is_shown_and_cleans_up_all_that_were_set_up(open_host, folder, heard):
    for name in ("Alpha", "Beta", "Gamma"):
        write(folder, name)
    host = open_host()
    host.show_module("Beta")
    heard.clear()
    host.close_modules()
    host.close_modules()
    assert heard == [("Beta", "exit"), ("Beta", "cleanup"), ("Alpha", "cleanup")]


def test_the_module_of_the_last_time_is_shown_first(open_host, folder, viewer):
    write(folder, "Alpha")
    write(folder, "Beta")
    open_host().show_module("Beta")
    assert open_host().current.found.name == "Beta"


@pytest.mark.parametrize("raised", ["raise ValueError('no')", "import sys; sys.exit(3)", "raise KeyError(self)"])
@pytest.mark.parametrize("hook", ["setup", "enter", "exit", "cleanup"])
def test_a_hook_that_raises_becomes_a_banner_and_the_host_goes_on(open_host, folder, viewer, hook, raised):
    heard = builtins.heard_by_modules
    write(folder, "Alpha", **{hook: raised})
    write(folder, "Beta")
    host = open_host()
    host.show_module("Beta")
    host.show_module("Alpha")
    host.show_module("Beta")
    assert panel_texts(host) == ["panel of Beta"]
    host.close_modules()
    assert heard[-1] == (("Beta", "cleanup") if hook == "setup" else ("Alpha", "cleanup"))
    (text,) = set(banner_texts(viewer))
    assert text.startswith(f"The module Alpha failed in {hook}: ")
    assert "Alpha.py, line " in text
    details = viewer.banners.shown[0].findChild(QPlainTextEdit).toPlainText()
    assert "Traceback" in details


def test_a_module_that_cannot_be_set_up_says_so_in_its_place_and_hears_no_more(open_host, folder, heard):
    write(folder, "Alpha", setup="raise ValueError('no')")
    host = open_host()
    assert panel_texts(host) == ["This module could not be set up; the message above the views says why."]
    host.close_modules()
    assert heard == [("Alpha", "setup")]


def test_an_error_for_the_user_is_shown_as_it_is(open_host, folder, viewer):
    code = "from DICOMModule.errors import SettingsError; raise SettingsError('set the scale first')"
    write(folder, "Alpha", enter=code)
    open_host()
    assert banner_texts(viewer) == ["set the scale first"]


def test_files_that_cannot_be_used_become_banners_and_the_others_are_there(open_host, folder, viewer):
    write(folder, "Alpha")
    (folder / "Broken.py").write_text("class Broken(:\n", encoding="utf-8")
    host = open_host()
    assert [found.name for found in host.modules] == ["Alpha"]
    (text,) = banner_texts(viewer)
    assert "Broken.py" in text
    assert "SyntaxError in line 1" in text


def test_a_module_without_a_panel_says_so(open_host, folder):
    (folder / "Bare.py").write_text(
        "from DICOMModule.scripted_module import ScriptedModule\nclass Bare(ScriptedModule):\n    title = 'Bare'\n",
        encoding="utf-8",
    )
    assert panel_texts(open_host()) == ["This module has no panel."]


def test_the_menu_lists_modules_by_category_and_shows_what_is_chosen(open_host, folder):
    write(folder, "Alpha", title="Zebra & co", category="Vessels")
    write(folder, "Beta", title="Bones", category="Anatomy")
    write(folder, "Gamma", title="Any", category="")
    host = open_host()
    entries = [(action.text(), action.isEnabled()) for action in host.selector.menu().actions()]
    assert entries == [
        ("Anatomy", False),
        ("Bones", True),
        ("Vessels", False),
        ("Zebra && co", True),
        ("Others", False),
        ("Any", True),
    ]
    next(action for action in host.selector.menu().actions() if action.text() == "Any").trigger()
    assert host.current.found.name == "Gamma"
    assert host.selector.text() == "Any"
    assert [action.text() for action in host.selector.menu().actions() if action.isChecked()] == ["Any"]


def test_what_a_module_says_of_itself_is_plain_text(open_host, folder, qtbot):
    write(folder, "Alpha")
    host = open_host()
    said = host.current.about_text()
    assert said == "Traces <b>vessels</b>.\n\nBy A. Author.\n\nThanks."
    about = AboutDialog(said)
    qtbot.addWidget(about)
    assert about.acknowledgement_label.text() == said
    assert about.acknowledgement_label.textFormat() == Qt.PlainText


def test_reload_makes_the_panel_of_the_edited_file(open_host, folder, heard):
    write(folder, "Alpha", title="Old")
    host = open_host()
    heard.clear()
    write(folder, "Alpha", title="New")
    host.reload()
    assert [hook for _, hook in heard] == ["exit", "cleanup", "setup", "enter"]
    assert panel_texts(host) == ["panel of New"]
    assert host.selector.text() == "New"


def test_a_reload_of_a_broken_file_keeps_the_panel_and_says_why(open_host, folder, viewer):
    write(folder, "Alpha", title="Old")
    host = open_host()
    (folder / "Alpha.py").write_text("def (", encoding="utf-8")
    host.reload()
    assert panel_texts(host) == ["panel of Old"]
    assert "SyntaxError" in banner_texts(viewer)[0]
    write(folder, "Alpha", title="Mended")
    host.reload()
    assert panel_texts(host) == ["panel of Mended"]


def test_a_reload_waits_for_jobs_that_work_on_what_cleanup_closes(open_host, folder, viewer, heard, qtbot):
    write(folder, "Alpha")
    host = open_host()
    started = threading.Event()

    def endless_job():
        try:
            while True:
                started.set()
                yield Progress(0, 0)
        finally:
            heard.append(("job", "closed"))

    viewer.jobs.run("Endless", endless_job, owner=host.current.widget)
    hold = held_jobs(viewer)
    others = viewer.jobs.running[-1]
    assert started.wait(5)
    heard.clear()
    host.reload()
    assert not host.current.page.isEnabled()
    qtbot.waitUntil(lambda: ("Alpha", "enter") in heard, timeout=5000)
    assert host.current.page.isEnabled()
    assert not others.state.is_over
    hold.set()
    assert heard.index(("job", "closed")) < heard.index(("Alpha", "cleanup"))


def test_reload_and_test_shows_what_passed_and_why_something_failed(open_host, folder, qtbot):
    write(folder, "Alpha", tests="def test_wrong(self):\n        self.assertEqual(40 + 2, 43)")
    host = open_host()
    host.developer.test_button.click()
    qtbot.waitUntil(lambda: "failed" in host.developer.result_label.text(), timeout=5000)
    assert host.developer.result_label.text() == "1 failed, 1 passed"
    assert host.developer.result_label.property("role") == "error"
    assert "42 != 43" in host.developer.result_text.toPlainText()
    write(folder, "Alpha")
    host.developer.test_button.click()
    qtbot.waitUntil(lambda: host.developer.result_label.text().startswith("1 passed"), timeout=5000)
    assert host.developer.result_label.property("role") == "ok"
    assert host.developer.result_text.isHidden()


def test_tests_that_are_cancelled_say_so(open_host, folder, viewer, qtbot):
    write(folder, "Alpha")
    host = open_host()
    hold = held_jobs(viewer, 3)
    host.developer.test_button.click()
    viewer.jobs.running[-1].cancel()
    qtbot.waitUntil(lambda: host.developer.result_label.text() == "The tests were cancelled.")
    hold.set()


def test_a_module_whose_folder_goes_is_cleaned_up_once_its_jobs_are_over(open_host, folder, viewer, heard, qtbot):
    write(folder, "Alpha")
    host = open_host()
    hold = held_jobs(viewer, owner=host.current.widget)
    viewer.settings.change(module_folders=())
    assert host.modules == ()
    assert heard[-1] == ("Alpha", "exit")
    hold.set()
    qtbot.waitUntil(lambda: heard[-1] == ("Alpha", "cleanup"))


def test_developer_mode_shows_and_hides_the_buttons(open_host, folder, viewer):
    write(folder, "Alpha")
    host = open_host()
    assert not host.developer.isVisibleTo(host)
    viewer.settings.change(developer_mode=True)
    assert host.developer.isVisibleTo(host)
    assert host.developer.file_label.whole_text == str(folder / "Alpha.py")


def test_edit_starts_the_editor_of_the_settings_with_the_file(open_host, folder, viewer, qtbot, tmp_path):
    write(folder, "Alpha")
    host = open_host()
    noted = tmp_path / "noted file.json"
    program = "import json,sys; open(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))"
    viewer.settings.change(editor=f'"{sys.executable}" -c "{program}" "{noted}" --line')
    host.developer.edit_button.click()
    qtbot.waitUntil(lambda: noted.exists() and noted.read_text(encoding="utf-8").endswith("]"), timeout=20_000)
    assert json.loads(noted.read_text(encoding="utf-8")) == ["--line", str(folder / "Alpha.py")]
    assert banner_texts(viewer) == []


def test_folders_that_come_and_go_in_the_settings_bring_and_take_their_modules(
    open_host, folder, viewer, heard, tmp_path
):
    write(folder, "Alpha")
    host = open_host()
    second = tmp_path / "more modules"
    second.mkdir()
    write(second, "Beta")
    write(second, "Alpha", title="Twin")
    viewer.settings.change(module_folders=(str(folder), str(second)))
    assert [found.name for found in host.modules] == ["Alpha", "Beta"]
    assert "was found before" in banner_texts(viewer)[0]
    host.show_module("Beta")
    viewer.settings.change(module_folders=(str(folder),))
    assert [found.name for found in host.modules] == ["Alpha"]
    assert heard[-3:] == [("Beta", "exit"), ("Beta", "cleanup"), ("Alpha", "enter")]
    assert host.current.found.name == "Alpha"


def test_a_package_is_hosted_and_reloaded(open_host, tmp_path, monkeypatch, heard):
    package = tmp_path / "packages" / "Parcel"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE, encoding="utf-8")
    base = "from DICOMModule.scripted_module import *\nfrom DICOMModule.widgets.qt import QLabel\n"
    (package / "module.py").write_text(f"{base}class Parcel(ScriptedModule):\n    title = 'Parcel'\n", encoding="utf-8")
    panel = f"{base}class ParcelWidget(ScriptedModuleWidget):\n    def setup(self):\n"
    line = "        self.parent.layout().addWidget(QLabel({!r}))\n"
    (package / "widget.py").write_text(panel + line.format("first edition"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    try:
        host = open_host(packages=("Parcel",))
        assert panel_texts(host) == ["first edition"]
        (package / "widget.py").write_text(panel + line.format("the second edition"), encoding="utf-8")
        host.reload()
        assert panel_texts(host) == ["the second edition"]
        assert host.developer.file_label.whole_text == str(package / "widget.py")
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "Parcel"]:
            del sys.modules[name]


def test_a_package_that_is_no_module_becomes_a_banner(open_host, viewer):
    host = open_host(packages=("json",))
    assert host.modules == ()
    assert banner_texts(viewer) == ["the package json has no class json, so it is no scripted module."]
    assert all(isinstance(banner, Banner) for banner in viewer.banners.shown)
