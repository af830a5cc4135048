"""`python -m DICOMModule` is the command line."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from DICOMModule.collecting import collection_paused
from DICOMModule.commands import interrupts

CANCELLED = 130


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    interrupts.hold()
    from DICOMModule.commands.main import main as run

    code = run()
    if code == CANCELLED:
        # Where the interrupt came inside of exec(), as in the making of a dataclass, CPython would end itself by the
        # signal at its very end, whatever had been made of the exception.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, AttributeError):
                stream.flush()
        os._exit(CANCELLED)
    sys.exit(code)


def viewer() -> None:
    """Open the window on the local database: the viewer's own entry point."""
    with collection_paused():
        from DICOMModule.app import main as run
    run()


if __name__ == "__main__":
    main()
