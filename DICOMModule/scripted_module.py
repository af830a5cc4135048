"""The pattern of a scripted module: four classes that are known by their names, and how they are found and reloaded.

A module ``X`` is a Python file ``X.py``, or a package ``X``, that holds

* ``X``, a `ScriptedModule`: what the module is, as text and nothing else,
* ``XWidget``, a `ScriptedModuleWidget`: its panel,
* ``XLogic``, a `ScriptedModuleLogic`: what it does, without a screen,
* ``XTest``, a `ScriptedModuleTest`: its own tests, run by Reload and Test.

Only ``X`` must be there. The program's own DICOM module keeps to this pattern, and modules that users write in a folder
of theirs are found by it.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from DICOMModule.errors import Problem, ScriptedModuleError, plain_text

#: Modules from folders are known to Python under this prefix, so that a user's ``numpy.py`` hides nobody's numpy.
FOREIGN_PREFIX = "dicommodule_scripted_"

__all__ = [
    "FoundModule",
    "ScriptedModule",
    "ScriptedModuleLogic",
    "ScriptedModuleTest",
    "ScriptedModuleWidget",
    "find_modules",
    "read_package",
    "reload_module",
]

C = TypeVar("C")


if TYPE_CHECKING:
    from DICOMModule.module_tests import ScriptedModuleTest
else:

    def __getattr__(name: str) -> type:
        """Import the base of ``XTest`` when a module derives from it: the window's start does without unittest."""
        if name != "ScriptedModuleTest":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from DICOMModule.module_tests import ScriptedModuleTest

        return ScriptedModuleTest


class ScriptedModule:
    """What a module is: texts that the module menu and its panel show."""

    title: ClassVar[str] = ""
    categories: ClassVar[tuple[str, ...]] = ()
    contributors: ClassVar[tuple[str, ...]] = ()
    help_text: ClassVar[str] = ""
    acknowledgement_text: ClassVar[str] = ""


class ScriptedModuleWidget:
    """A module's panel: the hooks that the program calls. This base knows no Qt; a real panel fills `parent`.

    Parameters
    ----------
    parent : object
        The Qt widget whose layout the panel fills.
    viewer : object
        What the window lends: scene, views, jobs, banners, settings (`widgets.viewer.Viewer`).
    """

    def __init__(self, parent: Any = None, viewer: Any = None) -> None:
        self.parent = parent
        self.viewer = viewer

    def setup(self) -> None:
        """Make the panel; called once, before it is shown."""

    def enter(self) -> None:
        """Take note that the module has come to the front."""

    def exit(self) -> None:
        """Take note that another module has come to the front."""

    def cleanup(self) -> None:
        """Let go of everything; called once, before a reload and at the end.

        The jobs that were run with ``owner=self.logic``, or ``owner=self`` of a panel without, are over by then.
        """


class ScriptedModuleLogic:
    """What a module does; it runs without a screen and imports no Qt."""


@dataclass(frozen=True, slots=True)
class FoundModule:
    """A module that was found: its classes, and where they come from.

    Attributes
    ----------
    name : str
        ``X``.
    module, widget, logic : type
        The classes ``X``, ``XWidget`` and ``XLogic``; all but the first may be None.
    namespace : ModuleType
        What holds them.
    path : Path
        The file or the package's ``__init__.py``.
    """

    name: str
    module: type[ScriptedModule]
    widget: type[ScriptedModuleWidget] | None
    logic: type[ScriptedModuleLogic] | None
    namespace: ModuleType
    path: Path

    @property
    def has_test(self) -> bool:
        """Whether there is a class ``XTest``; asking imports nothing."""
        return f"{self.name}Test" in dir(self.namespace)

    @property
    def test(self) -> type[ScriptedModuleTest] | None:
        """The class ``XTest``; None where there is none. A package may import it only when it is asked for.

        Raises
        ------
        ScriptedModuleError
            It is not what its name says.
        """
        if not self.has_test:
            return None
        from DICOMModule.module_tests import ScriptedModuleTest

        return _class(self.namespace, f"{self.name}Test", ScriptedModuleTest)


def find_modules(folders: Iterable[Path]) -> tuple[list[FoundModule], list[Problem]]:
    """Find and import the modules in `folders`: every ``X.py`` or package ``X`` that defines a class ``X``.

    A folder is not searched below its first level. Files without a class of their own name are helpers of a module and
    are passed over, as are names that begin with an underscore or a full stop.

    Returns
    -------
    list of FoundModule
        By folder in the order given, then by name.
    list of Problem
        Folders that cannot be read, files that cannot be imported, names that were taken before.
    """
    found: dict[str, FoundModule] = {}
    problems = []
    for folder in folders:
        try:
            candidates = _candidates(folder)
        except OSError as error:
            problems.append(Problem(str(folder), f"the folder cannot be read: {error.strerror}"))
            continue
        for name, path in candidates:
            if name in found:
                problems.append(Problem(str(path), f"a module {name} was found before, in {found[name].path}"))
                continue
            try:
                module = _import_candidate(name, path)
            except ScriptedModuleError as error:
                problems.append(Problem(str(path), str(error)))
                continue
            if module is not None:
                found[name] = module
    return list(found.values()), problems


def read_package(name: str) -> FoundModule:
    """Return the module of an installed package ``X``, whose four classes are attributes of the package.

    Raises
    ------
    ScriptedModuleError
        The package has no class of its own name, or one of the four is not what its name says.
    """
    package = importlib.import_module(name)
    found = _classes_of(name, package, Path(str(package.__file__)))
    if found is None:
        raise ScriptedModuleError(f"the package {name} has no class {name}, so it is no scripted module.")
    return found


def reload_module(found: FoundModule) -> FoundModule:
    """Read the module's files again and return its new classes; old objects keep their old classes.

    Raises
    ------
    ScriptedModuleError
        The files cannot be imported any more; the old classes stay as they are.
    """
    if not found.module.__module__.startswith(FOREIGN_PREFIX):
        return _reload_package(found)
    python_name = FOREIGN_PREFIX + found.name
    old = _forget(python_name)
    try:
        module = _import_candidate(found.name, found.path)
        if module is None:
            raise ScriptedModuleError(f"{found.path} does not define a class {found.name} any more.")
    except ScriptedModuleError:
        _forget(python_name)
        sys.modules.update(old)
        raise
    return module


class _FreshLoader(importlib.machinery.SourceFileLoader):
    """Compile the source each time: a cached compilation of an edit within the same second would be taken for new."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _candidates(folder: Path) -> list[tuple[str, Path]]:
    """Return name and file of everything in `folder` that could be a module, by name."""
    candidates = []
    for entry in sorted(folder.iterdir()):
        path = entry / "__init__.py" if entry.is_dir() else entry
        name = entry.name if entry.is_dir() else entry.stem
        if path.suffix == ".py" and path.is_file() and name.isidentifier() and not name.startswith("_"):
            candidates.append((name, path))
    return candidates


def _import_candidate(name: str, path: Path) -> FoundModule | None:
    """Import one file of a folder; None where it defines no class of its own name."""
    python_name = FOREIGN_PREFIX + name
    locations = [str(path.parent)] if path.name == "__init__.py" else None
    loader = _FreshLoader(python_name, str(path))
    spec = importlib.util.spec_from_file_location(
        python_name, path, loader=loader, submodule_search_locations=locations
    )
    if spec is None:
        raise ScriptedModuleError("Python cannot make a module of this file")
    importlib.invalidate_caches()
    module = importlib.util.module_from_spec(spec)
    sys.modules[python_name] = module
    try:
        loader.exec_module(module)
        found = _classes_of(name, module, path)
    except ScriptedModuleError:
        _forget(python_name)
        raise
    except (Exception, SystemExit) as error:
        _forget(python_name)
        raise ScriptedModuleError(_import_failure(error, path)) from error
    if found is None:
        _forget(python_name)
    return found


def _classes_of(name: str, namespace: ModuleType, path: Path) -> FoundModule | None:
    """Pick the four classes by their names; None where there is no class ``X`` at all."""
    if getattr(namespace, name, None) is None:
        return None
    module = _class(namespace, name, ScriptedModule)
    if module is None:
        return None
    found = FoundModule(
        name,
        module,
        _class(namespace, f"{name}Widget", ScriptedModuleWidget),
        _class(namespace, f"{name}Logic", ScriptedModuleLogic),
        namespace,
        path,
    )
    if f"{name}Test" in vars(namespace):
        _ = found.test  # raises where it is none
    return found


def _class(namespace: ModuleType, name: str, base: type[C]) -> type[C] | None:
    value: Any = getattr(namespace, name, None)
    if value is None:
        return None
    if not (isinstance(value, type) and issubclass(value, base)):
        raise ScriptedModuleError(f"{name} is not a class that derives from {base.__name__}. Derive it, or rename it.")
    return value


def _import_failure(error: BaseException, path: Path) -> str:
    """Say what a user's file raised, and on which of its lines."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(path):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    place = f" in line {line}" if line else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"it cannot be imported: {type(error).__name__}{place}: {plain_text(text)}"


def _reload_package(found: FoundModule) -> FoundModule:
    """Reload the files that define the four classes, metadata first and the panel, which uses the others, last."""
    classes = (found.module, found.logic, found.test, found.widget)
    for name in dict.fromkeys(cls.__module__ for cls in classes if cls is not None):
        try:
            importlib.reload(sys.modules[name])
        except Exception as error:  # an edit in progress may raise anything
            file = Path(str(sys.modules[name].__file__))
            raise ScriptedModuleError(f"{file}: {_import_failure(error, file)}") from error
    return read_package(found.name)


def _forget(python_name: str) -> dict[str, ModuleType]:
    """Take a module and its submodules out of Python's table, and return them."""
    names = [name for name in sys.modules if name == python_name or name.startswith(python_name + ".")]
    return {name: sys.modules.pop(name) for name in names}
