"""Files out of the database, byte for byte: into a folder, into a ZIP file, as a DICOMDIR medium.

What goes out is proved: it is hashed as it is read, compared with what was registered, and read again where it was
written. What cannot go out is a row of the report; never is there a part of a file under a final name, and nothing that
was there is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from DICOMModule.dicom.patient import patient_identity
from DICOMModule.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from DICOMModule.errors import DicomFileError, DiskFullError, ExportError, Problem, plain_text
from DICOMModule.export.atomic import put_in_place, sync_folder
from DICOMModule.export.copy_folder import FolderWriter
from DICOMModule.export.copy_names import NamePlan, NameTemplate, folded
from DICOMModule.export.copy_report import CopyOptions, CopyPreview, CopyReport, Tally, size_text
from DICOMModule.export.copy_source import CopyItem, Outgoing, outgoing, sha256_job
from DICOMModule.export.copy_staging import temporary_folder
from DICOMModule.export.copy_zip import ZipWriter
from DICOMModule.jobs import Job, Progress

if TYPE_CHECKING:
    from DICOMModule.database.headers import RegisteredFile
    from DICOMModule.dicom.instance_header import InstanceHeader
    from DICOMModule.export.dicomdir import Directory, MediumPlan

ZIP_ENDING: Final = ".zip"
PLANNED_A_STEP: Final = 200
ROOM_A_FILE_BYTES: Final = 4096  # file systems give whole blocks
ROOM_BYTES: Final = 1 << 20


class _Writer(Protocol):
    def add_job(self, item: CopyItem, file: Outgoing) -> Job[None]: ...


def is_zip(destination: Path) -> bool:
    """Return whether a copy to `destination` is a ZIP file: its name ends so, and it is not a folder."""
    return destination.suffix.lower() == ZIP_ENDING and not destination.is_dir()


def check_destination(destination: Path, options: CopyOptions) -> None:
    """Check what can be known before anything is read.

    Raises
    ------
    ExportError
        A ZIP file or a DICOMDIR is there already, what should be a folder is a file, or there is no folder to write to.
    """
    where = plain_text(str(destination))
    if is_zip(destination):
        if os.path.lexists(destination):
            raise ExportError(f"{where} exists already and is not replaced. Give another name.")
        if not destination.parent.is_dir():
            raise ExportError(f"there is no folder {plain_text(str(destination.parent))} to write {where} to. Make it.")
        return
    if os.path.lexists(destination) and not destination.is_dir():
        raise ExportError(f"{where} is a file. Give a folder, or the name of a new ZIP file that ends in .zip.")
    if options.dicomdir and destination.is_dir():
        names = {there.name.upper() for there in destination.iterdir()}
        if "DICOMDIR" in names:
            raise ExportError(f"{where} holds a DICOMDIR already, which is not replaced. Choose an empty folder.")


def preview_job(files: Iterable[tuple[int, Iterable[RegisteredFile]]]) -> Job[CopyPreview]:
    """Count what a copy would take, each instance once; no file is looked at."""
    sizes: dict[str, int] = {}
    first = None
    for number, target in files:
        for position, file in enumerate(target):
            if position % PLANNED_A_STEP == 0:
                yield Progress(position, number, "counting")
            first = first or file.header
            sizes[file.header.sop_instance_uid] = file.header.size_bytes
    return CopyPreview(len(sizes), sum(sizes.values()), first)


def example_name(header: InstanceHeader, options: CopyOptions) -> str:
    """Return the path that an instance would get as the first one."""
    return "/".join(_new_plan(options).path_of(header))


def free_bytes(destination: Path) -> int | None:
    """Return how much room there is at a destination; None where that cannot be told."""
    folder = next((one for one in (destination, *destination.parents) if one.is_dir()), None)
    try:
        return None if folder is None else shutil.disk_usage(folder).free
    except OSError:
        return None


def copy_files_job(
    files: Iterable[tuple[int, Iterable[RegisteredFile]]], destination: Path, options: CopyOptions
) -> Job[CopyReport]:
    """Copy registered files to `destination`, each instance once.

    Parameters
    ----------
    files : iterable of (number, iterable of RegisteredFile)
        What is to go out, target by target.
    destination : Path
        A folder, made where it does not exist, or a ZIP file that does not exist.
    options : CopyOptions
        How.

    Raises
    ------
    ExportError
        The destination cannot be written to, or what was written as a whole did not read back.
    DiskFullError
        There is not enough room; what is whole stays in a folder, nothing of a ZIP file.
    """
    check_destination(destination, options)
    items = yield from _plan_job(files, options)
    total = sum(item.size_bytes for item in items)
    tally = Tally(destination, len(items), total, in_parts=not is_zip(destination))
    if is_zip(destination):
        _check_room(destination, total + ROOM_A_FILE_BYTES * len(items))
        yield from _into_zip_job(items, destination, options, tally)
    else:
        with _made(destination, tally):
            needed = yield from _needed_job(items, destination)
            _check_room(destination, needed)
            yield from _into_folder_job(items, destination, options, tally)
    return tally.report()


def _plan_job(files: Iterable[tuple[int, Iterable[RegisteredFile]]], options: CopyOptions) -> Job[list[CopyItem]]:
    """Give every instance its name; what two targets share is copied once."""
    plan = _new_plan(options)
    items: dict[str, CopyItem] = {}
    for number, target in files:
        for position, file in enumerate(target):
            if position % PLANNED_A_STEP == 0:
                yield Progress(position, number, "planning")
            header = file.header
            if header.sop_instance_uid in items:
                continue
            items[header.sop_instance_uid] = CopyItem(
                sop_instance_uid=header.sop_instance_uid,
                sop_class_uid=header.sop_class_uid,
                transfer_syntax_uid=header.transfer_syntax_uid,
                path=header.path,
                size_bytes=header.size_bytes,
                mtime_ns=header.mtime_ns,
                sha256=file.sha256,
                target=plan.path_of(header),
                owners=(patient_identity(header), header.study_instance_uid, header.series_instance_uid),
                instance_number=header.text("InstanceNumber"),
            )
    return list(items.values())


def _new_plan(options: CopyOptions) -> NamePlan | MediumPlan:
    if options.dicomdir:
        from DICOMModule.export.dicomdir import MediumPlan  # brings pydicom, which plain copies do without

        return MediumPlan()
    return NamePlan(NameTemplate(options.names))


def _into_folder_job(items: Sequence[CopyItem], destination: Path, options: CopyOptions, tally: Tally) -> Job[None]:
    planned = {(item.target[:-1], folded(item.target[-1])) for item in items}
    with tally.writing():
        temporaries = contextlib.ExitStack()
        folder = temporaries.enter_context(temporary_folder(destination))
    with temporaries:
        writer = FolderWriter(destination, folder, planned, tally, exact=options.dicomdir)
        directory = yield from _copy_job(items, writer, options, tally)
        yield from writer.flush_job()
        if directory is not None and tally.done:
            content = directory.content(tally.done)
            with tally.writing():
                try:
                    yield from _write_directory_job(content, folder / "directory.part", destination)
                except FileExistsError as error:
                    raise ExportError(
                        f"another program has put a DICOMDIR into {plain_text(str(destination))} meanwhile; it was not"
                        " replaced. Copy to an empty folder."
                    ) from error


def _into_zip_job(items: Sequence[CopyItem], destination: Path, options: CopyOptions, tally: Tally) -> Job[None]:
    with tally.writing():
        temporaries = contextlib.ExitStack()
        folder = temporaries.enter_context(temporary_folder(destination.parent))
    with temporaries:
        with tally.writing():
            writer = ZipWriter(folder / "archive.part", tally)
        try:
            directory = yield from _copy_job(items, writer, options, tally)
            if directory is not None and tally.done:
                writer.add_content("DICOMDIR", directory.content(tally.done))
            yield from writer.finish_job()
        finally:
            writer.close()
        if not tally.files:
            return
        with tally.writing():
            try:
                put_in_place(folder / "archive.part", destination)
            except FileExistsError as error:
                raise ExportError(
                    f"{plain_text(str(destination))} exists by now and is not replaced. Give another name."
                ) from error
            with contextlib.suppress(OSError):  # some network file systems cannot sync a folder, and say so
                sync_folder(destination.parent)


def _copy_job(items: Sequence[CopyItem], writer: _Writer, options: CopyOptions, tally: Tally) -> Job[Directory | None]:
    """Give every file to `writer`; what cannot go out becomes a row of the report."""
    directory = None
    if options.dicomdir:
        from DICOMModule.export.dicomdir import Directory

        directory = Directory()
        _warn_of_syntaxes(items, tally)
    for item in items:
        yield tally.progress()
        try:
            with outgoing(item) as file:
                made_up = directory.describe(item, marked=file.marked) if directory is not None else ()
                yield from writer.add_job(item, file)
        except DicomFileError as error:
            tally.skip(item, str(error))
            continue
        if made_up:
            from DICOMModule.export.directory_records import made_up_text

            tally.warnings.append(Problem(item.sop_instance_uid, made_up_text(made_up)))
    return directory


def _warn_of_syntaxes(items: Sequence[CopyItem], tally: Tally) -> None:
    other = [item for item in items if item.transfer_syntax_uid != EXPLICIT_VR_LITTLE_ENDIAN]
    if other:
        tally.warnings.append(
            Problem(
                other[0].sop_instance_uid,
                f"{len(other)} of {len(items)} files, this one first, are not Explicit VR Little Endian, the one transfer"
                " syntax of a General Purpose CD (PS3.11 D); they are copied as they are, and old readers may refuse them.",
            )
        )


def _write_directory_job(content: bytes, temporary: Path, destination: Path) -> Job[None]:
    with temporary.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    if (yield from sha256_job(temporary, Progress(0, 0, "writing the DICOMDIR"))) != hashlib.sha256(content).digest():
        raise ExportError("the DICOMDIR did not read back as it was written; the disk may be failing. Copy again.")
    put_in_place(temporary, destination / "DICOMDIR")
    with contextlib.suppress(OSError):  # some network file systems cannot sync a folder, and say so
        sync_folder(destination)


def _needed_job(items: Sequence[CopyItem], destination: Path) -> Job[int]:
    """Return how many bytes are to be written, leaving out what seems to be there from an earlier run."""
    needed = ROOM_BYTES
    for position, item in enumerate(items):
        if position % PLANNED_A_STEP == 0:
            yield Progress(position, len(items), "looking at what is there")
        there = destination.joinpath(*item.target)
        with contextlib.suppress(OSError):
            if there.lstat().st_size == item.size_bytes:
                continue
        needed += item.size_bytes + ROOM_A_FILE_BYTES
    return needed


def _check_room(destination: Path, needed: int) -> None:
    free = free_bytes(destination)
    if free is not None and free < needed:
        raise DiskFullError(
            f"copying to {plain_text(str(destination))} needs {size_text(needed)}, and there are {size_text(free)} free."
            " Nothing was written. Free some space or choose another disk."
        )


@contextlib.contextmanager
def _made(destination: Path, tally: Tally) -> Iterator[None]:
    """Make the folder, and take it away again where nothing came to lie in it."""
    made = [folder for folder in (destination, *destination.parents) if not folder.exists()]
    with tally.writing():
        destination.mkdir(parents=True, exist_ok=True)
        for folder in made:
            with contextlib.suppress(OSError):  # some network file systems cannot sync a folder, and say so
                sync_folder(folder.parent)
    try:
        yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):  # there is something in it
                folder.rmdir()
