"""Rules of the house that no linter knows: walked over the syntax trees of the package."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "DICOMModule"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 400
TOO_VAGUE = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "tools"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def called_name(call: ast.Call) -> str:
    """Return the name that is called: ``f`` of ``f()`` and of ``a.b.f()``."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def imports(tree: ast.AST) -> list[tuple[str, ast.AST]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node))
            found += [(f"{node.module}.{alias.name}", node) for alias in node.names]
    return found


def dropped_jobs(tree: ast.AST) -> list[ast.AST]:
    """Return where a job is made and nothing is done with it: a generator that nobody runs does nothing."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and called_name(node.value).endswith("_job")
    ]


def job_names_and_returns(tree: ast.AST) -> list[tuple[str, bool, ast.AST]]:
    """Return each function's name, whether it is annotated as a job, and its node."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [(f.name, f.returns is not None and ast.unparse(f.returns).startswith("Job["), f) for f in functions]


def forbidden_calls(tree: ast.AST) -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for call in calls(tree):
        name = called_name(call)
        if name in {"eval", "exec", "processEvents"} and not (name == "exec" and isinstance(call.func, ast.Attribute)):
            found.append((name, call))
        found += [(f"{k.arg}=True", call) for k in call.keywords if k.arg in {"force", "shell"} and is_true(k.value)]
    return found


def is_true(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def undocumented(tree: ast.Module) -> list[ast.AST]:
    """Return the module, public classes and public functions of `tree` that have no docstring."""
    nodes: list[ast.AST] = [tree]
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef)):
            nodes += [
                child
                for child in node.body
                if isinstance(child, (ast.FunctionDef, ast.ClassDef))
                and not child.name.startswith("_")
                and child.name != "Meta"  # peewee's word for a table's options
            ]
    public = {id(node) for node in nodes}
    private = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name.startswith("_")]
    public -= {id(child) for node in private for child in ast.walk(node)}
    return [node for node in nodes if id(node) in public and not ast.get_docstring(node)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("logic.import_job([folder])", 1),
        ("def f():\n    load_job(x)", 1),
        ("report = run_to_end(import_job(x))", 0),
        ("def f():\n    report = yield from self.import_job(x)", 0),
        ("def f():\n    yield from self.import_job(x)", 0),
    ],
)
def test_the_walk_sees_a_job_that_is_made_and_dropped(source, found):
    assert len(dropped_jobs(ast.parse(source))) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("dcmread(path, force=True)", ["force=True"]),
        ("run('ls', shell=True)", ["shell=True"]),
        ("eval(text)", ["eval"]),
        ("application.processEvents()", ["processEvents"]),
        ("dialog.exec()\nloader.exec_module(module)\ndcmread(path, force=False)", []),
    ],
)
def test_the_walk_sees_forbidden_calls(source, found):
    assert [name for name, _ in forbidden_calls(ast.parse(source))] == found


def test_the_walk_sees_what_lacks_a_docstring():
    source = '"""M."""\ndef f(): pass\ndef _g(): pass\nclass C:\n    """C."""\n    def m(self): pass\nclass _P:\n    def m(self): pass\n'
    assert [node.name for node in undocumented(ast.parse(source))] == ["f", "m"]


def test_no_job_is_made_and_dropped():
    assert [place(path, node) for path in FILES for node in dropped_jobs(tree_of(path))] == []


def test_what_returns_a_job_is_named_a_job_and_the_other_way_round():
    wrong = [
        place(path, node)
        for path in FILES
        for name, is_job, node in job_names_and_returns(tree_of(path))
        if is_job != name.endswith("_job")
    ]
    assert wrong == []


def test_no_file_is_longer_than_two_ideas():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_forbidden_call():
    assert [(name, place(path, node)) for path in FILES for name, node in forbidden_calls(tree_of(path))] == []


def test_no_forbidden_import():
    # pickle runs what it reads; VTK's own DICOM reader ignores most of the standard.
    forbidden = re.compile(r"^(pickle|shelve|marshal|dill)(\.|$)|vtkDICOMImageReader")
    found = [
        (name, place(path, node)) for path in FILES for name, node in imports(tree_of(path)) if forbidden.search(name)
    ]
    assert found == []
    assert [path for path in FILES if "vtkDICOMImageReader" in path.read_text(encoding="utf-8")] == []


def test_qt_starts_at_the_widgets():
    below = [
        path
        for path in FILES
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in {"widgets", "widget", "app"}
    ]
    assert {path.relative_to(PACKAGE).parts[0] for path in below} >= {"dicom", "volume", "errors.py"}
    assert [
        place(p, node) for p in below for name, node in imports(tree_of(p)) if re.match(r"(PyQt|PySide|qtpy)", name)
    ] == []


def test_no_module_has_a_name_that_says_nothing():
    assert [path for path in FILES if path.stem in TOO_VAGUE or path.parent.name in TOO_VAGUE] == []


def test_everything_public_has_a_docstring():
    assert [(place(p, n) if hasattr(n, "lineno") else str(p)) for p in FILES for n in undocumented(tree_of(p))] == []


def test_outside_data_is_not_checked_by_assert():
    # An assert vanishes under python -O. The self-test's own asserts are unittest's methods.
    assert [
        place(path, node) for path in FILES for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)
    ] == []
