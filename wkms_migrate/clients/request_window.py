"""How many requests to a service that throttles may be under way at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Window:
    """How many requests may be under way at once: at most `most`, half as many after a throttled one. Thread-safe.

    It grows again by one per round of good requests, as TCP does (additive increase, multiplicative decrease).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._busy = 0
        self._changed = threading.Condition()

    @property
    def limit(self) -> float:
        """The present limit."""
        return self._limit

    @contextmanager
    def slot(self) -> Iterator[Callable[[], None]]:
        """Wait for a slot and hold it; call what is given when the request was throttled."""
        throttled = threading.Event()
        with self._changed:
            self._changed.wait_for(lambda: self._busy < int(self._limit))
            self._busy += 1
        try:
            yield throttled.set
        finally:
            with self._changed:
                self._busy -= 1
                halved, grown = max(1.0, self._limit / 2), min(float(self._most), self._limit + 1 / self._limit)
                self._limit = halved if throttled.is_set() else grown
                self._changed.notify_all()
