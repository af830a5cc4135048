"""Values of a frozen class by the thousand, made a column at a time: calling the class for each takes four times as long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from functools import cache
from itertools import repeat
from typing import Any, TypeVar

Made = TypeVar("Made")


def made_in_columns(kind: type[Made], count: int, **columns: Iterable[Any]) -> list[Made]:
    """Return `count` values of `kind`, a frozen dataclass with slots and without a ``__post_init__``.

    Parameters
    ----------
    kind : type
        The class.
    count : int
        How many there are to be.
    columns : iterable of objects
        By the name of a field its values, at least `count` of them; a field that is left out has its default.

    Raises
    ------
    ValueError
        A field has too few values, or none and no default, or there is no such field.
    """
    setters = _setters_of(kind)  # type: ignore[arg-type]  # a class is hashable
    if not columns.keys() <= setters.keys():
        raise ValueError(f"{kind.__name__} has no field {', '.join(columns.keys() - setters.keys())}")
    made = list(map(object.__new__, repeat(kind, count)))
    for name, (put, default) in setters.items():
        values = columns.get(name)
        if values is None:
            if default is MISSING:
                raise ValueError(f"{kind.__name__} needs a {name}")
            values = repeat(default)
        deque(map(put, made, values), maxlen=0)
        if count and not hasattr(made[-1], name):
            raise ValueError(f"there are fewer than {count} values of {name}")
    return made


@cache
def _setters_of(kind: type[Any]) -> dict[str, tuple[Callable[[Any, Any], None], Any]]:
    """Return by the name of each field what sets it, though the class is frozen, and its default."""
    if hasattr(kind, "__post_init__") or any(field.default_factory is not MISSING for field in fields(kind)):
        raise ValueError(f"{kind.__name__} does more than to keep its fields")
    return {field.name: (getattr(kind, field.name).__set__, field.default) for field in fields(kind)}
