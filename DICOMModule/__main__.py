"""`python -m DICOMModule` is the command line."""

from __future__ import annotations

import sys

CANCELLED = 130


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        from DICOMModule.commands.main import main as run  # an interrupt may come while it is still being imported

        code = run()
    except KeyboardInterrupt:
        code = CANCELLED
    sys.exit(code)


if __name__ == "__main__":
    main()
