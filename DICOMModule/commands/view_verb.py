"""The verb view: the window, or what it shows as a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from DICOMModule.collecting import collection_paused
from DICOMModule.commands.output import IN_PART, OK
from DICOMModule.commands.verb import Context, Verb, existing_path, filled, real, whole
from DICOMModule.errors import NoImageError, Problem, RenderingError, SettingsError, plain_text

if TYPE_CHECKING:
    from DICOMModule.logic import DICOMModuleLogic, Loaded
    from DICOMModule.readers.loadable import Loadable
    from DICOMModule.scene import VolumeNode
    from DICOMModule.widgets.picture_options import PictureOptions

LAYOUTS = ("four-up", "axial", "sagittal", "coronal", "3d", "two-up", "three-up", "one-and-three")
THEMES = ("dark", "light")
DEMO_PHANTOM = "ct"
DEMO_PRESET = "CT organs"  # shows heart and vessels behind the ribs, which is what the phantom has to show
PICTURE_SUFFIX = ".png"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets", metavar="PATH|UID", nargs="*", type=filled, help="what to show: series, study, file or folder"
    )
    parser.add_argument("--demo", action="store_true", help="show the built-in phantom")
    parser.add_argument("--import", dest="import_paths", action="store_true", help="register paths in the database too")
    parser.add_argument("--loadable", metavar="ID", default="", help="which of the loadables that `examine` lists")
    parser.add_argument("--layout", choices=LAYOUTS, help="which views (default: four-up)")
    parser.add_argument("--window", type=real, metavar="W", help="window width")
    parser.add_argument("--level", type=real, metavar="L", help="window centre")
    parser.add_argument("--preset", metavar="NAME", default="", help="a window preset or a volume-rendering preset")
    parser.add_argument("--position", type=_position, metavar="L,P,S", help="where the slices cross, LPS mm")
    parser.add_argument(
        "--timepoint", type=whole, metavar="N", help="which volume of a 4D series, from 1 (in pictures)"
    )
    parser.add_argument(
        "--quantity", metavar="NAME", default="", help="show the values as this, such as SUVbw (in pictures)"
    )
    parser.add_argument("--no-overlays", action="store_true", help="no text, letters, rulers and crosshair")
    parser.add_argument("--theme", choices=THEMES, help="(default: dark in a picture, in the window as set)")
    parser.add_argument("--size", type=_size, metavar="WxH", default=(1600, 1000), help="of the picture (1600x1000)")
    parser.add_argument(
        "--screenshot", metavar="FILE.png", type=existing_path, help="render the views to this file and quit"
    )
    parser.add_argument(
        "--window-screenshot",
        metavar="FILE.png",
        type=existing_path,
        help="show the whole window in this file and quit; no screen is needed",
    )
    parser.set_defaults(usage_error=parser.error)


def _position(text: str) -> tuple[float, float, float]:
    try:
        left, posterior, superior = (float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{plain_text(text[:60])} is not of the form L,P,S, such as -12.5,0,40"
        ) from error
    return left, posterior, superior


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{plain_text(text[:60])} is not of the form 1600x1000") from error
    return width, height


def _view(context: Context) -> int:
    given = context.arguments
    _check_usage(given)
    from DICOMModule.widgets.picture_options import PictureOptions

    options = PictureOptions(
        layout=given.layout or "four-up",
        window=given.window,
        level=given.level,
        preset=given.preset or (DEMO_PRESET if given.demo else ""),
        position_lps_mm=given.position,
        overlays=not given.no_overlays,
        theme=given.theme or "dark",
        size=given.size,
    )
    return _save_picture(context, options) if given.screenshot else _open_window(context, options)


def _save_picture(context: Context, options: PictureOptions) -> int:
    """Render the views alone to a picture."""
    from DICOMModule.logic import DICOMModuleLogic
    from DICOMModule.scene.quantities import quantity_job, quantity_named
    from DICOMModule.scene.window_presets import display_of_value
    from DICOMModule.widgets.screenshot import save_picture

    given = context.arguments
    with DICOMModuleLogic.private() if given.demo else context.logic() as logic:
        loaded, others = _open(context, logic)
        node = logic.scene.add(loaded.sequence or loaded.volume)
        if given.quantity:
            made = context.output.run(quantity_job(node.value, given.quantity))
            node = node.showing(made, quantity_named(node.volume, given.quantity).name, display_of_value(made))
        if given.timepoint is not None:
            node = _at_timepoint(node, given.timepoint)
        picture = save_picture([node], options, given.screenshot)
    warnings = list(picture["warnings"])
    if others:
        warnings.append(
            "1 more loadable is not in the picture."
            if others == 1
            else f"{others} more loadables are not in the picture."
        )
    _show_picture(context, {**picture, "warnings": warnings}, given.screenshot)
    return IN_PART if loaded.problems else OK


def _at_timepoint(node: VolumeNode, number: int) -> VolumeNode:
    if not 1 <= number <= node.count:
        raise SettingsError(
            f"there is no time point {number}; {plain_text(node.name)} has {node.count}, counted from 1."
        )
    return node.at(number - 1) if node.sequence is not None else node


def _show_picture(context: Context, picture: dict[str, Any], path: Path) -> None:
    context.output.document(picture)
    context.output.text(f"the picture is {plain_text(str(path.absolute()))}")
    for text in picture["warnings"]:
        context.output.message(f"  {text}")


def _open_window(context: Context, options: PictureOptions) -> int:
    """Open the window, or make a picture of all of it."""
    with collection_paused():
        from DICOMModule.app import ViewerOptions, run_viewer
    from DICOMModule.widgets.viewer import OpenRequest

    given = context.arguments
    with context.logic() as logic:
        paths = [logic.targets.path_of(target) for target in given.targets]  # a wrong one is said before a window opens
    private = given.demo or (all(paths) and bool(paths) and not given.import_paths)
    if any(paths) and not all(paths) and not given.import_paths:
        given.usage_error("paths and UIDs together need --import, as they are shown in one database")
    asked = any((given.layout, given.preset, given.position, given.no_overlays, given.window is not None, given.demo))
    opening = OpenRequest(
        tuple(given.targets), given.loadable, given.demo, options if asked or given.window_screenshot else None
    )
    result = run_viewer(
        ViewerOptions(
            database_folder=None if private else context.database_folder,
            opening=opening,
            theme=given.theme or ("dark" if given.window_screenshot else ""),
            size=given.size,
            window_screenshot=given.window_screenshot,
        )
    )
    if result.picture is not None:
        _show_picture(context, result.picture, given.window_screenshot)
    return result.code


def open_viewer(context: Context) -> int:
    """Open the window on the local database: what `dicommodule` alone does."""
    from DICOMModule.app import ViewerOptions, run_viewer

    return run_viewer(ViewerOptions(context.database_folder)).code


def _check_usage(given: argparse.Namespace) -> None:
    """Refuse what cannot be shown before anything is opened."""
    if given.screenshot and given.window_screenshot:
        given.usage_error("--screenshot and --window-screenshot are two pictures: ask for one")
    if given.targets and given.demo:
        given.usage_error("name what to show, or --demo")
    if given.screenshot and not given.targets and not given.demo:
        given.usage_error("name what to show, or --demo")
    if (given.window is None) != (given.level is None):
        given.usage_error("--window and --level go together")
    path = given.screenshot or given.window_screenshot
    if path is None:
        return
    name = plain_text(str(path))
    if path.suffix.lower() != PICTURE_SUFFIX:
        raise RenderingError(f"{name}: pictures are written as PNG; give it a name that ends in {PICTURE_SUFFIX}.")
    if not path.absolute().parent.is_dir():
        raise RenderingError(f"{name}: there is no folder of that name to write the picture to. Make it first.")


def _open(context: Context, logic: DICOMModuleLogic) -> tuple[Loaded, int]:
    """Load what is to be shown; return it and how many other loadables there would be."""
    from DICOMModule.demo.catalogue import phantoms
    from DICOMModule.export import is_volume_file
    from DICOMModule.targets import choose_loadable

    given, output = context.arguments, context.output
    targets: list[str] = given.targets
    paths = [logic.targets.path_of(target) for target in targets]  # all or none: a wrong one is said first
    if given.demo:
        output.run(logic.demo_job([DEMO_PHANTOM]))
        targets = [phantom.series_instance_uid for phantom in phantoms((DEMO_PHANTOM,))]
    elif files := [target for target, path in zip(targets, paths, strict=True) if path and is_volume_file(path)]:
        return output.run(logic.open_job(files[0])), len(targets) - 1
    elif given.import_paths and any(paths):
        output.run(logic.import_job([path for path in paths if path]))
    loadables: list[Loadable] = []
    problems: list[Problem] = []
    for target in targets:
        found, unread = logic.examine(target)
        if not any(one.selected for one in found):
            choose_loadable(target, found, unread, given.loadable)  # says why nothing can be shown
        loadables += found
        problems += unread
    wanted = [one for one in loadables if (one.id == given.loadable if given.loadable else one.selected)]
    if not wanted:
        raise NoImageError(f"there is no loadable {plain_text(given.loadable)}; `examine` lists what there is")
    best = max(wanted, key=lambda one: one.dimensions[2])
    return output.run(logic.load_loadable_job(best, problems)), len(wanted) - 1


VERBS = (
    Verb(
        "view",
        "open the viewer, or render what it shows to a picture",
        _arguments,
        _view,
        (
            "view --demo",
            "view CD --window-screenshot window.png",
            "view --demo --screenshot demo.png",
            "view CD/series3 --layout axial --position -12.5,0,40 --screenshot slice.png",
            'view 1.2.840.1.2.3 --preset "CT bone" --size 1200x1200 --screenshot bone.png',
        ),
    ),
)
