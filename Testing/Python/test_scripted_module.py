"""The pattern of a scripted module: found by its class names, reloaded, tested; a user's broken file is a row, not a crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from DICOMModule import scripted_module
from DICOMModule.errors import ScriptedModuleError
from DICOMModule.module_tests import run_tests
from DICOMModule.scripted_module import FOREIGN_PREFIX, find_modules, read_package, reload_module

HEAD = "from DICOMModule import scripted_module as s\n"
COMPLETE = (
    HEAD
    + """
class Tracer(s.ScriptedModule):
    title = "Tracer 1"
class TracerWidget(s.ScriptedModuleWidget):
    pass
class TracerLogic(s.ScriptedModuleLogic):
    def answer(self):
        return 42
class TracerTest(s.ScriptedModuleTest):
    def test_answer(self):
        self.assertEqual(TracerLogic().answer(), 42)
"""
)


@pytest.fixture(autouse=True)
def _forget_foreign_modules():
    yield
    for name in [name for name in sys.modules if name.startswith(FOREIGN_PREFIX)]:
        del sys.modules[name]


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_module_is_found_by_the_names_of_its_classes(tmp_path):
    path = write(tmp_path, "Tracer.py", COMPLETE)
    (found,), problems = find_modules([tmp_path])
    assert problems == []
    assert (found.name, found.path, found.module.title) == ("Tracer", path, "Tracer 1")
    assert found.widget.__name__ == "TracerWidget"
    assert found.logic().answer() == 42
    assert [(o.name, o.outcome) for o in run_tests(found.test)] == [("test_answer", "passed")]


def test_only_the_module_class_must_be_there(tmp_path):
    write(tmp_path, "Bare.py", HEAD + "class Bare(s.ScriptedModule):\n    title = 'Bare'\n")
    (found,), _ = find_modules([tmp_path])
    assert (found.widget, found.logic, found.test) == (None, None, None)


def test_a_package_is_a_module_too_and_imports_its_own_parts(tmp_path):
    write(
        tmp_path,
        "Packed/__init__.py",
        HEAD + "from .part import TITLE\nclass Packed(s.ScriptedModule):\n    title = TITLE\n",
    )
    write(tmp_path, "Packed/part.py", "TITLE = 'from a part'\n")
    (found,), problems = find_modules([tmp_path])
    assert problems == []
    assert found.module.title == "from a part"


def test_helpers_and_hidden_files_are_passed_over(tmp_path):
    write(tmp_path, "helper.py", "VALUE = 1\n")
    write(tmp_path, "_Private.py", "raise RuntimeError\n")
    write(tmp_path, "not-a-name.py", "raise RuntimeError\n")
    write(tmp_path, "notes.txt", "text")
    (tmp_path / "folder").mkdir()
    assert find_modules([tmp_path]) == ([], [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\nclass Broken(:\n", "SyntaxError in line 2"),
        ("import nothing_of_this_name\n", "ModuleNotFoundError in line 1"),
        ("\n\nraise ValueError('a\\x1b[31mb')\n", r"ValueError in line 3: a\x1b[31mb"),
        ("raise SystemExit(3)\n", "SystemExit in line 1: 3"),
        ("class Broken:\n    pass\n", "Broken is not a class that derives from ScriptedModule"),
        (HEAD + "class Broken(s.ScriptedModule): pass\nBrokenLogic = 3\n", "BrokenLogic is not a class that derives"),
    ],
)
def test_a_broken_file_is_a_row_and_the_others_are_found(tmp_path, text, reason):
    path = write(tmp_path, "Broken.py", text)
    write(tmp_path, "Tracer.py", COMPLETE)
    found, (problem,) = find_modules([tmp_path])
    assert [module.name for module in found] == ["Tracer"]
    assert problem.where == str(path)
    assert reason in problem.reason
    assert FOREIGN_PREFIX + "Broken" not in sys.modules


def test_a_folder_that_is_not_there_is_a_row(tmp_path):
    found, (problem,) = find_modules([tmp_path / "none"])
    assert found == []
    assert problem.where == str(tmp_path / "none")
    assert "cannot be read" in problem.reason


def test_a_name_found_twice_is_a_row_and_the_first_stays(tmp_path):
    first = write(tmp_path / "a", "Tracer.py", COMPLETE)
    second = write(tmp_path / "b", "Tracer.py", COMPLETE.replace("Tracer 1", "Tracer 2"))
    (found,), (problem,) = find_modules([tmp_path / "a", tmp_path / "b"])
    assert found.module.title == "Tracer 1"
    assert problem.where == str(second)
    assert str(first) in problem.reason


def test_a_users_file_hides_no_library(tmp_path):
    import json as before

    write(tmp_path, "json.py", HEAD + "class json(s.ScriptedModule):\n    title = 'mine'\n")
    (found,), _ = find_modules([tmp_path])
    import json as after

    assert found.module.title == "mine"
    assert after is before
    assert sys.modules["json"] is before


def test_reload_reads_an_edit_of_the_same_second_and_size(tmp_path):
    path = write(tmp_path, "Tracer.py", COMPLETE)
    (found,), _ = find_modules([tmp_path])
    path.write_text(COMPLETE.replace("Tracer 1", "Tracer 2"), encoding="utf-8")
    assert reload_module(found).module.title == "Tracer 2"
    assert found.module.title == "Tracer 1"


def test_reload_reads_the_parts_of_a_package_again(tmp_path):
    write(
        tmp_path,
        "Packed/__init__.py",
        HEAD + "from .part import TITLE\nclass Packed(s.ScriptedModule):\n    title = TITLE\n",
    )
    part = write(tmp_path, "Packed/part.py", "TITLE = 'one'\n")
    (found,), _ = find_modules([tmp_path])
    part.write_text("TITLE = 'another'\n", encoding="utf-8")
    assert reload_module(found).module.title == "another"


@pytest.mark.parametrize("edit", ["def broken(:\n", "x = 1\n"])
def test_a_failed_reload_keeps_what_was_there(tmp_path, edit):
    path = write(tmp_path, "Tracer.py", COMPLETE)
    (found,), _ = find_modules([tmp_path])
    before = sys.modules[FOREIGN_PREFIX + "Tracer"]
    path.write_text(edit, encoding="utf-8")
    with pytest.raises(ScriptedModuleError, match=r"line 1|does not define a class Tracer any more"):
        reload_module(found)
    assert sys.modules[FOREIGN_PREFIX + "Tracer"] is before


def test_each_test_ends_as_one_outcome(tmp_path):
    text = (
        HEAD
        + """
import unittest
class Many(s.ScriptedModule): pass
class ManyTest(s.ScriptedModuleTest):
    def setUp(self): self.fresh = True
    def test_a_passes(self):
        self.assertTrue(self.fresh); self.fresh = False
    def test_b_fails(self):
        self.assertTrue(self.fresh); self.assertEqual(2, 3)
    def test_c_raises(self): raise OSError("gone")
    @unittest.skip("no screen")
    def test_d_skips(self): pass
    @unittest.expectedFailure
    def test_e_passes_unexpectedly(self): pass
    def test_f_has_parts(self):
        for part in (1, 2):
            with self.subTest(part=part):
                self.assertEqual(part, 1)
"""
    )
    write(tmp_path, "Many.py", text)
    (found,), problems = find_modules([tmp_path])
    assert problems == []
    outcomes = list(run_tests(found.test))
    assert [o.outcome for o in outcomes] == ["passed", "failed", "failed", "skipped", "failed", "failed"]
    assert "2 != 3" in outcomes[1].text
    assert "OSError: gone" in outcomes[2].text
    assert outcomes[3].text == "no screen"
    assert "2 != 1" in outcomes[5].text
    assert [o.name for o in run_tests(found.test, ["a_passes", "test_d_skips"])] == ["test_a_passes", "test_d_skips"]
    with pytest.raises(found.test.failureException, match=r"test_b_fails[\s\S]*test_c_raises"):
        found.test().runTest()


def test_an_unknown_test_is_refused_before_any_runs(tmp_path):
    write(tmp_path, "Tracer.py", COMPLETE)
    (found,), _ = find_modules([tmp_path])
    with pytest.raises(ScriptedModuleError, match=r"has no test 'nonsense'\. It has: test_answer"):
        next(run_tests(found.test, ["answer", "nonsense"]))


def test_a_package_that_is_no_module_is_refused():
    with pytest.raises(ScriptedModuleError, match="the package json has no class json"):
        read_package("json")


def test_the_programs_own_module_keeps_to_the_pattern_and_says_what_it_is_not_for():
    import DICOMModule

    module = DICOMModule.DICOMModule
    assert issubclass(module, scripted_module.ScriptedModule)
    assert module.title == "DICOM"
    assert "Not for clinical use" in module.help_text
    assert module.categories
    assert module.contributors
    assert module.acknowledgement_text


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, DICOMModule; DICOMModule.DICOMModule; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    checkout = Path(scripted_module.__file__).parents[1]  # importable from there, installed or not
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=checkout)
    loaded = set(done.stdout.split())
    assert not {"PyQt5", "vtkmodules", "pydicom", "numpy", "SimpleITK", "peewee", "pynetdicom"} & loaded


def test_an_installed_package_is_reloaded_file_by_file_and_a_broken_edit_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the edit below may fall into the same second
    write(
        tmp_path,
        "Installed/__init__.py",
        "import importlib\ndef __getattr__(name):\n    return getattr(importlib.import_module('Installed.module'), name)\n",
    )
    text = (
        HEAD
        + "class Installed(s.ScriptedModule):\n    title = '{}'\nInstalledWidget = InstalledLogic = InstalledTest = None\n"
    )
    path = write(tmp_path, "Installed/module.py", text.format("before"))
    found = read_package("Installed")
    assert found.module.title == "before"
    path.write_text(text.format("after it"), encoding="utf-8")
    assert reload_module(found).module.title == "after it"
    path.write_text("class Installed(:\n", encoding="utf-8")
    with pytest.raises(ScriptedModuleError, match=r"module\.py: it cannot be imported: SyntaxError in line 1"):
        reload_module(found)
    for name in ("Installed", "Installed.module"):
        del sys.modules[name]
