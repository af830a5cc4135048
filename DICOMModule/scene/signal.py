"""A signal for plain classes: says that something has happened, in the thread in which it happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Signal(Generic[T]):
    """Calls every connected observer with one value.

    Observers are called in the order in which they were connected; one that raises is a bug and stops the call.

    Examples
    --------
    >>> removed: Signal[str] = Signal()
    >>> heard: list[str] = []
    >>> disconnect = removed.connect(heard.append)
    >>> removed.emit("volume-1")
    >>> disconnect()
    >>> removed.emit("volume-2")
    >>> heard
    ['volume-1']
    """

    def __init__(self) -> None:
        self._observers: list[Callable[[T], object]] = []

    def connect(self, observer: Callable[[T], object]) -> Callable[[], None]:
        """Call `observer` on every `emit` from now on; the function that is returned ends it, and may be called twice."""
        # A wrapper of our own, so that one function connected twice is disconnected once at a time.
        entry: Callable[[T], object] = lambda value: observer(value)  # noqa: E731, PLW0108 - identity is the point
        self._observers.append(entry)

        def disconnect() -> None:
            if entry in self._observers:
                self._observers.remove(entry)

        return disconnect

    def emit(self, value: T) -> None:
        """Call all observers that were connected when the call began."""
        for observer in tuple(self._observers):
            observer(value)
