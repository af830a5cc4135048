"""What becomes of one file, given what the database holds of its SOP Instance UID already.

The rules, in one place: the first content of a UID stays; a file that is the same again is no news; what a changed or
moved file makes necessary is an update; whatever contradicts what is there is set aside with its reason, never mixed in.
What lies in the trash contradicts nothing: it comes back, or gives way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.registered import KnownFile, Registered
from DICOMModule.dicom.attributes import TABLE_VERSION
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.patient import patient_identity
from DICOMModule.errors import DicomFileError

SAME: Final = "the same instance with the same content is already in the database from another file."
OTHER: Final = (
    "another content of the same SOP Instance UID is already in the database; that is kept, this is set aside"
)
OTHER_PATIENT: Final = ", and it names another patient"
NOT_COMPARABLE: Final = (
    "an instance of the same SOP Instance UID is already in the database, and its file cannot be read to compare;"
    " this is set aside."
)
NOT_COMPARED: Final = (
    "the file that was registered under its SOP Instance UID has gone and could not be compared; this one has the same"
    " patient, length and transfer syntax, and has taken its place."
)


class Verdict(Enum):
    """What is done with a file."""

    ADD = "added"
    UPDATE = "updated"
    UNCHANGED = "unchanged"
    ADOPT = "unchanged, but from now on known to come from this file"
    RETURN = "added from the trash"
    SAME = "a duplicate"
    SET_ASIDE = "a duplicate in name only"

    # members are single objects; Enum's own hash is Python code, and is asked for several times a file
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, and what it rests on.

    Attributes
    ----------
    verdict : Verdict
        What is done.
    reason : str
        Why a file is not taken; of an update, what is not certain.
    replaces : int or None
        The row that is changed, or whose place is taken.
    from_trash : bool
        That row lies in the trash.
    of_copied, of_sha256 : bool, bytes or None
        Of an update: whether that row had a copy, and the SHA-256 that it was known by.
    """

    verdict: Verdict
    reason: str = ""
    replaces: int | None = None
    from_trash: bool = False
    of_copied: bool = False
    of_sha256: bytes | None = None

    def rests_on(self, known: Registered | None) -> bool:
        """Return whether what is registered now is what was decided about."""
        if known is None:
            return self.replaces is None
        if (known.row, known.trashed) != (self.replaces, self.from_trash):
            return False
        is_update = self.verdict is Verdict.UPDATE
        return not is_update or (known.copied, known.sha256) == (self.of_copied, self.of_sha256)


_ADD: Final = Decision(Verdict.ADD)  # what most files get


def is_current(header_bytes: int, mtime_ns: int, known: Registered | KnownFile, *, copy: bool) -> bool:
    """Return whether a file is so plainly what was registered from its path that it need not be opened."""
    return (
        not known.trashed
        and known.state == "present"
        and known.size_bytes == header_bytes
        and known.mtime_ns == mtime_ns
        and known.attributes_version == TABLE_VERSION
        and (known.copied or not copy)
    )


def decide(
    header: InstanceHeader,
    known: Registered | None,
    store: FileStore,
    *,
    copy: bool,
    source: str | None = None,
    from_peer: bool = False,
) -> Decision:
    """Decide what becomes of a file.

    Parameters
    ----------
    header : InstanceHeader
        Of the file.
    known : Registered or None
        What the database holds under its SOP Instance UID.
    store : FileStore
        Where copies lie.
    copy : bool
        Whether files are being copied in.
    source : str, optional
        Where the file comes from, if that is not where its bytes are: a member of an archive.
    from_peer : bool
        It came over the network, and what stands before its data set was made here.

    Raises
    ------
    DicomFileError
        The file itself cannot be read.
    """
    if known is None:
        return _ADD
    if known.trashed:
        return _decide_beside_trash(header, known, store)
    if known.copied:
        return _decide_beside_copy(header, known, store, source or header.filename, from_peer=from_peer)
    if known.source_path == header.filename:
        if is_current(header.size_bytes, header.mtime_ns, known, copy=copy):
            return Decision(Verdict.UNCHANGED)
        return _update(known)
    return _decide_beside_reference(header, known, from_peer=from_peer)


def decide_between(header: InstanceHeader, earlier: InstanceHeader) -> Decision:
    """Decide about a file whose SOP Instance UID a file before it in the same batch has."""
    if same_content(header, earlier):
        return Decision(Verdict.SAME, SAME)
    return _set_aside(header, patient_identity(earlier))


def same_content(first: InstanceHeader, second: InstanceHeader, second_sha256: bytes | None = None) -> bool:
    """Return whether two files are equal, byte for byte, or at least from their data sets on.

    Preamble and file meta information are the writer's envelope (PS3.10 7.1): the same instance fetched twice may come
    in two of them. A data set in another transfer syntax is other content, as far as one can tell without decoding it.

    Parameters
    ----------
    first, second : InstanceHeader
        Where the files are, and where the data sets begin in them.
    second_sha256 : bytes or None
        Of the second file, where it is known already.

    Raises
    ------
    DicomFileError
        One of them cannot be read.
    """
    if first.size_bytes == second.size_bytes and sha256_of(first.path) == (second_sha256 or sha256_of(second.path)):
        return True
    lengths = {header.size_bytes - header.dataset_offset for header in (first, second)}
    if len(lengths) > 1 or first.transfer_syntax_uid != second.transfer_syntax_uid:
        return False
    return sha256_of(first.path, first.dataset_offset) == sha256_of(second.path, second.dataset_offset)


def _decide_beside_copy(
    header: InstanceHeader, known: Registered, store: FileStore, source: str, *, from_peer: bool
) -> Decision:
    place = store.place_text(known.sop_instance_uid)
    is_there = header.filename == place
    from_there = known.source_path in {None, source} or is_there
    if known.state == "present" and Path(place).is_file():
        if is_there:
            return Decision(Verdict.UNCHANGED)
        if not same_content(header, _as_header(known, header, store)):
            return _set_aside(header, known.patient_identity)
        if from_peer or not from_there:  # a copy that came from nowhere does not come from a peer either
            return Decision(Verdict.SAME, SAME)
        return Decision(Verdict.ADOPT, replaces=known.row)
    if sha256_of(header.path) == known.sha256:
        return _update(known)
    if (from_peer or known.source_path is None) and _may_be_in_another_envelope(header, known):
        return _update(known, NOT_COMPARED)
    return Decision(Verdict.SET_ASIDE, NOT_COMPARABLE)


def _update(known: Registered, reason: str = "") -> Decision:
    return Decision(Verdict.UPDATE, reason, known.row, of_copied=known.copied, of_sha256=known.sha256)


def _may_be_in_another_envelope(header: InstanceHeader, known: Registered) -> bool:
    """Return whether a data set has all that can still be known of one whose file is lost or damaged.

    The hash is of the whole file, and what stands before the data set is its writer's own: what comes, or came, over the
    network has an envelope that is made here and names who sent it, so that no hash tells.
    """
    return (
        header.size_bytes - header.dataset_offset == known.size_bytes - known.dataset_offset
        and header.transfer_syntax_uid == known.transfer_syntax_uid
        and patient_identity(header) == known.patient_identity
    )


def _decide_beside_trash(header: InstanceHeader, known: Registered, store: FileStore) -> Decision:
    """Bring back what was deleted where it is imported again; other content takes its place."""
    place = store.place_of(known.sop_instance_uid)
    is_whole = known.copied and place.is_file() and sha256_of(place) == known.sha256
    if is_whole and (header.path == place or same_content(header, _as_header(known, header, store), known.sha256)):
        return Decision(Verdict.RETURN, replaces=known.row, from_trash=True)
    return Decision(Verdict.ADD, replaces=known.row, from_trash=True)


def _decide_beside_reference(header: InstanceHeader, known: Registered, *, from_peer: bool) -> Decision:
    """Decide beside a file that is the user's own; what a peer was told is here must not go with it."""
    there = known.source_path
    if there is None or not Path(there).is_file():
        if may_be_moved(header, known) and not (from_peer and known.sha256 is None):
            return _update(known)
        if from_peer and _may_be_in_another_envelope(header, known):
            return _update(known, NOT_COMPARED)
        return Decision(Verdict.SET_ASIDE, NOT_COMPARABLE)
    own_failure = sha256_of(header.path, max(0, header.size_bytes - 1))  # an unreadable file is its own problem
    try:
        same = bool(own_failure) and same_content(header, _as_header(known, header, None))
    except DicomFileError as error:
        if error.path == header.filename:
            raise
        return Decision(Verdict.SET_ASIDE, NOT_COMPARABLE)
    if same and from_peer:
        return _update(known)
    return Decision(Verdict.SAME, SAME) if same else _set_aside(header, known.patient_identity)


def may_be_moved(header: InstanceHeader, known: Registered) -> bool:
    """Return whether a file can be the one that has gone from where it was registered."""
    if known.sha256 is not None:
        return sha256_of(header.path) == known.sha256
    return (
        header.size_bytes == known.size_bytes
        and header.transfer_syntax_uid == known.transfer_syntax_uid
        and header.dataset_offset == known.dataset_offset
        and patient_identity(header) == known.patient_identity
    )


def other_content(header: InstanceHeader, identity: str) -> str:
    """Return why a file is set aside whose SOP Instance UID another content has, of the patient of that identity."""
    return f"{OTHER}{OTHER_PATIENT if patient_identity(header) != identity else ''}."


def _set_aside(header: InstanceHeader, identity: str) -> Decision:
    return Decision(Verdict.SET_ASIDE, other_content(header, identity))


def _as_header(known: Registered, like: InstanceHeader, store: FileStore | None) -> InstanceHeader:
    """Return the header of what is registered, as far as a comparison needs it."""
    filename = store.place_text(known.sop_instance_uid) if store else known.source_path
    return InstanceHeader(
        filename or like.filename,
        known.size_bytes,
        known.mtime_ns,
        known.transfer_syntax_uid,
        {},
        known.dataset_offset,
    )
