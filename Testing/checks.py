"""Every check of the project, for a person and for CI: ``sh run tests [PARTS]``, or this file with the interpreter of .venv.

Parts, in the order in which they run: lint, types, imports, wheel, ctest, tests. Each part runs, also after another has
failed; the exit code is 1 if one failed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
MOST_WORKERS = 4  # each has a VTK and a Qt of its own in memory
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Branch coverage in percent that must not be lost again, on a machine without the shared data; what is reached is written
# down here. The goal for all of these but the first is 100.
COVERAGE_FLOORS = {
    "DICOMModule/*": 91,
    "DICOMModule/dicom/*": 93,
    "DICOMModule/database/*": 92,
    "DICOMModule/volume/geometry.py,DICOMModule/volume/grouping.py": 99,
    "DICOMModule/errors.py,DICOMModule/jobs.py": 100,
}


class CheckError(Exception):
    """A check found something; the text says what."""


def run(*command: str | Path, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> None:
    """Run `command` and show what it prints."""
    print("+", *command, flush=True)
    done = subprocess.run(
        [os.fspath(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise CheckError(f"{Path(command[0]).name} ended with {done.returncode}")


def tool(name: str) -> str:
    """Return the path of a command that pip installed beside this interpreter, or of the system's."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise CheckError(f"{name} is not installed: run `sh run tests`, or pip install -e .[test]")
    return found


def lint(_: Path) -> None:
    """Check style and formatting by ruff."""
    run(tool("ruff"), "check", ".")
    run(tool("ruff"), "format", "--check", ".")


def types(_: Path) -> None:
    """Check the package's types by mypy --strict."""
    run(tool("mypy"))


def imports(_: Path) -> None:
    """Check the layers, and that each library is imported in its one home."""
    run(tool("lint-imports"))


def wheel(folder: Path) -> None:
    """Build the wheel, install it in an environment of its own outside the checkout, and use it there."""
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", ROOT)
    (built,) = (folder / "dist").glob("*.whl")
    compare_with_checkout(built)
    run(sys.executable, "-m", "venv", folder / "venv")
    scripts = folder / "venv" / SCRIPTS
    run(scripts / "python", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-q", built)
    environment = {"DICOMMODULE_DATABASE": os.fspath(folder / "database"), "PYTHONPATH": ""}
    picture = folder / "demo.png"
    for words in (["--version"], ["selftest"], ["view", "--demo", "--screenshot", os.fspath(picture)]):
        run(scripts / "dicommodule", *words, cwd=folder, environment=environment)
    if not picture.read_bytes().startswith(PNG_SIGNATURE):
        raise CheckError(f"{picture} is not a PNG file")


def compare_with_checkout(built: Path) -> None:
    """Check that the wheel holds every module and every resource of the checkout, and nothing else."""
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "DICOMModule").rglob("*.py")
        if "__pycache__" not in path.parts
    }
    wanted |= {
        f"DICOMModule/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "Resources").rglob("*") if path.is_file()
    }
    wanted.add("DICOMModule/py.typed")
    held = {name for name in zipfile.ZipFile(built).namelist() if ".dist-info/" not in name and not name.endswith("/")}
    if held != wanted:
        lacking, surplus = sorted(wanted - held), sorted(held - wanted)
        raise CheckError(f"{built.name} lacks {lacking} and should not hold {surplus}. See packages in setup.cfg.")
    print(f"{built.name} holds all {len(held)} files")


def ctest(folder: Path) -> None:
    """Configure with CMake, run two of its tests (part tests runs all of them), and install into a prefix."""
    build, prefix = folder / "cmake", folder / "prefix"
    # Nothing is compiled, but CMake asks for a build tool; a bare machine has no make, so Ninja comes from pip.
    generator = ("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}")
    run(tool("cmake"), *generator, "-S", ROOT, "-B", build, f"-DDICOMMODULE_PYTHON={sys.executable}")
    run(
        tool("ctest"),
        "--test-dir",
        build,
        "-R",
        "^(selftest|test_house_rules)$",
        "--output-on-failure",
        "--no-tests=error",
    )
    run(tool("cmake"), "--install", build, "--prefix", prefix)
    if not list(prefix.rglob("DICOMModule/__main__.py")):
        raise CheckError("cmake --install put no DICOMModule into the prefix")


def tests(_: Path) -> None:
    """Run all tests with branch coverage, a file in one process, and hold the coverage to its floors."""
    environment = {"QT_QPA_PLATFORM": "offscreen"}
    workers = str(min(MOST_WORKERS, os.cpu_count() or 1))
    options = ("-n", workers, "--dist", "loadfile", "--cov", "--cov-report=term", "--durations=10")
    run(sys.executable, "-m", "pytest", *options, environment=environment)
    for files, percent in COVERAGE_FLOORS.items():
        run(tool("coverage"), "report", f"--include={files}", f"--fail-under={percent}", "--format=total")


PARTS: dict[str, Callable[[Path], None]] = {
    check.__name__: check for check in (lint, types, imports, wheel, ctest, tests)
}


def main(names: Sequence[str]) -> int:
    """Run the parts named, or all, and say how each ended."""
    if unknown := [name for name in names if name not in PARTS]:
        print(f"no such part: {', '.join(unknown)}. Parts: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    outcomes = []
    for name in names or PARTS:
        print(f"\n=== {name}", flush=True)
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"dicommodule-{name}-", ignore_cleanup_errors=True) as folder:
            try:
                PARTS[name](Path(folder))
                outcome = "passed"
            except CheckError as error:
                outcome = f"FAILED: {error}"
        outcomes.append(f"{name:8} {time.monotonic() - start:6.1f} s  {outcome}")
    print("\n=== " + "\n    ".join(outcomes), flush=True)
    return int(any("FAILED" in outcome for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
