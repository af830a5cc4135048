"""Settings of this workstation: a JSON file in the platform's folder for configuration, overruled by the environment."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.paths import user_config_folder, user_data_folder, with_home

DATABASE_VARIABLE = "DICOMMODULE_DATABASE"
THEME_CHOICES = ("system", "dark", "light")
VOLUME_RENDERERS = ("auto", "processor", "gpu")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has set; every field has a default that works.

    Attributes
    ----------
    local_database : str
        Folder of the local database; empty: the platform's folder for user data.
    theme : str
        ``system``, ``dark`` or ``light``.
    copy_on_import : bool
        Whether the check box of the import dialog is on at first: files are copied into the database.
    inbox_folder : str
        Folder whose files are copied into the database as they arrive; empty: none.
    inbox_removes : bool
        Delete a file from that folder once its copy is registered and has been read again.
    developer_mode : bool
        Show Reload, Reload and Test, and Edit.
    module_folders : tuple of str
        Folders in which scripted modules are looked for.
    editor : str
        Command that opens a module's file for Edit; empty: the system's own program for it.
    invert_level_drag : bool
        An upward drag makes the picture darker.
    listener_port : int
        TCP port of the listener; 0: any that is free.
    listener_ae_title : str
        Its AE title.
    listener_bind : str
        Address on which it listens: ``127.0.0.1`` is this machine only, ``0.0.0.0`` all of its networks.
    listener_at_start : bool
        Start the listener with the program.
    listener_stays : bool
        The listener goes on when the program ends.
    volume_renderer : str
        ``auto``, ``processor`` or ``gpu``.
    keys : mapping of str to str
        Keys that were bound anew: action to key sequence.
    window : mapping of str to str
        Geometry and layout of the window, as it left them.
    """

    local_database: str = ""
    theme: str = "system"
    copy_on_import: bool = False
    inbox_folder: str = ""
    inbox_removes: bool = False
    developer_mode: bool = False
    module_folders: tuple[str, ...] = ()
    editor: str = ""
    invert_level_drag: bool = False
    listener_port: int = 11112
    listener_ae_title: str = "DICOMMODULE"
    listener_bind: str = "127.0.0.1"
    listener_at_start: bool = False
    listener_stays: bool = False
    volume_renderer: str = "auto"
    keys: dict[str, str] = field(default_factory=dict)
    window: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.theme not in THEME_CHOICES:
            raise SettingsError(f"there is no theme {plain_text(self.theme)!r}; there are {', '.join(THEME_CHOICES)}")
        if self.volume_renderer not in VOLUME_RENDERERS:
            raise SettingsError(
                f"there is no volume renderer {plain_text(self.volume_renderer)!r}; there are {', '.join(VOLUME_RENDERERS)}"
            )
        if not 0 <= self.listener_port <= 65535:
            raise SettingsError(f"the listener's port must be 0 to 65535; it is {self.listener_port}")
        _check_ae_title(self.listener_ae_title)
        if not self.listener_bind or not self.listener_bind.isprintable() or " " in self.listener_bind:
            raise SettingsError(f"the listener's address {plain_text(self.listener_bind[:80])!r} is none")


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
    stored = _stored(path)
    known = {one.name for one in fields(Settings)}
    try:
        return Settings(**{name: _typed(name, stored[name]) for name in known & stored.keys()})
    except SettingsError as error:
        raise SettingsError(f"{error} (in {plain_text(str(path))}). Mend or remove that file.") from error


def write_settings(settings: Settings, path: Path | None = None) -> None:
    """Write the settings, all of them or nothing; keys of the file that this version does not know are kept.

    Raises
    ------
    SettingsError
        The file cannot be written, or what is there cannot be read and would be lost.
    """
    path = path or settings_file()
    document = {**_stored(path), **{one.name: getattr(settings, one.name) for one in fields(Settings)}}
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        # what Python escapes of a file name that is not UTF-8 is an escape of JSON's, too
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # where nothing can be written nothing can be removed
            temporary.unlink()
        raise SettingsError(f"cannot write the settings to {plain_text(str(path))}: {error.strerror}") from error


def database_folder() -> Path:
    """Return the folder of the local database: from the environment, else the settings, else the platform's default."""
    return folder_of(os.environ.get(DATABASE_VARIABLE) or read_settings().local_database)


def folder_of(local_database: str) -> Path:
    """Return the folder that the setting `local_database` means: the platform's default where it is empty."""
    return with_home(local_database) if local_database else user_data_folder() / "LocalDatabase"


def _check_ae_title(title: str) -> None:
    """Refuse what is no AE title (PS3.5 6.2); `dicom.ae_title`, which says it at length, lies above this layer."""
    if not 1 <= len(title) <= 16 or title != title.strip() or not title.isascii() or not title.isprintable():
        raise SettingsError(
            f"the listener's AE title {plain_text(title[:40])!r} must be 1 to 16 letters, digits, blanks or signs of ASCII"
        )
    if "\\" in title:
        raise SettingsError("the listener's AE title must not hold a backslash")


def _stored(path: Path) -> dict[str, Any]:
    where = plain_text(str(path))
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"cannot read the settings in {where}: {reason}. Mend or remove that file.") from error
    if not isinstance(stored, dict):
        raise SettingsError(f"the settings in {where} are not a JSON object. Mend or remove that file.")
    return stored


def _typed(name: str, value: Any) -> Any:
    """Return a stored value as its field wants it."""
    if "\0" in (value if isinstance(value, str) else "".join(map(str, value)) if isinstance(value, list) else ""):
        raise SettingsError(f"the setting {name} holds a NUL, which no path can")
    default = getattr(Settings(), name)
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise SettingsError(f"the setting {name} is not a list of texts")
    if isinstance(default, dict):
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return value
        raise SettingsError(f"the setting {name} is not a table of texts")
    if type(value) is not type(default):
        kind = {bool: "true or false", int: "a whole number"}.get(type(default), "a text")
        raise SettingsError(f"the setting {name} is not {kind}")
    return value
