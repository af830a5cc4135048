"""What is asked of servers, as a value that is checked when it is made, and as the legal requests that it becomes.

Study Root, whose levels are STUDY, SERIES and IMAGE; each request names the unique keys of the levels above (PS3.4 C.6.2).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import product
from typing import Final, Literal

from DICOMModule.dicom.uids import is_valid_uid
from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.network.identifiers import character_sets_for

Level = Literal["study", "series", "image"]
MOST_MATCHES: Final = 20_000  # of one server where nothing else is asked for: what a peer without end may cost
MOST_MATCHES_ASKED: Final = 200_000
LONGEST_KEY: Final = 64
_WILDCARDS: Final = frozenset("*?")

STUDY_KEYS: Final = (
    "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "PatientName", "PatientID", "PatientBirthDate",
    "PatientSex", "StudyID", "StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)  # fmt: skip
SERIES_KEYS: Final = (
    "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "SeriesDate",
    "BodyPartExamined", "NumberOfSeriesRelatedInstances",
)  # fmt: skip
IMAGE_KEYS: Final = (
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber", "NumberOfFrames",
    "AvailableTransferSyntaxUID",
)  # fmt: skip
UNIQUE_KEYS: Final[dict[Level, str]] = {
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "image": "SOPInstanceUID",
}


@dataclass(frozen=True, slots=True)
class FindQuery:
    """What is asked for; all that is given must hold.

    Attributes
    ----------
    patient_name : str
        As a person types it. With ``*``, ``?`` or ``^`` it is taken as it is; else all words must be in the name, in any
        order; ``Family, Given`` stands for ``Family*^Given*``.
    patient_id, accession_number : str
        As they are, or with ``*`` and ``?``.
    study_date_from, study_date_to : date or None
        Either end may be open.
    modalities : tuple of str
        The study has a series of one of these, the series is one of these.
    study_description, series_description : str
        What is in them, or with ``*`` and ``?``.
    level : str
        ``study``, ``series`` or ``image``: what is to be found.
    study_instance_uid, series_instance_uid : str
        What it is to be in.
    limit : int or None
        Most matches of one server.

    Raises
    ------
    SettingsError
        A value is none, or images are asked for without their series.
    """

    patient_name: str = ""
    patient_id: str = ""
    accession_number: str = ""
    study_date_from: date | None = None
    study_date_to: date | None = None
    modalities: tuple[str, ...] = ()
    study_description: str = ""
    series_description: str = ""
    level: Level = "study"
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("patient_name", "patient_id", "accession_number", "study_description", "series_description"):
            text = getattr(self, name).strip()
            object.__setattr__(self, name, text)
            longest = 3 * LONGEST_KEY + 2 if name == "patient_name" else LONGEST_KEY
            if len(text) > longest or not text.isprintable() or "\\" in text:
                raise SettingsError(
                    f"the {name.replace('_', ' ')} to look for must be one line of at most {longest} characters without"
                    " a backslash."
                )
        modalities = tuple(dict.fromkeys(text.strip().upper() for text in self.modalities if text.strip()))
        object.__setattr__(self, "modalities", modalities)
        for text in modalities:
            if len(text) > 16 or not text.isascii() or not text.replace("_", "").isalnum():
                raise SettingsError(f"{plain_text(text[:40])!r} is no modality; CT, MR and PT are some.")
        if self.study_date_from and self.study_date_to and self.study_date_from > self.study_date_to:
            raise SettingsError(f"the dates end ({self.study_date_to}) before they begin ({self.study_date_from}).")
        self._check_level()

    def _check_level(self) -> None:
        if self.level not in UNIQUE_KEYS:
            raise SettingsError(f"there is no level {plain_text(self.level)!r}; there are study, series and image.")
        for uid in filter(None, (self.study_instance_uid, self.series_instance_uid)):
            if not is_valid_uid(uid):
                raise SettingsError(f"{plain_text(uid[:80])!r} is no UID.")
        if self.level == "image" and not (self.study_instance_uid and self.series_instance_uid):
            raise SettingsError("images are looked for in one series: give its UID, and that of its study.")
        if self.limit is not None and not 1 <= self.limit <= MOST_MATCHES_ASKED:
            raise SettingsError(f"a limit of matches must be 1 to {MOST_MATCHES_ASKED:,}; it is {self.limit}.")

    @property
    def most(self) -> int:
        """How many matches of a server are taken."""
        return self.limit or MOST_MATCHES

    @property
    def is_described_here(self) -> bool:
        """Whether descriptions of studies are compared here: where few can be meant, no peer's way of comparing counts."""
        return bool(self.patient_name or self.patient_id or self.accession_number or self.study_instance_uid)

    @property
    def is_by_studies(self) -> bool:
        """Whether studies are to be found first, and then their series one by one: no request asks for both at once."""
        if self.level == "study":
            return bool(self.series_description)
        return self.level == "series" and not self.study_instance_uid


@dataclass(frozen=True, slots=True)
class Request:
    """Keys of one request, and the character sets in which to ask."""

    keys: Mapping[str, str]
    character_sets: tuple[str, ...]


def study_rounds(query: FindQuery) -> list[list[list[Request]]]:
    """Return the requests for studies: rounds, of which a further one is for where one found nothing.

    In a round they are grouped by how a name or description is spelled; a further spelling is for peers that tell small
    letters from capitals. The requests of a group, and groups that are asked, are merged.
    """
    keys = dict.fromkeys(STUDY_KEYS, "")
    keys |= {"QueryRetrieveLevel": "STUDY", "PatientID": query.patient_id, "AccessionNumber": query.accession_number}
    keys |= {"StudyDate": _date_range(query), "StudyInstanceUID": query.study_instance_uid}
    words = f"{query.patient_name}{query.patient_id}{query.study_description}{query.accession_number}"
    described = [""] if query.is_described_here else in_cases(contained(query.study_description))
    return [
        [
            [
                Request(
                    {**keys, "PatientName": name, "StudyDescription": description, "ModalitiesInStudy": modality},
                    character_sets_for(words),
                )
                for modality in query.modalities or ("",)
            ]
            for name, description in product(in_cases(spelled), described)
        ]
        for spelled in spelled_names(query.patient_name)
    ]


def series_requests(query: FindQuery, study_instance_uid: str) -> list[Request]:
    """Return the requests for the series of a study, to be merged; they are few, so descriptions are compared here."""
    keys = dict.fromkeys(SERIES_KEYS, "")
    keys |= {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": study_instance_uid}
    keys |= {"SeriesInstanceUID": query.series_instance_uid}
    modalities = (query.modalities or ("",)) if query.level == "series" else ("",)
    return [Request({**keys, "Modality": modality}, character_sets_for("")) for modality in modalities]


def image_request(study_instance_uid: str, series_instance_uid: str) -> Request:
    """Return the request for the instances of a series."""
    keys = dict.fromkeys(IMAGE_KEYS, "")
    keys |= {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": study_instance_uid}
    return Request({**keys, "SeriesInstanceUID": series_instance_uid}, ("",))


def spelled_names(text: str) -> list[str]:
    """Return how to ask for a name, and how else where that finds nothing."""
    if not text or _WILDCARDS & set(text):
        return [text]
    if "^" in text or "=" in text:
        return [text, f"{text}*"]
    if "," in text:
        family, given = (part.strip() for part in text.split(",", 1))
        return [f"{family}*^{given}*"]
    return [f"*{max(text.split(), key=len)}*"]


def in_cases(key: str) -> list[str]:
    """Return how a peer that tells small letters from capitals may hold it, each once."""
    return list(dict.fromkeys((key, key.upper(), key.title(), key.capitalize(), key.lower())))


def is_case_blind(key: str, names: Iterable[str]) -> bool:
    """Return whether a peer found names for a key that letter by letter are not it: then one spelling is enough."""
    pattern = key.replace("[", "[[]")
    return not key.strip("*?^= ") or any(not fnmatchcase(name, pattern) for name in names)


def contained(text: str) -> str:
    """Return a description as a key: what is in it, unless wildcards say more."""
    return text if not text or _WILDCARDS & set(text) else f"*{text}*"


def _date_range(query: FindQuery) -> str:
    first, last = (f"{day:%Y%m%d}" if day else "" for day in (query.study_date_from, query.study_date_to))
    return first if first == last else f"{first}-{last}"


def is_meant(query: FindQuery, values: Mapping[str, str]) -> bool:
    """Return whether an answer may be what was asked for: peers may ignore a key, and answer with all that they have.

    What an answer leaves empty contradicts nothing.
    """
    held = set(values.get("ModalitiesInStudy", values.get("Modality", "")).upper().split("\\")) - {""}
    if query.modalities and held and not held & set(query.modalities):
        return False
    day = values.get("StudyDate", "").replace(".", "")
    if len(day) == 8 and day.isdecimal():
        first, last = (f"{one:%Y%m%d}" if one else "" for one in (query.study_date_from, query.study_date_to))
        if day < first or (last and day > last):
            return False
    if not _has_words(query.patient_name, values.get("PatientName", "")):
        return False
    described = (("StudyDescription", query.study_description), ("SeriesDescription", query.series_description))
    return all(not values.get(keyword) or _is_described(values[keyword], wanted) for keyword, wanted in described)


def is_described(query: FindQuery, level: Level, values: Mapping[str, str]) -> bool:
    """Return whether an answer has the description that the peer was not asked for."""
    if level == "series":
        return _is_described(values.get("SeriesDescription", ""), query.series_description)
    return not query.is_described_here or _is_described(values.get("StudyDescription", ""), query.study_description)


def _is_described(text: str, wanted: str) -> bool:
    return not wanted or fnmatchcase(_folded(text), _folded(contained(wanted)).replace("[", "[[]"))


def _has_words(typed: str, name: str) -> bool:
    """Return whether the words that the peer was not asked for are in the name too: it was asked for the longest one."""
    if not name or (_WILDCARDS | set("^=,")) & set(typed):
        return True
    folded = _folded(name)
    return all(_folded(word) in folded for word in sorted(typed.split(), key=len)[:-1])


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
