"""Writes to one table on lanes: the requests of one key stay in order, and nobody waits for anybody else's.

A lane takes the keys whose hash is its own, and sends what it holds, oldest first, at most 25 at once and no key twice.
What the service did not take stays at the front of its lane. A load is what came together, e.g. a page; its `landed` is
called, on the lane that took the last of it, when all of it has been taken or refused for good.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import msgspec

from wkms_migrate.clients.dynamodb_write import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, Patience, Sender
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.errors import Interrupted

HELD_BYTES: Final = 24 * 1024 * 1024  # of requests in all lanes; whoever brings more waits
WAKE_SECONDS: Final = 0.5
REFUSALS: Final = frozenset({"ValidationException", "ItemCollectionSizeLimitExceededException"})  # of one item

Key = tuple[str, ...]


@dataclass(slots=True, eq=False)
class Load:
    """Requests that came together. `refused` are those that the service will not have, each with its reason."""

    landed: Callable[[], None]
    left: int = 0
    refused: list[tuple[Entry, ServiceError]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, count: int) -> None:
        """Say that so many more are done with."""
        with self._lock:
            self.left -= count
            done = self.left == 0
        if done:
            self.landed()


@dataclass(slots=True, eq=False)
class Entry:
    """One request: the key it is about, its JSON, and the document it was made of."""

    key: Key
    request: bytes
    document: msgspec.Raw
    load: Load


class Lanes:
    """The lanes to one table, with a thread each. A context manager: at its end everything has landed, or it failed.

    `key_of` returns the key of a request that the service sent back; `failed` is called when a lane has failed.
    """

    def __init__(
        self,
        sender: Sender,
        key_of: Callable[[dict[str, Any]], Key],
        *,
        lanes: int,
        stop: threading.Event,
        failed: Callable[[], None],
    ) -> None:
        self._sender = sender
        self._key_of = key_of
        self._stop = stop
        self._failed = failed
        self._changed = threading.Condition()
        self._held = 0
        self._closed = False
        self._failures: list[BaseException] = []
        self._waiting: list[deque[Entry]] = [deque() for _ in range(lanes)]
        self._threads = [
            threading.Thread(target=self._guarded, args=(one,), name=f"lane-{number}")
            for number, one in enumerate(self._waiting)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.fail(error)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def put(self, entries: Sequence[Entry]) -> None:
        """Take requests over; waits while the lanes are full. Raises what a lane has failed with."""
        size = sum(len(entry.request) for entry in entries)
        lanes = len(self._waiting)
        with self._changed:
            while self._held and self._held + size > HELD_BYTES and not self._failures:
                self._changed.wait(WAKE_SECONDS)
            self.check()
            self._held += size
            for entry in entries:
                self._waiting[hash(entry.key) % lanes].append(entry)
            self._changed.notify_all()

    def check(self) -> None:
        """Raise what a lane has failed with, the first thing that was not an order to stop."""
        if self._failures:
            raise next((one for one in self._failures if not isinstance(one, Interrupted)), self._failures[0])

    def fail(self, error: BaseException) -> None:
        """End all lanes early."""
        with self._changed:
            self._failures.append(error)
            self._changed.notify_all()
        self._failed()

    def _guarded(self, waiting: deque[Entry]) -> None:
        try:
            self._run(waiting)
        except BaseException as error:  # noqa: BLE001 # it is raised by whoever brings more, and at the end
            self.fail(error)

    def _run(self, waiting: deque[Entry]) -> None:
        patience = Patience(self._sender.table, self._stop)
        while batch := self._next(waiting):
            left = self._send(batch)
            kept = set(map(id, left))
            done = [entry for entry in batch if id(entry) not in kept]
            if done:
                self._release(done)
                patience.renew()
            if left:
                waiting.extendleft(reversed(left))
                patience.wait()

    def _next(self, waiting: deque[Entry]) -> list[Entry]:
        """Return the next batch of a lane; empty when there is and will be none."""
        if not waiting:
            with self._changed:
                while not waiting and not self._closed and not self._failures:
                    self._changed.wait(WAKE_SECONDS)
        if self._failures or not waiting:
            return []
        if self._stop.is_set():
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")
        return _batch(waiting, self._sender.meter.items(MAX_BATCH_ITEMS))

    def _send(self, batch: list[Entry]) -> list[Entry]:
        """Send a batch once and return what is to be sent again. A batch with a refused item goes one by one."""
        try:
            left = self._sender.send([entry.request for entry in batch])
        except ServiceError as error:
            if error.code not in REFUSALS:
                raise
            if len(batch) > 1:
                return [again for entry in batch for again in self._send([entry])]
            batch[0].load.refused.append((batch[0], error))
            return []
        return batch if left is None else self._again(batch, left)

    def _again(self, batch: list[Entry], left: list[dict[str, Any]]) -> list[Entry]:
        if not left:
            return []
        keys = set(map(self._key_of, left))
        again = [entry for entry in batch if entry.key in keys]
        return again if len(again) == len(left) else batch  # a key that is told otherwise: all of them once more

    def _release(self, done: list[Entry]) -> None:
        with self._changed:
            self._held -= sum(len(entry.request) for entry in done)
            self._changed.notify_all()
        for load, count in Counter(entry.load for entry in done).items():
            load.take(count)


def _batch(waiting: deque[Entry], most: int) -> list[Entry]:
    """Take from the front of a lane what one call takes: by number, by bytes, and no key twice."""
    batch: list[Entry] = []
    keys: set[Key] = set()
    size = 0
    while waiting and len(batch) < most:
        entry = waiting[0]
        size += len(entry.request)
        if entry.key in keys or (batch and size > MAX_BATCH_BYTES):
            break
        keys.add(entry.key)
        batch.append(waiting.popleft())
    return batch
