"""The verbs of volumes: examine, load, process, export."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from DICOMModule.commands.output import IN_PART, OK, as_json
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, existing_path, filled, whole
from DICOMModule.errors import ExportError, NoImageError, plain_text

if TYPE_CHECKING:
    from DICOMModule.logic import DICOMModuleLogic, Loaded
    from DICOMModule.readers.loadable import Loadable
    from DICOMModule.study_export import ExportReport
    from DICOMModule.volume.sequence import Axis
    from DICOMModule.volume.volume import Volume


def _examine_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets", metavar="SERIES_UID|PATH", nargs="+", type=filled, help="series, study, file or folder"
    )


def _examine(context: Context) -> int:
    output = context.output
    loadables: list[Loadable] = []
    unread = 0
    with context.logic() as logic:
        for target in context.arguments.targets:
            found, problems = logic.examine(target)
            loadables += found
            unread += len(problems)
            for problem in problems:
                output.message(f"left out: {plain_text(problem.where)}: {problem.reason}")
    output.document([_loadable_document(one) for one in loadables])
    header = ("", "id", "kind", "voxels", "spacing mm", "name", "series UID")
    rows = [
        (
            "*" if one.selected else "-" if one.refusal else "",
            one.id,
            one.kind,
            _voxels_text(one) if any(one.dimensions) else None,
            " × ".join(f"{value:.4g}" for value in one.spacing_mm) if any(one.spacing_mm) else None,
            one.name,
            one.series_instance_uid,
        )
        for one in loadables
    ]
    below = [[plain_text(text) for text in (*one.warnings, *one.notes, one.refusal) if text] for one in loadables]
    output.table(header, rows, below=below, whole=(*header[:5], "series UID"))
    if not output.as_json:
        output.message("* is loaded where nobody chooses (--loadable ID chooses), - cannot be loaded")
    return IN_PART if unread else OK


def _voxels_text(one: Loadable) -> str:
    sizes = one.dimensions if one.timepoints == 1 else (*one.dimensions, one.timepoints)
    return "×".join(map(str, sizes))


def _loadable_document(one: Loadable) -> dict[str, Any]:
    keys = ("id", "series_instance_uid", "name", "kind", "reader", "confidence", "selected", "warnings", "notes")
    document: dict[str, Any] = {key: getattr(one, key) for key in keys}
    document["instances"] = len(one.instances)
    for key in ("dimensions", "spacing_mm", "timepoints", "components", "regular"):
        document[key] = getattr(one, key)
    document["axis"] = None if one.axis is None else _axis_document(one.axis)
    document["alternative_to"] = one.alternative_to or None
    document["refusal"] = one.refusal or None
    return document


def _load_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="SERIES_UID|PATH", type=filled, help="series, file or folder, volume files too"
    )
    parser.add_argument("--loadable", metavar="ID", default="", help="which of the loadables that `examine` lists")
    parser.add_argument(
        "--output", metavar="FILE", type=existing_path, required=True, help=".nrrd, .nii.gz, .nii, .mha or .vti"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")


def _load(context: Context) -> int:
    from DICOMModule.export import check_volume_file_path, write_volume_file

    given, output = context.arguments, context.output
    check_volume_file_path(given.output, overwrite=given.overwrite)
    with context.logic() as logic:
        loaded = output.run(logic.open_job(given.target, given.loadable))
    write_volume_file(loaded.sequence or loaded.volume, given.output, overwrite=given.overwrite)
    return _show_volume(context, loaded, given.output)


def _show_volume(context: Context, loaded: Loaded, path: Path) -> int:
    volume, output = loaded.volume, context.output
    texts = _volume_document(loaded, path, context.elapsed_s())
    output.document(texts)
    size, spacing = "×".join(map(str, volume.dimensions)), " × ".join(f"{value:.4g}" for value in volume.spacing_mm)
    times = f", {loaded.sequence.axis.name} of {len(loaded.sequence.volumes)} values" if loaded.sequence else ""
    unit = "mm" if volume.calibrated else "pixels"
    output.text(
        f"{plain_text(str(path))}: {plain_text(volume.name)}, {size} voxels of {spacing} {unit},"
        f" {volume.array.dtype}{times}{', in colour' if volume.components > 1 else ''}"
    )
    for text in (*texts["warnings"], *texts["notes"]):
        output.message(f"  {text}")
    return IN_PART if loaded.problems else OK


def _volume_document(loaded: Loaded, path: Path, elapsed_s: float) -> dict[str, Any]:
    import numpy as np

    from DICOMModule.volume.statistics import sequence_statistics, volume_statistics

    volume, sequence = loaded.volume, loaded.sequence
    statistics = volume_statistics(volume) if sequence is None else sequence_statistics(sequence)
    columns = volume.ijk_to_lps[:3, :3]
    warnings, notes = (volume.warnings, volume.notes) if sequence is None else (sequence.warnings, sequence.notes)
    if not volume.regular:
        warnings = (*warnings, fitted_grid_warning(volume))
    return {
        "output": path,
        "loadable": loaded.loadable.id if loaded.loadable else None,
        "dimensions": volume.dimensions,
        "ijk_to_lps": volume.ijk_to_lps.ravel(),
        "spacing_mm": volume.spacing_mm,
        "origin_lps_mm": volume.ijk_to_lps[:3, 3],
        "direction_lps": (columns / np.linalg.norm(columns, axis=0)).ravel(),
        "regular": volume.regular,
        "slice_positions_lps_mm": volume.slice_positions,
        "missing_slices": volume.missing_slices,
        "scalar_type": volume.array.dtype.name,
        "components": volume.components,
        "timepoints": 1 if sequence is None else len(sequence.volumes),
        "axis": None if sequence is None else _axis_document(sequence.axis),
        "minimum": statistics.minimum,
        "maximum": statistics.maximum,
        "mean": statistics.mean,
        "units": volume.units,
        "placed": volume.placed,
        "calibrated": volume.calibrated,
        "quantities": [
            {"name": one.name, "unit": one.unit, "scale": one.scale, "offset": one.offset, "provenance": one.provenance}
            for one in volume.quantities
        ],
        "warnings": warnings,
        "notes": notes,
        "elapsed_s": elapsed_s,
    }


def _axis_document(axis: Axis) -> dict[str, Any]:
    return {"name": axis.name, "unit": axis.unit, "values": axis.values, "labels": axis.labels}


def fitted_grid_warning(volume: Volume) -> str:
    """Return how far from their places the slices lie in a file, which knows evenly spaced ones only."""
    import numpy as np

    steps = np.arange(len(volume.array), dtype=np.float64)[:, None]
    fitted = volume.ijk_to_lps[:3, 3] + steps * volume.ijk_to_lps[:3, 2]
    away = float(np.linalg.norm(fitted - volume.slice_positions, axis=1).max())
    return (
        f"The slices are not evenly spaced. In the file they lie on the grid that fits them best, up to {away:.3g} mm"
        " from their places, which are those of slice_positions_lps_mm."
    )


def _process_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("filter", metavar="FILTER", nargs="?", help="one of those that --list names")
    parser.add_argument("target", metavar="SERIES_UID|FILE", nargs="?", type=filled, help="a series, or a volume file")
    parser.add_argument(
        "--list", action="store_true", dest="list_filters", help="list the filters and their parameters"
    )
    parser.add_argument("--param", metavar="K=V", action="append", default=[], type=_assignment, help="a parameter")
    parser.add_argument("--loadable", metavar="ID", default="", help="which of the loadables that `examine` lists")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--output", metavar="FILE", type=existing_path, help="write the result to a volume file")
    where.add_argument("--study", metavar="UID", type=filled, help="put the result into this study of the database")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    parser.set_defaults(usage_error=parser.error)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text} is not of the form NAME=VALUE")
    return name, value


def _process(context: Context) -> int:
    from DICOMModule.export import ExportOptions, check_volume_file_path, write_volume_file

    given, output = context.arguments, context.output
    if given.list_filters:
        return _list_filters(context)
    if not given.filter or not given.target or not (given.output or given.study):
        given.usage_error("FILTER, SERIES_UID|FILE and one of --output and --study are needed (or --list)")
    if given.output:
        check_volume_file_path(given.output, overwrite=given.overwrite)
    with context.logic() as logic:
        if given.study:
            logic.check_study(given.study)
        loaded = output.run(logic.open_job(given.target, given.loadable))
        _check_one_volume(loaded, "filtered")
        volume = output.run(logic.process_job(given.filter, loaded.volume, dict(given.param)))
        if given.study:
            options = ExportOptions()
            _show_export(context, output.run(logic.export_job(volume, options, given.study)))
            return IN_PART if loaded.problems else OK
    write_volume_file(volume, given.output, overwrite=given.overwrite)
    return _show_volume(context, replace(loaded, volume=volume), given.output)


def _check_one_volume(loaded: Loaded, done: str) -> None:
    """Refuse a sequence where only its first volume would be used."""
    if loaded.sequence is not None:
        raise NoImageError(
            f"{plain_text(loaded.sequence.name)} holds {len(loaded.sequence.volumes)} volumes"
            f" ({loaded.sequence.axis.name}); only single volumes are {done}."
        )


def _list_filters(context: Context) -> int:
    from DICOMModule.processing import operations

    listed = operations()
    context.output.document(listed)
    for operation in listed:
        context.output.text(f"{operation.name}: {operation.title}")
        for one in operation.parameters:
            unit = f" {one.unit}" if one.unit else ""
            context.output.text(f"  {one.name}={one.default}{unit}  ({one.type}, {one.minimum} to {one.maximum})")
    return OK


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE|-", type=filled, help="a volume file, or - for one on standard input")
    parser.add_argument("--study", metavar="UID", type=filled, help="the study that gets the new series")
    parser.add_argument("--new-study", action="store_true", help="make a new study in place of --study")
    parser.add_argument("--patient-id", metavar="I", default="", help="with --new-study")
    parser.add_argument("--patient-name", metavar="N", default="", help="with --new-study")
    parser.add_argument("--like", metavar="SERIES_UID", default="", help="the series whose headers it takes after")
    parser.add_argument("--modality", metavar="M", default="", help="default: that of the series it takes after")
    parser.add_argument("--series-description", metavar="T", default="", help="default: what the file says")
    parser.add_argument("--series-number", metavar="N", type=whole, help="default: the next one that is free")
    parser.add_argument("--derivation", metavar="TEXT", default="", help="how the values were derived")
    parser.add_argument("--as", dest="as_object", choices=("auto", "image"), default="auto", help="what to write")
    parser.add_argument("--transfer-syntax", metavar="UID", default="", help="default: Explicit VR Little Endian")
    parser.set_defaults(usage_error=parser.error)


def _export(context: Context) -> int:
    from DICOMModule.export import ExportOptions

    given = context.arguments
    if bool(given.study) == given.new_study:
        given.usage_error("one of --study and --new-study is needed")
    if given.new_study and not given.patient_id:
        given.usage_error("--new-study needs --patient-id")
    options = ExportOptions(
        series_description=given.series_description,
        series_number=given.series_number,
        derivation=given.derivation,
        modality=given.modality,
        new_study=given.new_study,
        patient_id=given.patient_id,
        patient_name=given.patient_name,
        **({"transfer_syntax_uid": given.transfer_syntax} if given.transfer_syntax else {}),
    )
    with context.logic() as logic:
        if given.study:
            logic.check_study(given.study)
        loaded = _read_volume(context, logic, given.file)
        report = context.output.run(logic.export_job(loaded.volume, options, given.study or "", given.like))
    _show_export(context, report)
    return IN_PART if loaded.problems else OK


def _read_volume(context: Context, logic: DICOMModuleLogic, name: str) -> Loaded:
    """Read the volume file `name`; ``-`` reads one from standard input, whose first bytes say what it is."""
    if name != "-":
        return context.output.run(logic.open_job(name))
    if sys.stdin is None:
        raise ExportError("standard input is closed; name a volume file, or pipe one in")
    data = sys.stdin.buffer.read()
    with tempfile.TemporaryDirectory(prefix="dicommodule-stdin-") as folder:
        path = Path(folder) / f"volume{_suffix_of(data)}"
        path.write_bytes(data)
        return context.output.run(logic.open_job(str(path)))


def _suffix_of(data: bytes) -> str:
    signatures: Sequence[tuple[int, bytes, str]] = (
        (0, b"NRRD", ".nrrd"),
        (0, b"\x1f\x8b", ".nii.gz"),
        (344, b"n+1\0", ".nii"),
        (0, b"ObjectType", ".mha"),
        (0, b"<?xml", ".vti"),
        (0, b"<VTKFile", ".vti"),
    )
    for offset, signature, suffix in signatures:
        if data[offset : offset + len(signature)] == signature:
            return suffix
    raise ExportError("standard input holds no volume file that is known: NRRD, NIfTI, MetaImage or VTK image data")


def _show_export(context: Context, report: ExportReport) -> None:
    context.output.document(as_json(report))
    context.output.text(
        f"series {report.series_instance_uid}: {counted(report.instances, 'instance')},"
        f" largest difference {report.max_abs_error:.3g} (bound {report.error_bound:.3g})"
    )
    for text in report.warnings:
        context.output.message(f"  {text}")


VERBS = (
    Verb(
        "examine",
        "list what series can be loaded as",
        _examine_arguments,
        _examine,
        ("examine CD/series3", "examine 1.2.840.1.2.3 --json"),
    ),
    Verb(
        "load",
        "load a series as a volume and write it to a file",
        _load_arguments,
        _load,
        ("load 1.2.840.1.2.3 --output head.nrrd", "load CD/series3 --output head.nii.gz --overwrite"),
    ),
    Verb(
        "process",
        "apply a filter to a volume",
        _process_arguments,
        _process,
        (
            "process --list",
            "process gaussian 1.2.840.1.2.3 --param sigma_mm=2 --output smooth.nrrd",
            "process median head.nrrd --study 1.2.840.1.2",
        ),
    ),
    Verb(
        "export",
        "put a volume into the database as a new series",
        _export_arguments,
        _export,
        (
            "export smooth.nrrd --study 1.2.840.1.2 --series-description Smoothed",
            "export head.nii.gz --new-study --patient-id 4711 --patient-name Doe^Jane --modality MR",
        ),
    ),
)
