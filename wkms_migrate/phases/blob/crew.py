"""Threads that work through items, and the memory they share."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
WAKE_SECONDS = 0.5


def each(items: Iterable[T], work: Callable[[T], None], *, workers: int, check_stop: Callable[[], None]) -> None:
    """Call `work` for every item on threads. The first failure ends the rest after their item, and is raised."""
    feed = iter(items)
    feeding = threading.Lock()
    failed = threading.Event()

    def loop() -> None:
        try:
            while not failed.is_set():
                check_stop()
                with feeding:
                    item = next(feed)
                work(item)
        except StopIteration:
            return
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(workers, thread_name_prefix="blob") as pool:
        futures = [pool.submit(loop) for _ in range(workers)]
    for future in futures:
        future.result()


class Memory:
    """A budget of bytes for buffers. One buffer always fits, however large it is."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._changed = threading.Condition()

    def take(self, size: int, check_stop: Callable[[], None]) -> Lease:
        """Wait until there is room, and return a buffer of `size` bytes. Give it back with the lease's `close`."""
        with self._changed:
            while self._held and self._held + size > self._limit:
                check_stop()
                self._changed.wait(WAKE_SECONDS)
            self._held += size
        return Lease(self, bytearray(size))

    def give_back(self, size: int) -> None:
        """Make room again."""
        with self._changed:
            self._held -= size
            self._changed.notify_all()


class Lease(contextlib.AbstractContextManager["Lease"]):
    """A buffer that counts against the budget until it is closed."""

    def __init__(self, memory: Memory, buffer: bytearray) -> None:
        self._memory = memory
        self._size = len(buffer)
        self.buffer = buffer

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the buffer back, once."""
        self.buffer = bytearray()
        self._memory.give_back(self._size)
        self._size = 0


def batches(size: int, part_size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (number from 1, offset, length) of the parts of `size` bytes."""
    for number, offset in enumerate(range(0, size, part_size), 1):
        yield number, offset, min(part_size, size - offset)
