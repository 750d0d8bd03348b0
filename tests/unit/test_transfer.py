from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest

from wkms_migrate import transfer
from wkms_migrate.errors import Interrupted, WkmsError
from wkms_migrate.events import Json
from wkms_migrate.transfer import Batch, Budget, Window


@dataclass(slots=True)
class Shelf:
    """A source of numbered batches per part, and a target that keeps what landed in order."""

    size: int = 5
    landed: dict[str, list[int]] = field(default_factory=dict)
    saved: dict[str, Json] = field(default_factory=dict)
    read_up_to: dict[str, int] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)

    def read(self, part: str, cursor: Json | None) -> Generator[Batch[int]]:
        try:
            for number in range((cursor or 0) + 1, self.size + 1):
                self.read_up_to[part] = number
                yield Batch(records=[number], cursor=number)
        finally:
            self.closed.append(part)

    def land(self, part: str, batch: Batch[int]) -> None:
        self.landed.setdefault(part, []).extend(batch.records)
        self.saved[part] = batch.cursor

    def copy(self, *parts: str, workers: int = 2, check_stop=lambda: None) -> None:
        transfer.copy(parts, self.read, self.land, cursors=dict(self.saved), workers=workers, check_stop=check_stop)


def test_every_part_lands_whole_and_in_order() -> None:
    shelf = Shelf()
    shelf.copy("a", "b", "c")
    assert shelf.landed == {part: [1, 2, 3, 4, 5] for part in "abc"}
    assert sorted(shelf.closed) == ["a", "b", "c"]


def test_it_goes_on_after_the_saved_cursor() -> None:
    shelf = Shelf(saved={"a": 3, "b": 5})
    shelf.copy("a", "b")
    assert shelf.landed == {"a": [4, 5]}


def test_a_failure_to_land_stops_all_parts_and_leaves_the_cursor_behind() -> None:
    shelf = Shelf(size=1000)

    def land(part: str, batch: Batch[int]) -> None:
        if part == "a" and batch.cursor == 3:
            raise WkmsError("broken")
        shelf.land(part, batch)

    with pytest.raises(WkmsError, match="broken"):
        transfer.copy(["a", "b"], shelf.read, land, cursors={}, workers=2, check_stop=lambda: None)
    assert shelf.saved["a"] == 2
    assert len(shelf.landed.get("b", [])) < 1000
    assert sorted(shelf.closed) == ["a", "b"]


def test_no_more_than_one_batch_is_read_ahead() -> None:
    shelf = Shelf(size=50)
    ahead: list[int] = []

    def land(part: str, batch: Batch[int]) -> None:
        shelf.land(part, batch)
        ahead.append(shelf.read_up_to[part] - batch.cursor)

    transfer.copy(["a"], shelf.read, land, cursors={}, workers=4, check_stop=lambda: None)
    assert max(ahead) <= 1


def test_the_next_batch_is_read_while_one_lands() -> None:
    second_read = threading.Event()

    def read(_part: str, _cursor: Json | None) -> Generator[Batch[int]]:
        yield Batch(records=[1], cursor=1)
        second_read.set()
        yield Batch(records=[2], cursor=2)

    def land(_part: str, _batch: Batch[int]) -> None:
        assert second_read.wait(10)

    transfer.copy(["a"], read, land, cursors={}, workers=1, check_stop=lambda: None)


def test_a_source_that_stands_still_is_an_error() -> None:
    def read(_part: str, _cursor: Json | None) -> Generator[Batch[int]]:
        while True:
            yield Batch(records=[1], cursor="here")

    with pytest.raises(WkmsError, match="stands still"):
        transfer.copy(["a"], read, lambda _part, _batch: None, cursors={}, workers=1, check_stop=lambda: None)


def test_a_stop_is_seen_between_batches_and_a_real_failure_wins_over_it() -> None:
    shelf = Shelf(size=1000)

    def stop() -> None:
        if len(shelf.landed.get("a", [])) >= 3:
            raise Interrupted("stop")

    with pytest.raises(Interrupted):
        shelf.copy("a", check_stop=stop)
    assert shelf.saved["a"] == 3


@dataclass(slots=True)
class Clock:
    """A clock that moves only when someone waits."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False


def test_a_budget_holds_its_rate() -> None:
    clock = Clock()
    budget = Budget(100, clock, clock)  # type: ignore[arg-type]
    for _ in range(50):
        budget.spend(30)
    assert 50 * 30 - 100 - 30 <= clock.now * 100 <= 50 * 30


def test_a_budget_saves_up_one_second_at_most() -> None:
    clock = Clock(now=1000)
    budget = Budget(10, clock, clock)  # type: ignore[arg-type]
    clock.now = 2000
    budget.spend(10)
    assert clock.waits == []
    budget.spend(10)
    assert clock.waits == [pytest.approx(1)]


def test_without_a_rate_nobody_waits() -> None:
    stop = threading.Event()
    stop.set()
    Budget(None, stop).spend(1e9)


def test_a_stop_ends_a_wait() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        Budget(1, stop).spend(100)


def test_a_window_halves_on_throttling_and_grows_again_to_its_limit() -> None:
    window = Window(8)
    with window.slot() as throttled:
        throttled()
    assert window.limit == 4
    for _ in range(10):
        with window.slot() as throttled:
            throttled()
    assert window.limit == 1
    for _ in range(200):
        with window.slot():
            pass
    assert window.limit == 8


def test_a_window_lets_no_more_in_than_its_limit() -> None:
    window = Window(3)
    inside = 0
    most = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with window.slot():
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 3
