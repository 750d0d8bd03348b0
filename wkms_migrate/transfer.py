"""Copying keyed records from parts of a source: parts at the same time, batches of a part in order, cursors last.

A cursor is saved only after everything up to it has landed, so that going on from the saved cursors loses nothing;
what landed after the last saved cursor lands again, which an idempotent target bears.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from wkms_migrate.errors import Interrupted, WkmsError
from wkms_migrate.events import Json

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[R]):
    """Records of one part, and where to go on in it once they have landed."""

    records: Sequence[R]
    cursor: Json


Read: TypeAlias = Callable[[str, Json | None], Generator[Batch[R]]]  # the batches of a part from a cursor on
Land: TypeAlias = Callable[[str, Batch[R]], None]  # writes a batch, then saves its cursor


def copy(
    parts: Sequence[str],
    read: Read[R],
    land: Land[R],
    *,
    cursors: Mapping[str, Json],
    workers: int,
    check_stop: Callable[[], None],
) -> None:
    """Copy every part. While a batch lands, the next one of its part is read, and no more than that one.

    The first failure stops the other parts after the batch that they are at, and is raised. A batch whose cursor is
    the one before it is refused: a source that stands still would be copied for ever.
    """
    failed = threading.Event()

    def run(part: str, readers: Executor) -> None:
        last = cursors.get(part)
        for batch in _ahead(read(part, last), readers):
            check_stop()
            if failed.is_set():
                return
            if batch.cursor == last:
                raise WkmsError(f"The source stands still at {part}.", hint="Run the same command again to go on.")
            land(part, batch)
            last = batch.cursor

    def watched(part: str, readers: Executor) -> None:
        try:
            run(part, readers)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(workers, "read") as readers, ThreadPoolExecutor(workers, "copy") as lanes:
        running = [lanes.submit(watched, part, readers) for part in parts]
    failures = [error for one in running if (error := one.exception()) is not None]
    if failures:
        raise next((error for error in failures if not isinstance(error, Interrupted)), failures[0])


def _ahead(batches: Generator[Batch[R]], readers: Executor) -> Iterator[Batch[R]]:
    coming = readers.submit(next, batches, None)
    try:
        while (batch := coming.result()) is not None:
            coming = readers.submit(next, batches, None)
            yield batch
    finally:
        wait([coming])
        batches.close()


class Budget:
    """A rate not to be exceeded: `rate` units per second, None for no limit. Thread-safe.

    What a request costs is known only afterwards, so the balance may go below zero, and whoever spends then waits
    until it is paid back. At most one second's worth is saved up.
    """

    def __init__(self, rate: float | None, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._stop = stop
        self._clock = clock
        self._balance = rate or 0.0
        self._at = clock()
        self._lock = threading.Lock()

    def spend(self, units: float) -> None:
        """Take units off the balance, and wait until it is no longer negative."""
        if self._rate is None:
            return
        with self._lock:
            now = self._clock()
            self._balance = min(self._rate, self._balance + (now - self._at) * self._rate) - units
            self._at = now
            wait = -self._balance / self._rate
        if wait > 0 and self._stop.wait(wait):
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")


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
