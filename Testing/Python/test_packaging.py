"""What setup.cfg says against what is in the tree; part wheel of Testing/checks.py compares a wheel that was built."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import DICOMModule
from DICOMModule.paths import resource_path

ROOT = Path(__file__).resolve().parents[2]

posix_only = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell script")
pytestmark = pytest.mark.skipif(not (ROOT / "setup.cfg").is_file(), reason="not a checkout")


@pytest.fixture(scope="module")
def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_every_package_of_the_tree_is_listed(setup_cfg):
    folders = {path.parent for path in (ROOT / "DICOMModule").rglob("*.py")}
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(lines(setup_cfg["options"]["packages"])) == packages | {"DICOMModule.Resources"}


def test_every_package_has_an_init_file():
    folders = {path.parent for path in (ROOT / "DICOMModule").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_resources_are_taken_whole_and_hold_no_code(setup_cfg):
    assert setup_cfg["options.package_data"]["DICOMModule.Resources"] == "**/*"
    assert list((ROOT / "Resources").rglob("*.py")) == []


def test_every_resource_is_found_by_the_one_function_that_knows_where():
    for path in (ROOT / "Resources").rglob("*"):
        assert resource_path(*path.relative_to(ROOT / "Resources").parts) == path


def test_every_dependency_has_a_lower_bound_and_is_installed_within_its_bounds(setup_cfg):
    from packaging.requirements import Requirement

    for line in lines(setup_cfg["options"]["install_requires"]):
        requirement = Requirement(line)
        assert any(bound.operator == ">=" for bound in requirement.specifier), line
        installed = importlib.metadata.version(requirement.name)
        assert requirement.specifier.contains(installed), f"{line}: {installed} is installed"


def test_every_library_that_the_program_imports_is_a_dependency(setup_cfg):
    names = {re.split(r"[ <>=]", line)[0] for line in lines(setup_cfg["options"]["install_requires"])}
    home = {
        "vtkmodules": "vtk",
        "gdcm": "python-gdcm",
        "_gdcm": "python-gdcm",
        "jpeg_ls": "pyjpegls",
        "openjpeg": "pylibjpeg-openjpeg",
        "playhouse": "peewee",
    }
    imported = set()
    for path in (ROOT / "DICOMModule").rglob("*.py"):
        for name in re.findall(r"^\s*(?:import|from) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            imported.add(name)
    foreign = {home.get(name, name) for name in imported - set(sys.stdlib_module_names) - {"DICOMModule"}}
    assert foreign <= names, f"not in install_requires: {sorted(foreign - names)}"


def test_the_version_is_written_once(setup_cfg):
    assert setup_cfg["metadata"]["version"] == "attr: DICOMModule.__version__"
    assert re.fullmatch(r"\d+\.\d+\.\d+", DICOMModule.__version__)
    assert f"## {DICOMModule.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_entry_points_lead_to_functions(setup_cfg):
    for group in ("console_scripts", "gui_scripts"):
        for line in lines(setup_cfg["options.entry_points"][group]):
            module, function = line.split("=")[1].strip().split(":")
            loaded = __import__(module, fromlist=[function])
            assert callable(getattr(loaded, function)), line


def test_the_readme_gives_the_two_commands_one_line_each():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    (sh run (?:viewer|tests))$", text, re.MULTILINE)
    assert commands == ["sh run viewer", "sh run tests"]
    assert "Not for clinical use" in text


def packages_for_debian(use):
    """Return the packages that the script `run` installs for a use, from its own table."""
    rows = [
        line.split()
        for line in (ROOT / "run").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"{use} lib")
    ]
    return {row[2] for row in rows}


def test_the_readme_names_the_packages_that_the_script_installs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for_pictures, for_windows = re.findall(r"^    apt-get install -y --no-install-recommends (.+)$", text, re.MULTILINE)
    assert set(for_pictures.split()) == packages_for_debian("draw") | {"python3", "python3-venv"}
    assert set(for_windows.split()) == packages_for_debian("screen")
    assert len(packages_for_debian("screen")) == 8


def run_script(*words, path=os.environ["PATH"]):
    return subprocess.run(
        [shutil.which("sh"), ROOT / "run", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path},
        stdin=subprocess.DEVNULL,
    )


@posix_only
def test_the_script_says_how_it_is_used():
    done = run_script("nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "sh run viewer | sh run tests" in done.stderr


@posix_only
@pytest.mark.parametrize("verb", ["viewer", "tests", "setup"])
def test_the_script_says_what_to_install_where_it_may_not(tmp_path, verb):
    # A machine with a package manager, without Python, for a user who is not root and has no sudo.
    for name in ("cat", "dirname", "head", "sort", "tr", "uname"):
        (tmp_path / name).symlink_to(shutil.which(name))
    for name, body in (("id", "echo 1000"), ("apt-get", "echo called >&2; exit 1")):
        (tmp_path / name).write_text(f"#!{shutil.which('sh')}\n{body}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    done = run_script(verb, path=str(tmp_path))
    assert done.returncode == 1
    assert "called" not in done.stderr
    assert "apt-get install -y --no-install-recommends python3 python3-venv" in done.stderr
    assert sys.platform != "linux" or all(package in done.stderr for package in packages_for_debian("draw"))


def test_ctest_registers_every_test_file_and_the_self_test():
    text = (ROOT / "Testing" / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "Python/test_*.py" in text
    assert "-m DICOMModule selftest" in text


def test_ci_runs_the_readmes_test_command():
    assert "sh run tests" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_nothing_that_is_kept_names_this_machine_or_a_registry():
    listed = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
        if shutil.which("git")
        else None
    )
    if listed is None or listed.returncode:
        pytest.skip("not a git checkout")
    forbidden = re.compile(
        rb"/" + rb"work/|\." + rb"library/|pypi\." + rb"org|deb\." + rb"debian|pythonhosted\." + rb"org"
    )
    files = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    assert len(files) > 100
    assert [path for path in files if path.is_file() and forbidden.search(path.read_bytes())] == []
