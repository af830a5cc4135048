"""Settings of this workstation: a JSON file in the platform's folder for configuration, overruled by the environment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path

from DICOMModule.errors import SettingsError
from DICOMModule.paths import user_config_folder, user_data_folder

DATABASE_VARIABLE = "DICOMMODULE_DATABASE"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has set; every field has a default that works.

    Attributes
    ----------
    local_database : str
        Folder of the local database; empty: the platform's folder for user data.
    """

    local_database: str = ""


def settings_file() -> Path:
    """Return the path of the settings file; it need not exist."""
    return user_config_folder() / "settings.json"


def read_settings(path: Path | None = None) -> Settings:
    """Read the settings; a file that does not exist means all defaults, an unknown key is passed over.

    Raises
    ------
    SettingsError
        The file is not a JSON object, or a value in it has the wrong type.
    """
    path = path or settings_file()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the settings in {path}: {error}. Mend or remove that file.") from error
    if not isinstance(stored, dict):
        raise SettingsError(f"the settings in {path} are not a JSON object. Mend or remove that file.")
    known = {field.name for field in fields(Settings)}
    for name in known & stored.keys():
        if not isinstance(stored[name], str):
            raise SettingsError(f"the setting {name} in {path} is not a text. Mend or remove that file.")
    return Settings(**{name: stored[name] for name in known & stored.keys()})


def database_folder() -> Path:
    """Return the folder of the local database: from the environment, else the settings, else the platform's default."""
    chosen = os.environ.get(DATABASE_VARIABLE) or read_settings().local_database
    return Path(chosen).expanduser() if chosen else user_data_folder() / "LocalDatabase"
