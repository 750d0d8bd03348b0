from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import orjson
import pytest

from wkms_migrate.clients import dynamodb_write
from wkms_migrate.clients.dynamodb import Batch
from wkms_migrate.clients.dynamodb_write import Sender, put_request
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.errors import Interrupted, TransientError
from wkms_migrate.phases.cosmos import lanes
from wkms_migrate.phases.cosmos.budget import UnitBudget
from wkms_migrate.phases.cosmos.lanes import Entry, Lanes, Load


class Table:
    """Takes what the dice leave of each batch, and holds it to the service's rules. Not thread-safe without its lock.

    Known gaps: no capacity, no indexes, no sizes of items.
    """

    def __init__(self, seed: int = 0, left: float = 0, throttled: float = 0, poison: str = "") -> None:
        self.dice = random.Random(seed)
        self.left, self.throttled, self.poison = left, throttled, poison
        self.items: dict[str, int] = {}
        self.batches: list[int] = []
        self.lock = threading.Lock()

    def write(self, table: str, requests: Sequence[bytes]) -> Batch:
        assert table == "t"
        with self.lock:
            self.batches.append(len(requests))
            if self.dice.random() < self.throttled:
                raise TransientError("throttled")
            decoded = [orjson.loads(request) for request in requests]
            keys = [one["PutRequest"]["Item"]["id"]["S"] for one in decoded]
            assert len(set(keys)) == len(keys) <= 25
            if self.poison in keys:
                raise ServiceError("no such item", status=400, code="ValidationException")
            left = [one for one in decoded if self.dice.random() < self.left]
            for one in decoded:
                if one not in left:
                    item = one["PutRequest"]["Item"]
                    self.items[item["id"]["S"]] = int(item["v"]["N"])
            return Batch(float(len(decoded) - len(left)), left)


def key_of(request: dict[str, Any]) -> tuple[str, ...]:
    return (request["PutRequest"]["Item"]["id"]["S"],)


@contextmanager
def opened(table: Table, count: int = 3, stop: threading.Event | None = None) -> Iterator[Lanes]:
    event = stop or threading.Event()
    sender = Sender(table, "t", lanes=count, meter=UnitBudget(lambda: None, event))  # type: ignore[arg-type]
    with Lanes(sender, key_of, lanes=count, stop=event, failed=lambda: None) as found:
        yield found


def load(landed: list[Load], ids: Sequence[str], value: int) -> list[Entry]:
    made: Load = Load(lambda: landed.append(made), left=len(ids))
    item = '{{"id":{{"S":"{}"}},"v":{{"N":"{}"}}}}'
    return [Entry((key,), put_request(item.format(key, value).encode()), msgspec.Raw(b"{}"), made) for key in ids]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_write, "FIRST_WAIT", 0.0001)
    monkeypatch.setattr(dynamodb_write, "LONGEST_WAIT", 0.001)


@pytest.mark.parametrize("seed", range(8))
def test_of_every_key_the_last_stays_whatever_is_left_or_throttled(seed: int) -> None:
    table = Table(seed, left=0.2, throttled=0.2)
    dice = random.Random(seed)
    landed: list[Load] = []
    last: dict[str, int] = {}
    with opened(table) as open_lanes:
        for value in range(120):
            ids = dice.sample([f"k{number}" for number in range(40)], dice.randint(1, 30))
            last |= dict.fromkeys(ids, value)
            open_lanes.put(load(landed, ids, value))
    assert table.items == last
    assert len(landed) == len(set(map(id, landed))) == 120
    open_lanes.check()


def test_a_refused_item_is_named_and_the_rest_goes_on() -> None:
    table = Table(poison="k7")
    landed: list[Load] = []
    with opened(table, 1) as open_lanes:
        open_lanes.put(load(landed, [f"k{number}" for number in range(60)], 1))
    (done,) = landed
    assert [entry.key for entry, _ in done.refused] == [("k7",)]
    assert done.refused[0][1].code == "ValidationException"
    assert len(table.items) == 59


def test_what_is_refused_for_another_reason_ends_the_copy() -> None:
    table = Table()

    def refuse(*_: object) -> Batch:
        raise ServiceError("no table", status=400, code="ResourceNotFoundException")

    table.write = refuse  # type: ignore[method-assign, assignment]
    landed: list[Load] = []
    with opened(table) as open_lanes:
        open_lanes.put(load(landed, ["a"], 1))
    with pytest.raises(ServiceError, match="no table"):
        open_lanes.check()
    assert landed == []


def test_batches_are_full_while_there_is_enough() -> None:
    table = Table()
    with opened(table, 1) as open_lanes:
        open_lanes.put(load([], [f"k{number}" for number in range(250)], 1))
    assert Counter(table.batches) == {25: 10}


def test_batches_are_cut_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_BATCH_BYTES", 500)
    table = Table()
    entries = load([], [f"k{number:02d}" for number in range(40)], 1)
    size = len(entries[0].request)
    with opened(table, 1) as open_lanes:
        open_lanes.put(entries)
    assert max(table.batches) == 500 // size
    assert len(table.items) == 40


def test_whoever_brings_more_than_fits_waits_until_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "HELD_BYTES", 1000)
    table = Table()
    go = threading.Event()
    write = table.write

    def held_up(name: str, requests: Sequence[bytes]) -> Batch:
        go.wait(10)
        return write(name, requests)

    table.write = held_up  # type: ignore[method-assign, assignment]
    landed: list[Load] = []
    with opened(table, 1) as open_lanes:
        open_lanes.put(load(landed, [f"a{number}" for number in range(25)], 1))
        second = threading.Thread(target=open_lanes.put, args=(load(landed, ["b"], 1),))
        second.start()
        second.join(0.2)
        assert second.is_alive()
        go.set()
        second.join(10)
        assert not second.is_alive()
    assert len(landed) == 2


def test_a_stop_is_obeyed_while_throttled() -> None:
    stop = threading.Event()
    table = Table(throttled=1)
    with opened(table, stop=stop) as open_lanes:
        open_lanes.put(load([], ["a"], 1))
        stop.set()
    with pytest.raises(Interrupted):
        open_lanes.check()


def test_throttled_for_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_write, "PATIENCE_SECONDS", 0.05)
    with opened(Table(throttled=1)) as open_lanes:
        open_lanes.put(load([], ["a"], 1))
    with pytest.raises(TransientError, match="took no item"):
        open_lanes.check()
