"""Names of persons (PN) as people read them."""

from __future__ import annotations


def person_name(text: str) -> str:
    """Return a name of representation PN for people, family name first: ``Doe, Jane`` (PS3.5 6.2.1).

    The first group that is filled is taken: alphabetic, else ideographic, else phonetic.
    """
    group = next((part for part in text.split("=") if part.strip("^ ")), "")
    family, *others = (part.strip() for part in group.split("^"))
    given = " ".join(part for part in others if part)
    return ", ".join(part for part in (family, given) if part)
