"""Threads that work through items, and the memory they share."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from wkms_migrate.phases.blob.concurrency import Limiter

T = TypeVar("T")
WAKE_SECONDS = 0.5
WORTH_KEEPING = 1 << 20  # bytes from which a buffer is used again: the kernel hands out new ones page by page


def each(
    items: Iterable[T],
    work: Callable[[T], None],
    *,
    workers: int,
    check_stop: Callable[[], None],
    limiter: Limiter | None = None,
) -> None:
    """Call `work` for every item on threads. The first failure ends the rest after their item, and is raised.

    With a limiter there are as many threads as it allows, and at most `workers`.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="blob") as pool:
        crew = _Crew(iter(items), work, check_stop, pool, lambda: min(workers, limiter.limit) if limiter else workers)
        crew.widen()
        for thread in crew.begun:  # grows while the first of them run
            thread.exception()
    for thread in crew.begun:
        thread.result()


class _Crew(Generic[T]):
    """Threads at the same work. Each begins another one while more are allowed, and leaves when there are too many.

    One that stayed would take turns with the others: woken for each item, only to wait again.
    """

    def __init__(
        self,
        feed: Iterator[T],
        work: Callable[[T], None],
        check_stop: Callable[[], None],
        pool: ThreadPoolExecutor,
        allowed: Callable[[], int],
    ) -> None:
        self._feed, self._work, self._check_stop = feed, work, check_stop
        self._pool, self._allowed = pool, allowed
        self._lock = threading.Lock()
        self._failed = threading.Event()
        self._at_work = 0
        self.begun: list[Future[None]] = []

    def widen(self) -> None:
        """Begin another thread when one more is allowed. Asked without the lock first: mostly none is."""
        if self._at_work < self._allowed():
            with self._lock:
                if self._at_work < self._allowed():
                    self._at_work += 1
                    self.begun.append(self._pool.submit(self._loop))

    def _loop(self) -> None:
        try:
            while not self._failed.is_set():
                self._check_stop()
                with self._lock:
                    if self._at_work > self._allowed():
                        self._at_work -= 1
                        return
                    item = next(self._feed)
                self.widen()
                self._work(item)
        except StopIteration:
            return
        except BaseException:
            self._failed.set()
            raise


class Memory:
    """A budget of bytes for buffers, and of how many are in use at once. One buffer always fits, however large it is.

    A buffer is in use for as long as a transfer lasts, so the limiter learns here how long that is.
    """

    def __init__(self, limit: int, limiter: Limiter | None = None) -> None:
        self._limit = limit
        self._limiter = limiter
        self._held = 0
        self._leases = 0
        self._waiting = 0
        self._spare: list[bytearray] = []
        self._changed = threading.Condition()

    def take(self, size: int, check_stop: Callable[[], None]) -> Lease:
        """Wait until there is room, and return a buffer of `size` bytes. Give it back with the lease's `close`."""
        with self._changed:
            self._waiting += 1
            try:
                while not self._has_room(size):
                    check_stop()
                    self._changed.wait(WAKE_SECONDS)
            finally:
                self._waiting -= 1
            return self._lent(size)

    def take_now(self, size: int) -> Lease | None:
        """Do as `take` does where there is room, else return None."""
        with self._changed:
            return self._lent(size) if self._has_room(size) else None

    def give_back(self, buffer: bytearray, seconds: float) -> None:
        """Make room again for what was in use so long."""
        with self._changed:
            self._held -= len(buffer)
            self._leases -= 1
            if len(buffer) >= WORTH_KEEPING:
                self._spare.append(buffer)
            self._wake()
        if self._limiter:
            self._limiter.ended(len(buffer), seconds)

    def _lent(self, size: int) -> Lease:
        self._held += size
        self._leases += 1
        buffer = self._reused(size)
        self._wake()
        return Lease(self, bytearray(size) if buffer is None else buffer)

    def _has_room(self, size: int) -> bool:
        crowded = self._limiter is not None and self._leases >= self._limiter.limit
        return not self._leases or (self._held + size <= self._limit and not crowded)

    def _reused(self, size: int) -> bytearray | None:
        """Return a spare buffer of this size; where there is none, no spare one is kept beside a new one."""
        for at, buffer in enumerate(self._spare):
            if len(buffer) == size:
                return self._spare.pop(at)
        self._spare.clear()
        return None

    def _wake(self) -> None:
        """Wake one that waits, unless it could only find that there are too many and wait again."""
        if self._waiting and self._has_room(0):
            self._changed.notify()


class Lease(contextlib.AbstractContextManager["Lease"]):
    """A buffer that counts against the budget until it is closed. What it holds at first is not defined."""

    def __init__(self, memory: Memory, buffer: bytearray) -> None:
        self._memory = memory
        self._began = time.monotonic()
        self._open = True
        self.buffer = buffer

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the buffer back, once."""
        if self._open:
            self._open = False
            buffer, self.buffer = self.buffer, bytearray()
            self._memory.give_back(buffer, time.monotonic() - self._began)


def batches(size: int, part_size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (number from 1, offset, length) of the parts of `size` bytes."""
    for number, offset in enumerate(range(0, size, part_size), 1):
        yield number, offset, min(part_size, size - offset)
