"""`python -m DICOMModule` is the command line."""

from __future__ import annotations

import sys

from DICOMModule.commands.main import main as run


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run())


if __name__ == "__main__":
    main()
