"""What a DICOMDIR says of one instance: its directory records, made by pydicom's rules from the instance's own attributes.

A record needs values that the instance may lack, since its IOD lets them be empty (Type 2): an earlier date of the same
instance takes their place, or what is plainly made up, and that is said. The file itself is never touched.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import DIRECTORY_RECORDERS
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag

from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.errors import DicomFileError, plain_text
from DICOMModule.export.copy_source import CopyItem
from DICOMModule.export.copying import UNREADABLE, copy_sound, copy_verbatim, read_element
from DICOMModule.export.file_ids import file_number

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_TYPES: Final = {
    "RT DOSE": ("481.2",),
    "RT STRUCTURE SET": ("481.3",),
    "RT PLAN": ("481.5", "481.8"),
    "RT TREAT RECORD": ("481.4", "481.6", "481.7", "481.9"),
    "PRESENTATION": ("11.1", "11.2", "11.3", "11.4", "11.5", "11.6", "11.7", "11.8", "11.9", "11.10", "11.11", "131"),
    "KEY OBJECT DOC": ("88.59",),
    "SPECTROSCOPY": ("4.2",),
    "RAW DATA": ("66",),
    "REGISTRATION": ("66.1", "66.3"),
    "FIDUCIAL": ("66.2",),
    "SURFACE": ("66.5",),
    "TRACT": ("66.6",),
    "VALUE MAP": ("67",),
    "STEREOMETRIC": ("77.1.5.3",),
    "SURFACE SCAN": ("68.1", "68.2"),
    "ASSESSMENT": ("90.1",),
    "MEASUREMENT": ("78.1", "78.2", "78.3", "78.4", "78.5", "78.6", "78.7", "78.8", "80.1"),
    "SR DOCUMENT": ("79.1",),
    "RADIOTHERAPY": tuple(f"481.{number}" for number in (10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 25)),
}
_BY_CLASS: Final = {_STORAGE + ending: kind for kind, endings in _TYPES.items() for ending in endings}
_BY_FAMILY: Final = {"88.": "SR DOCUMENT", "104.": "ENCAP DOC", "9.": "WAVEFORM"}
"""PS3.3 table F.4-1: what is in neither of the two is an IMAGE."""

PREFIXES: Final = {
    "IMAGE": "IM",
    "RT DOSE": "RD",
    "RT STRUCTURE SET": "RS",
    "RT PLAN": "RP",
    "RT TREAT RECORD": "RX",
    "PRESENTATION": "PR",
    "WAVEFORM": "WV",
    "SR DOCUMENT": "SR",
    "KEY OBJECT DOC": "KY",
    "SPECTROSCOPY": "SP",
    "RAW DATA": "RW",
    "REGISTRATION": "RG",
    "FIDUCIAL": "FD",
    "ENCAP DOC": "ED",
    "VALUE MAP": "VM",
    "STEREOMETRIC": "SX",
    "MEASUREMENT": "MX",
    "SURFACE": "SF",
    "SURFACE SCAN": "SS",
    "TRACT": "TR",
    "ASSESSMENT": "AS",
    "RADIOTHERAPY": "RT",
}
"""How file IDs begin, as pydicom's own do."""

_TEXTS: Final = ("SpecificCharacterSet", "PatientName", "PatientID", "StudyID", "StudyInstanceUID", "SeriesInstanceUID")
_VALUES: Final = (
    *("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber", "Modality"),
    *(
        "SeriesNumber",
        "SeriesDescription",
        "InstanceNumber",
        "DoseSummationType",
        "StructureSetLabel",
        "StructureSetDate",
    ),
    *("StructureSetTime", "RTPlanLabel", "RTPlanDate", "RTPlanTime", "TreatmentDate", "TreatmentTime"),
    *(
        "PresentationCreationDate",
        "PresentationCreationTime",
        "ContentLabel",
        "ContentDescription",
        "ContentCreatorName",
    ),
    *(
        "ReferencedSeriesSequence",
        "BlendingSequence",
        "CompletionFlag",
        "VerificationFlag",
        "ContentDate",
        "ContentTime",
    ),
    *("ConceptNameCodeSequence", "ImageType", "NumberOfFrames", "Rows", "Columns"),
    *("DataPointRows", "DataPointColumns", "ReferencedImageEvidenceSequence", "DocumentTitle", "HL7InstanceIdentifier"),
    *("MIMETypeOfEncapsulatedDocument", "InstanceCreationDate", "InstanceCreationTime", "UserContentLabel"),
    *("UserContentLongLabel", "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime"),
)
_IN_PLACE: Final = {
    "StudyDate": ("SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate"),
    "StudyTime": ("SeriesTime", "AcquisitionTime", "ContentTime", "InstanceCreationTime"),
    "ContentDate": ("InstanceCreationDate", "SeriesDate", "StudyDate"),
    "ContentTime": ("InstanceCreationTime", "SeriesTime", "StudyTime"),
    "InstanceCreationDate": ("ContentDate", "SeriesDate", "StudyDate"),
}
_MADE_UP: Final = {"StudyDate": "19000101", "StudyTime": "000000", "Modality": "OT"}
_OPTIONAL: Final = {"PATIENT": ("PatientBirthDate", "PatientSex"), "SERIES": ("SeriesDescription",)}
_LEVELS: Final = ("PATIENT", "STUDY", "SERIES")
_INTEGER_STRING: Final = re.compile(r"[+-]?[0-9]{1,9}")  # certainly an IS (PS3.5 6.2)
_MODIFIES: Final = "HAS CONCEPT MOD"


def record_type(sop_class_uid: str) -> str:
    """Return the Directory Record Type (0004,1430) of an instance below its series (PS3.3 table F.4-1)."""
    if kind := _BY_CLASS.get(sop_class_uid):
        return kind
    ending = sop_class_uid.removeprefix(_STORAGE)
    return next((kind for family, kind in _BY_FAMILY.items() if ending.startswith(family)), "IMAGE")


@dataclass(frozen=True, slots=True)
class Described:
    """The directory records of one instance, encoded without their offsets.

    Attributes
    ----------
    owners : tuple of bytes
        Of its patient, study and series; empty where they were not asked for.
    leaf : bytes
        Of the instance itself.
    made_up : tuple of str
        The attributes whose values in the directory are not the file's.
    """

    owners: tuple[bytes, ...]
    leaf: bytes
    made_up: tuple[str, ...]


def describe(item: CopyItem, *, with_owners: bool) -> Described:
    """Return the directory records of an instance, `with_owners` those above it too.

    The record of an image alone says nothing that is not registered: its file need not be read.

    Raises
    ------
    DicomFileError
        It cannot be parsed, or lacks what a record needs and nobody can make up.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break their VR: the sound ones are taken
        leaf_kind = record_type(item.sop_class_uid)
        needs_file = with_owners or leaf_kind != "IMAGE"
        facts, made_up = _facts(item) if needs_file else _number_alone(item)
        kinds = (*(_LEVELS if with_owners else ()), leaf_kind)
        try:
            *owners, leaf = (_encoded(_record(kind, facts, item)) for kind in kinds)
        except (*UNREADABLE, LookupError) as error:
            raise DicomFileError(
                item.path,
                f"cannot be described in a DICOMDIR as {leaf_kind}: {plain_text(str(error)).rstrip('.')}. Copy it to a plain folder.",
            ) from error
    return Described(tuple(owners), leaf, made_up)


def _facts(item: CopyItem) -> tuple[Dataset, tuple[str, ...]]:
    """Return what records are made of, completed, and the attributes that were made up or taken from others."""
    source = read_dataset(item.path)
    facts = Dataset()
    copy_verbatim(source, facts, _TEXTS)
    copy_sound(source, facts, _VALUES)
    copy_sound(_document(source), facts, ("ContentSequence", "VerificationDateTime"))
    facts.SOPClassUID, facts.SOPInstanceUID = item.sop_class_uid, item.sop_instance_uid
    if not facts.get("StudyInstanceUID") or not facts.get("SeriesInstanceUID"):
        raise DicomFileError(item.path, "has no UIDs of study and series that a DICOMDIR could name.")
    patient, study, series, leaf = item.target
    numbers = {"PatientID": f"NOID-{patient}", "StudyID": study, "SeriesNumber": _ordinal(series)}
    made_up = []
    for keyword, value in {**_MADE_UP, **numbers, "InstanceNumber": _ordinal(leaf)}.items():
        if not facts.get(keyword) and facts.get(keyword) != 0:
            made_up.append(keyword)
            setattr(facts, keyword, _instead(facts, keyword) or value)
    for keyword in ("ContentDate", "ContentTime", "InstanceCreationDate"):
        if not facts.get(keyword):
            setattr(facts, keyword, _instead(facts, keyword))
    return facts, tuple(made_up)


def _number_alone(item: CopyItem) -> tuple[Dataset, tuple[str, ...]]:
    facts = Dataset()
    sound = _INTEGER_STRING.fullmatch(item.instance_number)
    facts.InstanceNumber = item.instance_number if sound else _ordinal(item.target[-1])
    return facts, () if sound else ("InstanceNumber",)


def _ordinal(component: str) -> str:
    return str(file_number(component) + 1)


def _instead(facts: Dataset, keyword: str) -> str:
    return next((str(facts.get(other)) for other in _IN_PLACE.get(keyword, ()) if facts.get(other)), "")


def _document(source: Dataset) -> Dataset:
    """Return what a directory has of a document beyond its first level (PS3.3 F.5.17).

    The content items that modify its title, nothing else of its content; and when it was last verified.
    """
    kept = Dataset()
    modifiers = [one for one in _items(source, "ContentSequence") if str(one.get("RelationshipType")) == _MODIFIES]
    verified = [str(one.get("VerificationDateTime") or "") for one in _items(source, "VerifyingObserverSequence")]
    if modifiers:
        kept.ContentSequence = modifiers
    if any(verified):
        kept.VerificationDateTime = max(verified)
    return kept


def _items(source: Dataset, keyword: str) -> Sequence[Dataset]:
    element = read_element(source, Tag(keyword))
    return element.value if element is not None and element.VR == "SQ" else ()


def _record(kind: str, facts: Dataset, item: CopyItem) -> Dataset:
    record = DIRECTORY_RECORDERS[kind](facts)
    record.DirectoryRecordType = kind
    if facts.get("SpecificCharacterSet") and kind != "IMAGE":  # which has no text
        record.SpecificCharacterSet = facts.SpecificCharacterSet
    for keyword in _OPTIONAL.get(kind, ()):
        if keyword in facts:
            record[keyword] = facts[keyword]
    if kind not in _LEVELS:
        record.ReferencedFileID = list(item.target)
        record.ReferencedSOPClassUIDInFile = item.sop_class_uid
        record.ReferencedSOPInstanceUIDInFile = item.sop_instance_uid
        record.ReferencedTransferSyntaxUIDInFile = item.transfer_syntax_uid
    return record


def _encoded(record: Dataset) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, record)
    return stream.getvalue()


def made_up_text(keywords: Iterable[str]) -> str:
    """Return the sentence for values that a directory has and the file has not."""
    return f"the file has no {', '.join(keywords)}; the DICOMDIR, which needs a value, has a substitute. The file is unchanged."
