"""What can go wrong, as a tree.

A `DICOMModuleError` is something that the user or the surroundings can mend: its text is complete as it stands (what,
on which object, why, what to do) and is shown as it is. Anything else that is raised is a bug.

::

    DICOMModuleError
    ├── DicomFileError            one file: `path`, `reason`
    │   ├── NotDicomError         it is something else, which is nothing to worry about
    │   ├── IncompleteFileError   it was cut, or a length in it does not fit
    │   ├── InvalidFileError      it breaks a rule that we cannot do without (UIDs, nesting, limits)
    │   ├── UnsupportedTransferSyntaxError
    │   └── PixelDataError        its pixel data cannot be turned into numbers
    ├── VolumeError
    │   ├── FrameTableError       an instance does not say what frames it has, or where they lie
    │   ├── GeometryError         the slices do not make the grid that was asked for
    │   ├── NoImageError          there is nothing here that could be loaded as an image
    │   └── VolumeFileError       a volume file (NRRD, NIfTI, …) cannot be read
    ├── DatabaseError
    │   ├── DatabaseNotFoundError, DatabaseBusyError, DatabaseTooNewError, DatabaseCorruptError,
    │   │   DatabaseReadOnlyError, DiskFullError
    │   └── UnknownUIDError       the database holds no such patient, study, series or instance
    ├── NetworkError
    │   ├── UnknownServerError    the address book has no such server
    │   └── PeerError             `detail`: what was tried and answered; `advice`: what to change
    │       ├── PeerUnreachableError, AssociationRefusedError, PeerTimeoutError, PeerLostError
    ├── ProcessingError
    ├── RenderingError            no picture can be drawn on this machine
    ├── ExportError
    ├── SettingsError
    └── ScriptedModuleError       a scripted module cannot be imported, or has no such test

One bad item among many is not an exception but a `Problem`, a row of the verb's report.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


class DICOMModuleError(Exception):
    """Something that the user or the surroundings can mend; its text is shown as it is."""


class DicomFileError(DICOMModuleError):
    """One file cannot be used.

    Parameters
    ----------
    path : str or path-like
        The file.
    reason : str
        Why, without the path; a row of a report shows it beside the path.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        super().__init__(f"{plain_text(self.path)}: {reason}")


class NotDicomError(DicomFileError):
    """The file is not DICOM at all."""


class IncompleteFileError(DicomFileError):
    """The file ends before its own lengths say that it should."""


class InvalidFileError(DicomFileError):
    """The file is DICOM but breaks a rule that nothing works without."""


class UnsupportedTransferSyntaxError(DicomFileError):
    """The transfer syntax is one that no installed decoder reads."""


class PixelDataError(DicomFileError):
    """The pixel data cannot be turned into numbers."""


class VolumeError(DICOMModuleError):
    """A series cannot become what was asked of it."""


class GeometryError(VolumeError):
    """The slices do not lie as the geometry that was asked for needs them to."""


class FrameTableError(VolumeError):
    """An instance does not say, or contradicts itself about, what frames it has and where they lie."""


class NoImageError(VolumeError):
    """There is nothing that could be loaded as an image."""


class VolumeFileError(VolumeError):
    """A volume file (NRRD, MetaImage, NIfTI, VTK image data) cannot be read as one volume.

    Parameters
    ----------
    path : str or path-like
        The file.
    reason : str
        Why, without the path.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        super().__init__(f"{plain_text(self.path)}: {reason}")


class DatabaseError(DICOMModuleError):
    """The local database cannot do what was asked."""


class DatabaseNotFoundError(DatabaseError):
    """There is no database in the folder that was named."""


class DatabaseBusyError(DatabaseError):
    """Another program kept the database locked for longer than we wait."""


class DatabaseTooNewError(DatabaseError):
    """A newer version of the program wrote the database; it is left untouched."""


class DatabaseCorruptError(DatabaseError):
    """The database file is damaged; the image files are not touched."""


class DatabaseReadOnlyError(DatabaseError):
    """The database folder cannot be written to."""


class DiskFullError(DatabaseError):
    """The disk has no room; what was there before is intact."""


class UnknownUIDError(DatabaseError):
    """The database holds no such object."""


class NetworkError(DICOMModuleError):
    """Something on the network cannot be done; the text says what was tried, what was answered, and what to change."""


class UnknownServerError(NetworkError):
    """The address book has no server of that name."""


class PeerError(NetworkError):
    """A peer cannot be reached, refuses, or fails.

    Parameters
    ----------
    detail : str
        What was tried, with whom, and what was answered; a sentence.
    advice : str
        What to change; a sentence or two.
    """

    def __init__(self, detail: str, advice: str) -> None:
        self.detail = detail
        self.advice = advice
        super().__init__(f"{detail} {advice}")


class PeerUnreachableError(PeerError):
    """There is no such host, nobody listens on its port, or nothing comes back."""


class AssociationRefusedError(PeerError):
    """A peer does not want to speak with us, or offers nothing of what was asked for."""


class PeerTimeoutError(PeerError):
    """A peer was reached and did not answer in time."""


class PeerLostError(PeerError):
    """An association that was made has ended in the midst: aborted, cut, or because of what the peer sent."""


class ProcessingError(DICOMModuleError):
    """A filter cannot be applied to this volume with these parameters."""


class RenderingError(DICOMModuleError):
    """No picture can be drawn on this machine as it is set up."""


class ExportError(DICOMModuleError):
    """A volume could not be written, or what was written did not read back as it should."""


class SettingsError(DICOMModuleError):
    """A setting, or a value given in its place, makes no sense."""


class ScriptedModuleError(DICOMModuleError):
    """A scripted module cannot be imported or reloaded, or does not hold what was asked for."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One item that a verb could not deal with: a row of its report.

    Attributes
    ----------
    where : str
        Path or UID of the item.
    reason : str
        Why, as a sentence for the user.
    """

    where: str
    reason: str


def plain_text(text: str) -> str:
    r"""Return `text` on one line and free of control characters, for messages and logs.

    File names and data elements come from outside: a line feed or an escape sequence in one must not forge a line of a
    log or steer a terminal, and a byte that is not UTF-8 must not stop the message.

    Examples
    --------
    >>> plain_text("CT\x1b[31m\nforged")
    'CT\\x1b[31m\\x0aforged'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
