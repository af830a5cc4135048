"""Where things lie: the program's own resources, and the user's data."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import platformdirs

APPLICATION = "DICOMModule"


@lru_cache(maxsize=512)
def resource_path(*parts: str) -> Path:
    """Return the path of one of the program's resources, for instance ``resource_path("Presets", "ct-bone.json")``.

    An installed wheel carries the resources inside the package; a checkout has them beside it.

    Raises
    ------
    FileNotFoundError
        The resource does not exist, which is a fault of the installation.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "Resources", package.parent / "Resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"the resource {'/'.join(parts)} is missing from this installation")


def with_home(text: str) -> Path:
    """Return a path whose leading ``~`` is the home folder; one of a user who is not known here stays as it is written."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - pathlib raises an error for it


def user_data_folder() -> Path:
    """Return the folder in which the platform keeps this program's data for this user; it need not exist."""
    return Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


def user_config_folder() -> Path:
    """Return the folder in which the platform keeps this program's settings for this user; it need not exist."""
    return Path(platformdirs.user_config_dir(APPLICATION, appauthor=False))


def user_log_folder() -> Path:
    """Return the folder in which the platform keeps this program's logs for this user; it need not exist."""
    return Path(platformdirs.user_log_dir(APPLICATION, appauthor=False))
