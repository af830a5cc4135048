"""Names of files that leave the database: from a template over DICOM keywords, portable, and each given once.

A template is a relative path with keywords in braces, ``{PatientName}/{StudyDate}/{InstanceNumber:05}.dcm``. What a file
says never becomes a path: values are cleaned before they are put in, and only the template's own ``/`` separates.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from DICOMModule.dicom.attributes import ATTRIBUTES
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.patient import patient_identity
from DICOMModule.dicom.person_name import person_name
from DICOMModule.dicom.values import iso_date, iso_time
from DICOMModule.errors import ExportError, plain_text

DEFAULT_TEMPLATE: Final = (
    "{PatientName}/{StudyDate} {StudyDescription}/{SeriesNumber} {Modality} {SeriesDescription}/{InstanceNumber:05}.dcm"
)
ENDING: Final = ".dcm"
LONGEST_NAME_BYTES: Final = 80
UNNAMED: Final = "unnamed"
DEEPEST: Final = 8

KEYWORDS: Final = {keyword: vr for keyword, vr in ATTRIBUTES.values() if vr != "SQ"}
"""What a template may name: the attributes that the database keeps, with their value representations."""

# Which folder is a patient's, a study's or a series' own: the last one that names it. Others, such as one of all CT, are shared.
_PATIENT: Final = frozenset(("PatientName", "PatientID"))
_STUDY: Final = frozenset(
    ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber")
)
_SERIES: Final = frozenset(("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "ProtocolName"))

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z0-9]+)(?::0?([1-9]))?\}")
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_FORBIDDEN: Final = re.compile(r'[/\\:*?"<>|]')
_RESERVED: Final = frozenset(
    (
        *("con", "prn", "aux", "nul", "conin$", "conout$", "clock$"),
        *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
    )
)


def folded(name: str) -> str:
    """Return `name` as file systems compare names that do not tell upper from lower case, or composed from decomposed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def clean_text(text: str) -> str:
    """Return `text` without what no file name should hold: separators become ``_``, what cannot be seen goes."""
    text = unicodedata.normalize("NFC", text)
    # Z: blanks of all kinds; C: control characters, marks that turn the direction of writing, lone surrogates
    kept = (" " if c.isspace() else c for c in text if c.isspace() or not unicodedata.category(c).startswith("C"))
    return _FORBIDDEN.sub("_", "".join(kept))


def portable_name(text: str, ending: str = "") -> str:
    """Return `text` with `ending` as one component of a path that every system takes, at most 80 bytes long.

    Examples
    --------
    >>> portable_name("../../etc"), portable_name("CON"), portable_name("nul.txt"), portable_name(" . ", ".dcm")
    ('_.._etc', '_CON', '_nul.txt', 'unnamed.dcm')
    """
    name = " ".join(clean_text(text).split(" ")).lstrip(". ")
    name = " ".join(name.split())
    name = _cut(name, LONGEST_NAME_BYTES - len(ending.encode()))
    if name.partition(".")[0].strip().casefold() in _RESERVED:
        name = "_" + _cut(name, LONGEST_NAME_BYTES - len(ending.encode()) - 1)
    return (name or UNNAMED) + ending


def numbered_name(name: str, number: int) -> str:
    """Return the `number`-th form of `name`, for what would else share it: ``a.dcm``, ``a (2).dcm`` and so on."""
    if number == 1:
        return name
    ending = ENDING if name.endswith(ENDING) else ""
    mark = f" ({number})"
    stem = _cut(name.removesuffix(ending), LONGEST_NAME_BYTES - len(ending.encode()) - len(mark))
    return f"{stem}{mark}{ending}"


def _cut(text: str, limit_bytes: int) -> str:
    """Return the beginning of `text` in at most that many bytes of UTF-8, without blanks and dots at its end."""
    return text.encode()[:limit_bytes].decode(errors="ignore").rstrip(". ")


@dataclass(frozen=True, slots=True)
class _Placeholder:
    keyword: str
    digits: int = 0

    def value(self, header: InstanceHeader) -> str:
        text = header.text(self.keyword)
        vr = KEYWORDS[self.keyword]
        if vr == "PN":
            text = person_name(text)
        elif vr == "DA":
            text = iso_date(text) or ""
        elif vr == "TM":
            text = (iso_time(text) or "").partition(".")[0].replace(":", "-")
        elif self.digits and _WHOLE_NUMBER.fullmatch(text):
            text = f"{int(text):0{self.digits}d}"
        return clean_text(text).strip()


_Component = tuple[str | _Placeholder, ...]


class NameTemplate:
    """A template that has been found sound.

    Parameters
    ----------
    text : str
        Keywords in braces, with a number of digits where numbers are to be filled up (``{InstanceNumber:05}``); ``/``
        between folders. ``.dcm`` is added where it is missing.

    Raises
    ------
    ExportError
        It has an unknown keyword, a brace too many, or is no relative path.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        shown = plain_text(text[:200])
        parts = text.removesuffix(ENDING).split("/")
        if not text.strip() or any(not part.strip(". ") for part in parts) or "\\" in text or ":" in _without(text):
            raise ExportError(
                f"the name template {shown!r} is no relative path: it needs a name between its slashes, and neither"
                " backslashes, colons nor `..`. An example: {PatientName}/{StudyDate}/{InstanceNumber:05}.dcm"
            )
        if len(parts) > DEEPEST:
            raise ExportError(f"the name template {shown!r} has more than {DEEPEST} levels of folders. Leave some out.")
        self.components = tuple(_parsed(part, shown) for part in parts)
        self.owners = self._owners()

    def names(self, header: InstanceHeader) -> tuple[str, ...]:
        """Return the names that the template wishes for an instance, folders first; others may wish the same."""
        *folders, last = (_rendered(component, header) for component in self.components)
        return (*(portable_name(folder) for folder in folders), portable_name(last, ENDING))

    def _owners(self) -> tuple[str, ...]:
        """Return for each folder whose own it is: ``patient``, ``study``, ``series``, or empty for a shared one."""
        owners = [""] * (len(self.components) - 1)
        place = -1
        for level, keywords in (("patient", _PATIENT), ("study", _STUDY), ("series", _SERIES)):
            named = [i for i, one in enumerate(self.components[:-1]) if not keywords.isdisjoint(_keywords(one))]
            if named:
                place = max(place, named[-1])
                owners[place] = level
        return tuple(owners)


def _without(text: str) -> str:
    return _PLACEHOLDER.sub("", text)


def _keywords(component: _Component) -> set[str]:
    return {piece.keyword for piece in component if isinstance(piece, _Placeholder)}


def _parsed(part: str, shown: str) -> _Component:
    pieces: list[str | _Placeholder] = []
    end = 0
    for match in _PLACEHOLDER.finditer(part):
        keyword, digits = match[1], int(match[2] or 0)
        if keyword not in KEYWORDS:
            near = difflib.get_close_matches(keyword, KEYWORDS, 3, 0.6)
            hint = f" Did you mean {' or '.join(near)}?" if near else " Patient, study and series attributes are known."
            raise ExportError(f"the name template {shown!r} names {keyword}, which the database does not keep.{hint}")
        pieces += [part[end : match.start()], _Placeholder(keyword, digits)]
        end = match.end()
    pieces.append(part[end:])
    literals = "".join(piece for piece in pieces if isinstance(piece, str))
    if "{" in literals or "}" in literals:
        raise ExportError(
            f"the name template {shown!r} has a brace that encloses no keyword; keywords are written"
            " {PatientName}, numbers with their digits {InstanceNumber:05}."
        )
    return tuple(piece for piece in pieces if piece)


def _rendered(component: _Component, header: InstanceHeader) -> str:
    values = [piece if isinstance(piece, str) else piece.value(header) for piece in component]
    placeholders = [i for i, piece in enumerate(component) if isinstance(piece, _Placeholder)]
    if placeholders and not any(values[i] for i in placeholders):
        values[placeholders[0]] = UNNAMED
    return "".join(values)


@dataclass(slots=True)
class _Folder:
    """The names that have been given in one folder."""

    given: dict[Hashable, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    next_number: dict[str, int] = field(default_factory=dict)
    folders: dict[str, _Folder] = field(default_factory=dict)

    def name_for(self, who: Hashable, wished: str) -> str:
        """Return the name of `who` here: the one that it has, or a form of `wished` that nobody has yet."""
        if who not in self.given:
            number = self.next_number.get(wished, 1)
            while folded(name := numbered_name(wished, number)) in self.taken:
                number += 1
            self.next_number[wished] = number + 1
            self.taken.add(folded(name))
            self.given[who] = name
        return self.given[who]


class NamePlan:
    """Gives each instance a path of its own, in the order in which they come.

    Two patients, studies or series never share a folder that is named after them, and no two names differ in case only.

    Parameters
    ----------
    template : NameTemplate
        How names are wished.
    """

    def __init__(self, template: NameTemplate) -> None:
        self._template = template
        self._root = _Folder()

    def path_of(self, header: InstanceHeader) -> tuple[str, ...]:
        """Return the path of an instance, as its components."""
        *folders, last = self._template.names(header)
        patient = patient_identity(header)
        keys: dict[str, tuple[str, ...]] = {
            "patient": (patient,),
            "study": (patient, header.study_instance_uid),
            "series": (patient, header.study_instance_uid, header.series_instance_uid),
        }
        folder, path = self._root, []
        for wished, owner in zip(folders, self._template.owners, strict=True):
            name = folder.name_for((owner, *keys[owner]) if owner else ("", folded(wished)), wished)
            path.append(name)
            folder = folder.folders.setdefault(name, _Folder())
        return (*path, folder.name_for(header.sop_instance_uid, last))
