"""Read a listing on a thread of its own, while another is read or what came of it is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
BATCH = 1000  # items, a page of S3
BATCHES_HELD = 10


@contextmanager
def ahead(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Begin to read the items at once, some batches ahead; give them in order, and a failure where it came."""
    source = iter(items)
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    def read() -> Future[list[T]]:
        return pool.submit(lambda: list(islice(source, BATCH)))

    def given() -> Iterator[T]:
        while batch := reading.popleft().result():
            reading.append(read())
            yield from batch

    reading = deque(read() for _ in range(BATCHES_HELD))
    try:
        yield given()
    finally:
        pool.shutdown(cancel_futures=True)
