"""Examining what has arrived, in a child process: whoever receives for days stays small, and is not held up by it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from DICOMModule.dicom.child_messages import apart
from DICOMModule.errors import DatabaseError, plain_text
from DICOMModule.jobs import Job, Progress, run_to_end

_NAP_S: Final = 0.05
_LONGEST_SENTENCE: Final = 2000
# The child finds its modules where this process does: a number of paths comes first, then the folder.
_PROGRAM: Final = (
    "import sys; count = int(sys.argv[1]); sys.path[:] = sys.argv[2 : 2 + count];"
    " from DICOMModule.verbs.examining import main; sys.exit(main(sys.argv[2 + count]))"
)


def examine_arrivals_job(database_folder: Path) -> Job[None]:
    """Have the series of a database examined that nobody has examined yet; closing the job ends that.

    Raises
    ------
    DatabaseError
        It could not be done, or not to its end; what it has not come to stays unexamined.
    """
    paths = [os.fspath(Path(path).absolute()) for path in sys.path if path]
    command = [sys.executable, "-c", _PROGRAM, str(len(paths)), *paths, os.fspath(database_folder.absolute())]
    try:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and program
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **apart()
        )
    except OSError as error:
        raise DatabaseError(f"no process can be started that examines what arrived: {error.strerror}.") from error
    said: list[bytes] = []
    reader = threading.Thread(target=_read, args=(child, said), name="examining", daemon=True)
    reader.start()
    try:
        while child.poll() is None:
            yield Progress(0, 0, "examining what arrived")
            time.sleep(_NAP_S)
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        reader.join()
        for stream in (child.stdin, child.stderr):
            if stream is not None:
                stream.close()
    if child.returncode:
        text = b"".join(said).decode("utf-8", "replace").strip() or f"its process ended with {child.returncode}."
        raise DatabaseError(plain_text(text))


def _read(child: subprocess.Popen[bytes], said: list[bytes]) -> None:
    """Read what it says, of which the end is kept; its pipe must not fill."""
    if child.stderr is not None:
        for line in child.stderr:
            said[:] = [b"".join((*said, line))[-_LONGEST_SENTENCE:]]


def main(folder: str) -> int:
    """Be the child: examine, and end when its parent does."""
    from DICOMModule.database import DicomDatabase
    from DICOMModule.targets import note_health_job

    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(OSError, AttributeError):  # where there are priorities, receiving comes first
        os.nice(5)
    try:
        with DicomDatabase.open(Path(folder)) as database:
            run_to_end(note_health_job(database, ()))
    except DatabaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _end_with_parent() -> None:
    with suppress(OSError):
        while os.read(0, 1024):
            pass
    os._exit(1)
