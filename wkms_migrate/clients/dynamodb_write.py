"""Batched writes to a DynamoDB table: kept to a budget, fewer at a time when throttled, until every one is taken.

UnprocessedItems is no error: the service took part of a batch, and the rest is to be sent again after a wait.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from wkms_migrate.clients.dynamodb import Dynamo, Item
from wkms_migrate.clients.request_window import Window
from wkms_migrate.errors import Interrupted, TransientError

MAX_BATCH_ITEMS: Final = 25
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024  # of JSON; the service takes 16 MB
FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 10.0
PATIENCE_SECONDS: Final = 600.0  # without a single item taken


class Meter(Protocol):
    """Capacity units per second that must not be exceeded; see phases/cosmos/budget.py."""

    def items(self, most: int) -> int:
        """Return how many items to send at once."""

    def enter(self, items: int) -> float:
        """Wait until so many items may be sent; return their expected cost."""

    def settle(self, expected: float, charge: float, items: int) -> None:
        """Put the true cost in place of the expected one."""


@dataclass(slots=True)
class Patience:
    """The waits of one sender: longer while nothing is taken, with full jitter, and not for ever."""

    table: str
    stop: threading.Event
    tries: int = 0
    since: float = 0.0  # when nothing was taken for the first time

    def renew(self) -> None:
        """Say that something was taken."""
        self.tries = 0

    def wait(self) -> None:
        """Wait before the next try. Raises `TransientError` when nothing was taken for too long."""
        if self.tries == 0:
            self.since = time.monotonic()
        if time.monotonic() - self.since > PATIENCE_SECONDS:
            raise TransientError(
                f"DynamoDB took no item of a batch for {self.table} in {PATIENCE_SECONDS:.0f} s.",
                hint="Raise the table's write capacity or lower phases.cosmos.wcu_budget; then run again to go on.",
            )
        if self.stop.wait(random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**self.tries))):
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")
        self.tries += 1


class Sender:
    """Sends batches to one table, a window of them at a time. Thread-safe."""

    def __init__(self, dynamo: Dynamo, table: str, *, lanes: int, meter: Meter) -> None:
        self.table = table
        self.meter = meter
        self._dynamo = dynamo
        self._window = Window(lanes)

    def send(self, requests: Sequence[bytes]) -> list[dict[str, Any]] | None:
        """Send a batch once. Returns the requests that were not taken, or None when none was.

        Raises `ServiceError` when the service refuses the batch for good.
        """
        expected = self.meter.enter(len(requests))
        taken, units = 0, 0.0
        try:
            with self._window.slot() as throttled:
                try:
                    batch = self._dynamo.write(self.table, requests)
                except TransientError:
                    throttled()
                    return None
                taken, units = len(requests) - len(batch.left), batch.units
                if batch.left:
                    throttled()
                return batch.left
        finally:
            self.meter.settle(expected, units, taken)


class Writer:
    """Writes to one table in batches, several at a time, and returns when the service has taken every one."""

    def __init__(self, dynamo: Dynamo, table: str, *, workers: int, meter: Meter, stop: threading.Event) -> None:
        self._sender = Sender(dynamo, table, lanes=workers, meter=meter)
        self._stop = stop
        self._pool = ThreadPoolExecutor(workers, "write")

    def close(self) -> None:
        """End the writing threads."""
        self._pool.shutdown()

    def put(self, items: Iterable[bytes]) -> None:
        """Put items, each as JSON of its attributes, of different keys; return when all have landed."""
        self._write(map(put_request, items))

    def delete(self, keys: Iterable[Item]) -> None:
        """Delete items by their keys; return when all are gone."""
        self._write(map(delete_request, keys))

    def _write(self, requests: Iterable[bytes]) -> None:
        running = [self._pool.submit(self._batch, batch) for batch in batches(requests)]
        failures = [error for one in running if (error := one.exception()) is not None]
        if failures:
            raise failures[0]

    def _batch(self, requests: list[bytes]) -> None:
        patience = Patience(self._sender.table, self._stop)
        while requests:
            left = self._sender.send(requests)
            if left is not None and len(left) < len(requests):
                patience.renew()
                requests = [orjson.dumps(one) for one in left]
            if requests:
                patience.wait()


def put_request(item: bytes) -> bytes:
    """Return the request that puts an item, given as JSON of its attributes."""
    return b'{"PutRequest":{"Item":%b}}' % item


def delete_request(key: Item) -> bytes:
    """Return the request that deletes the item of a key."""
    return b'{"DeleteRequest":{"Key":%b}}' % orjson.dumps(key)


def batches(requests: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut requests into what one call takes, by number and by bytes."""
    batch: list[bytes] = []
    size = 0
    for request in requests:
        if batch and (len(batch) == MAX_BATCH_ITEMS or size + len(request) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(request)
        size += len(request)
    if batch:
        yield batch
