"""The standalone viewer's way in.

The window is not part of this version yet; until it is, starting the viewer renders the demo to a picture and says where.
"""

from __future__ import annotations

import sys
from pathlib import Path

from DICOMModule.commands.main import main as run_command_line

DEMO_PICTURE = "dicommodule-demo.png"


def main() -> None:
    """Render the built-in demo to a picture in the working folder, and leave with the exit code."""
    sys.exit(run_command_line(["view", "--demo", "--screenshot", str(Path.cwd() / DEMO_PICTURE)]))
