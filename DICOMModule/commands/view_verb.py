"""The verb view: what the viewer shows, as a picture."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from DICOMModule.commands.output import OK
from DICOMModule.commands.verb import Context, Verb
from DICOMModule.demo.catalogue import phantoms
from DICOMModule.errors import NoImageError, plain_text
from DICOMModule.logic import DICOMModuleLogic, Loaded, choose_loadable
from DICOMModule.readers.loadable import Loadable

LAYOUTS = ("four-up", "axial", "sagittal", "coronal", "3d")
THEMES = ("dark", "light")
DEMO_PHANTOM = "ct"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", metavar="PATH|UID", nargs="*", help="what to show: series, study, file or folder")
    parser.add_argument("--demo", action="store_true", help="show the built-in phantom")
    parser.add_argument("--import", dest="import_paths", action="store_true", help="register paths in the database too")
    parser.add_argument("--loadable", metavar="ID", default="", help="which of the loadables that `examine` lists")
    parser.add_argument("--layout", choices=LAYOUTS, default="four-up")
    parser.add_argument("--window", type=float, metavar="W", help="window width")
    parser.add_argument("--level", type=float, metavar="L", help="window centre")
    parser.add_argument("--preset", metavar="NAME", default="", help="a window preset or a volume-rendering preset")
    parser.add_argument("--position", type=_position, metavar="L,P,S", help="where the slices cross, LPS mm")
    parser.add_argument("--no-overlays", action="store_true", help="no text, letters, rulers and crosshair")
    parser.add_argument("--theme", choices=THEMES, default="dark")
    parser.add_argument("--size", type=_size, metavar="WxH", default=(1600, 1000), help="of the picture (1600x1000)")
    parser.add_argument("--screenshot", metavar="FILE.png", type=Path, help="render the views to this file")
    parser.set_defaults(usage_error=parser.error)


def _position(text: str) -> tuple[float, float, float]:
    left, posterior, superior = (float(part) for part in text.split(","))
    return left, posterior, superior


def _size(text: str) -> tuple[int, int]:
    width, height = (int(part) for part in text.lower().split("x"))
    return width, height


def _view(context: Context) -> int:
    from DICOMModule.widgets.screenshot import PictureOptions, save_picture

    given, output = context.arguments, context.output
    if given.screenshot is None:
        given.usage_error(
            "the viewer's window is not part of this version yet: name a picture with --screenshot FILE.png"
        )
    if bool(given.targets) == given.demo:
        given.usage_error("name what to show, or --demo")
    if (given.window is None) != (given.level is None):
        given.usage_error("--window and --level go together")
    options = PictureOptions(
        layout=given.layout,
        window=given.window,
        level=given.level,
        preset=given.preset,
        position_lps_mm=given.position,
        overlays=not given.no_overlays,
        theme=given.theme,
        size=given.size,
    )
    with DICOMModuleLogic.private() if given.demo else context.logic() as logic:
        loaded, others = _open(context, logic)
        node = logic.scene.add_volume(loaded.volume)
        picture = save_picture([node], options, given.screenshot)
    document = dict(picture)
    if others:
        document["warnings"] = [*document["warnings"], f"{others} more loadables are not in the picture."]
    output.document(document)
    output.text(f"the picture is {plain_text(str(given.screenshot.absolute()))}")
    for text in document["warnings"]:
        output.message(f"  {text}")
    return OK


def _open(context: Context, logic: DICOMModuleLogic) -> tuple[Loaded, int]:
    """Load what is to be shown; return it and how many other loadables there would be."""
    given, output = context.arguments, context.output
    targets: Sequence[str] = given.targets
    if given.demo:
        output.run(logic.demo_job([DEMO_PHANTOM]))
        targets = [phantom.series_instance_uid for phantom in phantoms((DEMO_PHANTOM,))]
    elif given.import_paths:
        paths = [Path(target) for target in targets if Path(target).exists()]
        output.run(logic.import_job(paths))
    loadables: list[Loadable] = []
    for target in targets:
        found, problems = logic.examine(target)
        if not any(one.selected for one in found):
            choose_loadable(target, found, problems, given.loadable)  # says why nothing can be shown
        loadables += found
    wanted = [one for one in loadables if (one.id == given.loadable if given.loadable else one.selected)]
    if not wanted:
        raise NoImageError(f"there is no loadable {plain_text(given.loadable)}; `examine` lists what there is")
    best = max(wanted, key=lambda one: one.dimensions[2])
    return output.run(logic.load_loadable_job(best)), len(wanted) - 1


VERBS = (Verb("view", "render the views of a volume to a picture", _arguments, _view),)
