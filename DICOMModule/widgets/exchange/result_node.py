"""One answer of a server as a row: all that it shows and is sorted by is made once, in the thread of the job that brought it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from DICOMModule.dicom.person_name import person_name
from DICOMModule.errors import SettingsError, plain_text

if TYPE_CHECKING:
    from DICOMModule.network.retrieve_plan import RetrieveKey

COLUMNS: Final = (
    "Patient name", "Patient ID", "Study date", "Modality", "Description", "Series", "Images", "Here", "Server", "Birth date", "Accession",
)  # fmt: skip
NAME, PATIENT_ID, DATE, MODALITY, DESCRIPTION, SERIES, IMAGES, HERE, SERVER, BIRTH_DATE, ACCESSION = range(len(COLUMNS))
NUMBERS: Final = frozenset((SERIES, IMAGES))
LOCAL_WORDS: Final = {"all": "all", "part": "in part", "none": "", "unknown": ""}
STUDY_KEYS: Final = {
    NAME: "patient_name", PATIENT_ID: "patient_id", BIRTH_DATE: "patient_birth_date", DATE: "study_date",
    MODALITY: "modalities_in_study", DESCRIPTION: "study_description", SERIES: "series", IMAGES: "instances",
    ACCESSION: "accession_number",
}  # fmt: skip
SERIES_KEYS: Final = {DATE: "series_date", MODALITY: "modality", DESCRIPTION: "series_description", IMAGES: "instances"}
MOST_DIGITS: Final = 15


class Answer(Protocol):
    """What a server answered: a `Match` of `network.matches`."""

    @property
    def server(self) -> str:
        """The server's name in the address book."""

    @property
    def level(self) -> str:
        """``study`` or ``series``."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Keys as `list` has them."""

    @property
    def local(self) -> str:
        """How much of it the local database has: ``none``, ``part``, ``all`` or ``unknown``."""


class ResultNode:
    """A row: a study, a series, or a line that says why there are no series.

    It does not keep the answer: of many rows, all that is kept is looked at by each collection of cycles.

    Parameters
    ----------
    match : Answer or None
        What was answered; None for such a line.
    note : str
        What the line says.

    Attributes
    ----------
    is_line : bool
        It is no answer, but such a line.
    server : str
        Whose answer it is, by its name in the address book.
    study_instance_uid : str
        Of the study, or the one above it, as the server says.
    parent : ResultNode or None
        The study of a series, or of a line; set by the model.
    children : list of ResultNode or None
        None as long as nobody asked.
    local : str
        As `Answer.local`, kept up to date by what is retrieved.
    place : int
        Its row among its siblings.
    images : int
        How many images and objects the server says that it has; 0 where it does not.
    key : RetrieveKey or None
        What is asked for to have it; None where that makes no sense, and `fault` says why.
    """

    __slots__ = (
        "_texts", "children", "fault", "images", "is_line", "key", "local", "parent", "place", "server", "study_instance_uid",
    )  # fmt: skip

    def __init__(self, match: Answer | None, note: str = "") -> None:
        self.is_line = match is None
        self.parent: ResultNode | None = None
        self.children: list[ResultNode] | None = None
        self.place = 0
        self.local = match.local if match is not None and match.local in LOCAL_WORDS else "unknown"
        self.key: RetrieveKey | None = None
        self.fault = self.server = self.study_instance_uid = ""
        self.images = 0
        self._texts: tuple[str, ...] = (note, *[""] * (len(COLUMNS) - 1))
        if match is not None:
            self._take(match)

    def text(self, column: int) -> str:
        """Return what a column says."""
        return LOCAL_WORDS[self.local] if column == HERE and not self.is_line else self._texts[column]

    def sort_key(self, column: int) -> str:
        """Return what it is sorted by: numbers as numbers, words without case, what is empty last.

        A text is compared many times as fast as a tuple, and thousands are sorted at once.
        """
        if column == HERE:
            return {"all": "0", "part": "1"}.get(self.local, "2")
        text = "" if self.is_line else self._texts[column]
        is_series = self.parent is not None
        number = text.removeprefix("Series ") if is_series and column == NAME else text
        if (column in NUMBERS or is_series) and number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS:
            return f"0{number:0>{MOST_DIGITS}}"
        return f"1{text.casefold()}" if text else "2"

    def _take(self, match: Answer) -> None:
        from DICOMModule.network.retrieve_plan import RetrieveKey

        values = match.values
        images = _text(values.get("instances"))
        self.images = int(images) if images.isascii() and images.isdigit() and len(images) <= MOST_DIGITS else 0
        self.server = match.server
        self.study_instance_uid = _text(values.get("study_instance_uid"))
        self._texts = tuple(_column_text(match, column) for column in range(len(COLUMNS)))
        try:
            self.key = RetrieveKey(self.study_instance_uid, _text(values.get("series_instance_uid")))
        except SettingsError as error:  # a server may answer what is no UID
            self.fault = str(error)


def _column_text(match: Answer, column: int) -> str:
    is_study = match.level == "study"
    if column == SERVER:
        return plain_text(match.server)
    if column == NAME and is_study:
        return plain_text(person_name(_text(match.values.get("patient_name")))) or "(no name)"
    if column == NAME:
        number = _text(match.values.get("series_number"))
        return plain_text(f"Series {number}" if number else "Series")
    key = (STUDY_KEYS if is_study else SERIES_KEYS).get(column)
    return plain_text(_text(match.values.get(key))) if key is not None else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(str(one) for one in value if one) if isinstance(value, list | tuple) else str(value)
