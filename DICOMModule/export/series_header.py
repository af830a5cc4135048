"""The attributes that all images of a derived series share (PS3.3 A.3 CT Image, A.4 MR Image)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import numpy as np
from pydicom.dataset import Dataset

from DICOMModule.dicom.uids import ALWAYS_LOSSY, is_valid_uid, new_uid
from DICOMModule.errors import ExportError
from DICOMModule.export import attribute_lists as lists
from DICOMModule.export import header_texts as texts
from DICOMModule.export.copying import constant_keywords, copy_sound, copy_verbatim, is_sound
from DICOMModule.export.options import ExportOptions
from DICOMModule.export.references import DERIVATIONS, code_item, contributing_equipment
from DICOMModule.volume.volume import Volume

SOP_CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
MANUFACTURER = "DICOMModule"
LONGEST_IS = 2**31 - 1
MR_IMAGE_TYPES = {
    "DENSITY MAP",
    "DIFFUSION MAP",
    "IMAGE ADDITION",
    "MODULUS SUBTRACT",
    "MPR",
    "OTHER",
    "PHASE MAP",
    "PHASE SUBTRACT",
    "PROJECTION IMAGE",
    "T1 MAP",
    "T2 MAP",
    "VELOCITY MAP",
}
"""Defined terms of value 3 of Image Type (C.8.3.1.1.1)."""
LOSSY_METHODS = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}
"""Transfer syntaxes that lose something, and what C.7.6.1.1.5 calls their methods (.91 and .203 may be lossless too)."""


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """The shared attributes, and what a user should know of them.

    Attributes
    ----------
    dataset : Dataset
        Everything but what differs from image to image.
    encodings : list of str
        Python's names of the character sets of `dataset`.
    warnings : tuple of str
        What the source did not say, or said wrongly.
    """

    dataset: Dataset = field(repr=False)
    encodings: list[str]
    warnings: tuple[str, ...]


def series_header(
    volume: Volume, sources: Sequence[Dataset], modality: str, options: ExportOptions, same_grid: bool
) -> SeriesHeader:
    """Return the shared attributes of a series derived from `sources`.

    Parameters
    ----------
    sources : sequence of Dataset
        The images of the template series; empty only for a new study.
    same_grid : bool
        Every slice lies exactly where one of `sources` lies.

    Raises
    ------
    ExportError
        A text of the user cannot be written, or the series number has no place.
    """
    dataset, warnings = Dataset(), list[str]()
    source = sources[len(sources) // 2] if sources else None
    now = _now(source)
    if source is not None:
        if options.new_study:
            copy_verbatim(source, dataset, ["SpecificCharacterSet"])
        else:
            _copy_identity(dataset, source, warnings)
        _copy_series(dataset, sources, modality, same_grid)
    if options.new_study:
        _new_study(dataset, options, now)
    dataset.SOPClassUID, dataset.Modality = SOP_CLASSES[modality], modality
    dataset.ImageType = _image_type(volume, source, modality)
    _series(dataset, options.series_description or _description(volume, source), options, now, warnings)
    _frame_of_reference(dataset, volume, source, options, warnings)
    _equipment(dataset, source, now)
    _derivation(dataset, volume, source, options, same_grid)
    _lossy(dataset, sources, warnings)
    _complete_trial(dataset)
    _required(dataset, modality, warnings)
    encodings = texts.settle_character_set(dataset, warnings)
    return SeriesHeader(dataset, encodings, tuple(warnings))


def _copy_identity(dataset: Dataset, source: Dataset, warnings: list[str]) -> None:
    """Copy patient and study."""
    copy_verbatim(source, dataset, lists.IDENTITY)
    for keyword in lists.STUDY_IDENTITY:
        if is_sound(source, keyword):
            copy_verbatim(source, dataset, [keyword])
        else:
            warnings.append(f"The source's {keyword} breaks the rules for its values; it is left empty.")
    # empty ones too: what one image of a study has, the others should have
    copy_sound(source, dataset, lists.PATIENT + lists.STUDY, empty=True)


def _copy_series(dataset: Dataset, sources: Sequence[Dataset], modality: str, same_grid: bool) -> None:
    """Copy what all images of the source say alike: what differs among them is true of none of ours."""
    source = sources[len(sources) // 2]
    keywords = lists.SERIES + lists.IMAGE
    if str(source.get("Modality", "")) == modality:
        # another modality's acquisition is not ours at all
        keywords = keywords + lists.ACQUISITION[modality] + (lists.GEOMETRY_BOUND[modality] if same_grid else [])
    copy_sound(source, dataset, constant_keywords(sources, keywords))
    for keyword in ("BurnedInAnnotation", "RecognizableVisualFeatures"):
        # one image that may show who the patient is warns of them all
        if any(str(one.get(keyword, "")).strip() == "YES" for one in sources):
            setattr(dataset, keyword, "YES")
    if "ContrastBolusAgent" not in dataset:
        # Type 2 of its module: without it the others say nothing
        for name in [name for name in lists.IMAGE if name.startswith("Contrast") and name in dataset]:
            del dataset[name]


def _new_study(dataset: Dataset, options: ExportOptions, now: datetime) -> None:
    # what was requested, and which trial it was for, is told of another patient
    for keyword in ["RequestAttributesSequence", *(name for name in lists.SERIES if name.startswith("ClinicalTrial"))]:
        if keyword in dataset:
            del dataset[keyword]
    dataset.PatientID = texts.line(options.patient_id, "the patient ID", texts.LONGEST_LO)
    dataset.PatientName = texts.person_name(options.patient_name, "the patient name")
    dataset.StudyInstanceUID = new_uid()
    dataset.StudyDate, dataset.StudyTime = _date(now), _time(now)


def _series(dataset: Dataset, description: str, options: ExportOptions, now: datetime, warnings: list[str]) -> None:
    dataset.SeriesNumber = _series_number(options, warnings)
    dataset.SeriesInstanceUID = new_uid()
    dataset.SeriesDate = dataset.ContentDate = dataset.InstanceCreationDate = _date(now)
    dataset.SeriesTime = dataset.ContentTime = dataset.InstanceCreationTime = _time(now)
    described = texts.cut(description, warnings)
    dataset.SeriesDescription = texts.line(described, "the series description", texts.LONGEST_LO)


def _series_number(options: ExportOptions, warnings: list[str]) -> str:
    number = options.highest_series_number + 1 if options.series_number is None else options.series_number
    if options.series_number is None and number > LONGEST_IS:
        # Type 2: an empty one is better than one that another series has
        warnings.append("The study's series numbers reach to the highest that there is; the new series has none.")
        return ""
    if not -LONGEST_IS <= number <= LONGEST_IS:
        raise ExportError(f"{number} is no Series Number that DICOM can hold; choose one with --series-number.")
    return str(number)


def _image_type(volume: Volume, source: Dataset | None, modality: str) -> list[str]:
    """Return the Image Type: derived always, value 3 by the modality (C.8.2.1.1.1, C.8.3.1.1.1)."""
    known = [str(value) for value in _values(source, "ImageType")]
    third = known[2].strip() if len(known) > 2 else ""
    if modality == "CT":
        row, column = volume.ijk_to_lps[:3, 0], volume.ijk_to_lps[:3, 1]
        normal = np.cross(row, column)
        # within 45 degrees of the patient's axis; a gantry is tilted by 30 at most
        axial = abs(normal[2]) > np.linalg.norm(normal) * np.sqrt(0.5)
        return ["DERIVED", "SECONDARY", "AXIAL" if axial else "OTHER"]
    if third in MR_IMAGE_TYPES:
        return ["DERIVED", "SECONDARY", third]
    # a term of the vendor's (M, P, ADC) tells kinds of values apart: value 4 is for such terms
    vendor = [third] if re.fullmatch(r"[A-Z0-9_ ]{1,16}", third) else []
    return ["DERIVED", "SECONDARY", "OTHER", *vendor]


def _description(volume: Volume, source: Dataset | None) -> str:
    element = None if source is None else source.get("SeriesDescription")
    described = str(element or "").replace("\\", " ").strip()
    done = (", ".join(volume.derivation) or "derived")[: texts.LONGEST_LO]
    room = texts.LONGEST_LO - 3 - len(done)
    return f"{described[:room]} – {done}" if described and room > 0 else done


def _frame_of_reference(
    dataset: Dataset, volume: Volume, source: Dataset | None, options: ExportOptions, warnings: list[str]
) -> None:
    uid = "" if volume.source is None else volume.source.text("FrameOfReferenceUID")
    if not uid and source is not None:
        uid = str(source.get("FrameOfReferenceUID", "") or "").strip(" \0")
    if source is not None:
        copy_sound(source, dataset, ["PositionReferenceIndicator"])
    if uid and not options.new_study:
        if not is_valid_uid(uid):
            warnings.append("The source's Frame of Reference UID breaks the rules for UIDs; it is kept as it is.")
        dataset.FrameOfReferenceUID = uid
        return
    dataset.FrameOfReferenceUID = new_uid()
    if not options.new_study:
        warnings.append("The source has no frame of reference; the new series got one of its own.")


def _equipment(dataset: Dataset, source: Dataset | None, now: datetime) -> None:
    from DICOMModule import __version__

    # no Device Serial Number: it would tell one workstation from another
    ours = {"Manufacturer": MANUFACTURER, "ManufacturerModelName": MANUFACTURER, "SoftwareVersions": __version__}
    for keyword, value in ours.items():
        setattr(dataset, keyword, value)
    moment = now.strftime("%Y%m%d%H%M%S.%f")
    dataset.ContributingEquipmentSequence = contributing_equipment(source, ours, moment)


def _derivation(
    dataset: Dataset, volume: Volume, source: Dataset | None, options: ExportOptions, same_grid: bool
) -> None:
    own = texts.lines(options.derivation, "the derivation")
    said = [*_earlier(volume, source), *filter(None, [own]), *volume.derivation]
    codes = str(volume.extra.get("derivation_codes", "")).split()
    if source is not None and not same_grid:
        said.append("On another grid than the source images")
        codes.append("113085")
    dataset.DerivationDescription = texts.lines(texts.chain(said) or "Derived image", "the derivation")
    known = [code for code in dict.fromkeys(codes) if code in DERIVATIONS]
    if known:
        dataset.DerivationCodeSequence = [code_item(code, DERIVATIONS[code]) for code in known]


def _earlier(volume: Volume, source: Dataset | None) -> list[str]:
    """Return what had been done to the source already, if the values come from it."""
    if source is None or str(source.get("SeriesInstanceUID", "")) not in volume.source_series_uids:
        return []
    before = Dataset()
    copy_sound(source, before, ["DerivationDescription"])
    said = str(before.get("DerivationDescription", "") or "").strip()
    return [said] if said else []


def _lossy(dataset: Dataset, sources: Sequence[Dataset], warnings: list[str]) -> None:
    """Pass on that values were compressed with loss: no processing brings them back (C.7.6.1.1.5)."""
    for source in sources:
        syntax = str(source.file_meta.get("TransferSyntaxUID", "")) if hasattr(source, "file_meta") else ""
        marked = str(source.get("LossyImageCompression", "")).strip() == "01"
        if not marked and syntax not in ALWAYS_LOSSY:
            continue
        dataset.LossyImageCompression = "01"
        ratios = ["LossyImageCompressionRatio", "LossyImageCompressionMethod"]
        copy_sound(source, dataset, ratios)
        if "LossyImageCompressionMethod" not in dataset and syntax in LOSSY_METHODS:
            dataset.LossyImageCompressionMethod = LOSSY_METHODS[syntax]
        if "LossyImageCompressionRatio" not in dataset:
            dataset.LossyImageCompressionRatio = "1"
            warnings.append("The source was compressed with loss at a ratio that it does not tell; 1 stands for it.")
        return


def _complete_trial(dataset: Dataset) -> None:
    """Make the modules of a clinical trial whole, which the source may have in parts, or leave them (C.7.1.3, C.7.2.3)."""
    for (keywords, subjects), needed, empty in lists.TRIAL_MODULES:
        there = [keyword for keyword in keywords if keyword in dataset]
        if not there:
            continue
        if all(dataset.get(keyword) for keyword in needed) and (not subjects or any(map(dataset.get, subjects))):
            for keyword in empty:
                if keyword not in dataset:
                    setattr(dataset, keyword, "")
            continue
        for keyword in there:
            del dataset[keyword]


def _required(dataset: Dataset, modality: str, warnings: list[str]) -> None:
    for keyword in lists.EMPTY[""] + lists.EMPTY[modality]:
        if keyword not in dataset:
            setattr(dataset, keyword, None if keyword in {"PatientName", "ReferringPhysicianName"} else "")
    if "Laterality" not in dataset and str(dataset.get("BodyPartExamined", "")) not in lists.UNPAIRED_BODY_PARTS:
        # Type 2C: whether the body part is a paired one cannot be told, or its side is not known
        dataset.Laterality = ""
    if modality == "MR":
        for keyword, value, meaning in (
            ("ScanningSequence", "RM", "research mode"),
            ("SequenceVariant", "NONE", "none"),
        ):
            if keyword not in dataset:
                setattr(dataset, keyword, value)
                warnings.append(f"The source does not tell one {keyword}; {value} ({meaning}) stands for it.")
        if "IR" in str(dataset.ScanningSequence) and "InversionTime" not in dataset:
            dataset.InversionTime = ""


def _values(source: Dataset | None, keyword: str) -> list[object]:
    if source is None or keyword not in source:
        return []
    value = source.get(keyword)
    if value is None or isinstance(value, str):
        return [value] if value else []
    return list(value)


def _now(source: Dataset | None) -> datetime:
    """Return the time in the zone that the source's times are in (C.12.1: one offset holds for all of a data set)."""
    offset = "" if source is None else str(source.get("TimezoneOffsetFromUTC", "") or "").strip()
    if len(offset) == 5 and offset[0] in "+-" and offset[1:].isdigit():
        minutes = int(offset[1:3]) * 60 + int(offset[3:])
        if minutes <= 14 * 60:
            return datetime.now(timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes)))
    return datetime.now().astimezone()


def _date(moment: datetime) -> str:
    return moment.strftime("%Y%m%d")


def _time(moment: datetime) -> str:
    return moment.strftime("%H%M%S.%f")
