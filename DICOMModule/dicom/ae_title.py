"""Application entity titles: what a name on the network may be."""

from __future__ import annotations

from typing import Final

from DICOMModule.errors import SettingsError, plain_text

LONGEST_AE_TITLE: Final = 16


def checked_ae_title(text: str, what: str = "AE title") -> str:
    """Return an AE title without the blanks around it, which do not count.

    PS3.5 6.2: at most 16 characters of the default repertoire, none of them a backslash or a control character, and not
    blanks alone.

    Parameters
    ----------
    what : str
        What it is called in an error.

    Raises
    ------
    SettingsError
        It is none.
    """
    title = text.strip(" ")
    if not title:
        raise SettingsError(f"the {what} is empty; it must have 1 to {LONGEST_AE_TITLE} characters.")
    if len(title) > LONGEST_AE_TITLE:
        raise SettingsError(
            f"the {what} {plain_text(title[:40])} has {len(title)} characters; it may have {LONGEST_AE_TITLE} at most."
        )
    if not title.isascii() or not title.isprintable() or "\\" in title:
        raise SettingsError(
            f"the {what} {plain_text(title)} must be of ASCII letters, digits, blanks and signs, without a backslash."
        )
    return title
