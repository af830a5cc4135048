"""How a list is asked for: which rows, which page, and the statement that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import Any, Final, Literal, TypeAlias, TypedDict

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.search_index import ID_MARK, as_rows, candidates, label_pattern, modality_pattern, pattern
from DICOMModule.database.search_terms import SearchTerms, parse_search
from DICOMModule.database.summaries import DatabaseCounts

MOST_TERMS: Final = 200  # SQLite takes no condition without end; nobody's texts hold so many words that were asked for
FEWEST_CANDIDATES: Final = 200  # so many are always looked at one by one
DAY: Final = "replace(study.study_date, '.', '')"  # before DICOM 3.0 a date was written 2026.03.09
_COUNTED_AS: Final = {"patient": "patients", "study": "studies", "series": "series", "instance": "instances"}
_ID_PLACE: Final = f"instr(patient.search_text, char({ord(ID_MARK)}))"


PatientOrder: TypeAlias = Literal["name", "study", "arrival"]


class Which(TypedDict, total=False):
    """The fields of `Filter` as keyword arguments."""

    patient: int | None
    study: str | None
    series: str | None
    search: str | None
    limit: int | None
    offset: int
    order: PatientOrder


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows a list shows; all that is given must hold.

    Attributes
    ----------
    patient : int or None
        The patient's number.
    study, series : str or None
        A Study or Series Instance UID.
    search : str or None
        Words, each of which must be in the name, ID, accession number, a description, the modality, a label or a note,
        whatever its case and accents, and begin a word there if it has one or two letters; and tokens such as ``mod:CT``,
        see `search_terms`.
    limit : int or None
        Most rows to return.
    offset : int
        Rows to leave out first.
    order : str
        Of patients: by ``name``; ``study``: whose latest study is the newest first; ``arrival``: of whom a study came into
        the database last.
    """

    patient: int | None = None
    study: str | None = None
    series: str | None = None
    search: str | None = None
    limit: int | None = None
    offset: int = 0
    order: PatientOrder = "name"

    @property
    def terms(self) -> SearchTerms:
        """What to search for."""
        return parse_search(self.search or "")


@dataclass(slots=True)
class ListQuery:
    """A statement that grows: its conditions and their parameters."""

    catalogue: Catalogue
    chosen: Filter
    terms: SearchTerms = field(init=False)
    conditions: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.terms = self.chosen.terms
        if self.terms.count > MOST_TERMS:
            self.terms = SearchTerms()
            self.where("0")

    def where(self, condition: str, *values: Any) -> None:
        """Add a condition; each ``{}`` of it is a value."""
        self.conditions.append(condition.format(*map(self.value, values)))

    def value(self, value: Any) -> str:
        """Return what stands for a value in the statement."""
        self.parameters.append(value)
        return f"?{len(self.parameters)}"

    def any_of(self, alternatives: Sequence[str]) -> None:
        """Add a condition that one of these must hold."""
        self.conditions.append(f"({' OR '.join(alternatives)})")

    def rows(self, columns: str, tables: str, order: str) -> list[tuple[Any, ...]]:
        """Return the rows of the page."""
        # AND is a tree that grows with each condition, and SQLite limits its height: hence the brackets
        where = balanced(self.conditions)
        page = ""
        if self.chosen.limit is not None or self.chosen.offset:
            limit = -1 if self.chosen.limit is None else self.chosen.limit
            page = f" LIMIT {self.value(limit)} OFFSET {self.value(self.chosen.offset)}"
        statement = f"SELECT {columns} FROM {tables} WHERE {where} ORDER BY {order}{page}"  # noqa: S608 (names are ours)
        return self.catalogue.rows(statement, tuple(self.parameters))

    def count(self, tables: str) -> int:
        """Return how many rows there are on all pages."""
        statement = f"SELECT count(*) FROM {tables} WHERE {balanced(self.conditions)}"  # noqa: S608 (names are ours)
        return int(self.catalogue.rows(statement, tuple(self.parameters))[0][0])

    def narrowed(self, level: str, below: str) -> str | None:
        """Return where to begin if the search names few patients: a table of them, and joins down to `below`.

        To sort what belongs to k patients costs about as much as to read that much of the list in its order, of which about
        page · all / k rows have to be read to fill a page. The two are equal at the square root of page · all.
        """
        chosen, terms = self.chosen, self.terms
        groups = [*groups_of(terms), *((pattern(text),) for text in terms.ids)]
        groups += [(modality_pattern(modality),) for modality in terms.modalities]
        if not (groups or terms.dates) or chosen.patient is not None or chosen.study or chosen.series:
            return None
        most = self._most_candidates(level)
        with self.catalogue.translated():
            found = candidates(self.catalogue.connection, groups, most)
        if found is None and terms.dates and level != "study":
            found = self._of_days(most)
        if found is None:
            return None
        return f"json_each({self.value(as_rows(found))}) AS candidate {below}"

    def _most_candidates(self, level: str) -> int:
        totals = totals_of(self.catalogue)
        rows_there: int = getattr(totals, _COUNTED_AS[level])
        if self.chosen.limit is None:
            return max(FEWEST_CANDIDATES, totals.patients // 4)
        rows = isqrt((self.chosen.limit + self.chosen.offset) * rows_there)
        return max(FEWEST_CANDIDATES, rows * totals.patients // max(rows_there, 1))

    def _of_days(self, most: int) -> list[int] | None:
        """Return the patients who have a study on one of the days, None where there are more than `most`."""
        first, last = self.terms.dates[0]
        statement = f"SELECT DISTINCT patient FROM study WHERE {DAY} BETWEEN ? AND ? AND instances > 0 LIMIT ?"  # noqa: S608
        found = [row for (row,) in self.catalogue.rows(statement, (first, last, most + 1))]
        return found if len(found) <= most else None

    # --- conditions

    def of_patient(self) -> None:
        """Keep what belongs to patients of the name and ID that were searched."""
        for spelled in self.terms.names:
            self.any_of(
                [
                    f"instr(substr(patient.search_text, 1, {_ID_PLACE}), {self.value(pattern(text))}) > 0"
                    for text in spelled
                ]
            )
        for text in self.terms.ids:
            self.where(f"instr(substr(patient.search_text, {_ID_PLACE}), {{}}) > 0", pattern(text))

    def of_study(self) -> None:
        """Keep what belongs to studies of the days that were searched."""
        for first, last in self.terms.dates:
            self.where(f"{DAY} BETWEEN {{}} AND {{}}", first, last)

    def of_modalities_in_study(self) -> None:
        """Keep studies that have a series of each modality that was searched."""
        for modality in self.terms.modalities:
            self.where("instr(',' || upper(study.modalities) || ',', {}) > 0", f",{modality},")

    def words(self, *rows: str, below: str = "") -> None:
        """Keep that in which all words and labels are: in one of `rows`, or in what a statement finds `below`."""
        for spelled in groups_of(self.terms, names=False):
            found = [_has(row, self.value(text)) for text in spelled for row in rows]
            if below:
                found += [f"EXISTS ({below} AND {_has('series', self.value(text))})" for text in spelled]
            self.any_of(found)


def totals_of(catalogue: Catalogue) -> DatabaseCounts:
    """Return how much there is, from the totals that the rows of patients keep."""
    return DatabaseCounts(*catalogue.rows("SELECT patients, studies, series, instances FROM total")[0])


def groups_of(terms: SearchTerms, *, names: bool = True) -> list[tuple[str, ...]]:
    """Return what to look for in texts: of each group, one pattern."""
    words = (*terms.words, *terms.names) if names else terms.words
    return [tuple(map(pattern, spelled)) for spelled in words] + [(label_pattern(text),) for text in terms.labels]


def _has(row: str, text: str) -> str:
    """Return the condition that a pattern is in what is searched of a row; instr knows no wildcards to be escaped."""
    return f"(instr({row}.search_text, {text}) > 0 OR instr({row}.annotation_text, {text}) > 0)"


def balanced(conditions: Sequence[str]) -> str:
    """Return that all conditions must hold, as a tree of little height."""
    if len(conditions) <= 2:
        return " AND ".join(conditions)
    middle = len(conditions) // 2
    return f"({balanced(conditions[:middle])}) AND ({balanced(conditions[middle:])})"
