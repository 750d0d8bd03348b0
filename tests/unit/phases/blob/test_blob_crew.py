from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.errors import Interrupted
from wkms_migrate.phases.blob.crew import Memory, batches, each
from wkms_migrate.phases.blob.multipart import MOST_PARTS, part_size

MIB = 1 << 20


def never() -> None:
    pass


def test_every_item_is_worked_on_once():
    seen: list[int] = []
    each(range(500), seen.append, workers=8, check_stop=never)
    assert sorted(seen) == list(range(500))


def test_items_are_taken_only_when_somebody_is_free():
    taken: list[int] = []
    gate = threading.Event()

    def feed():
        for number in range(100):
            taken.append(number)
            if number == 4:
                gate.set()
            yield number

    held = threading.Event()

    def work(_item: int) -> None:
        assert gate.wait(10) or held.is_set()
        held.set()

    each(feed(), work, workers=5, check_stop=never)
    assert len(taken) == 100


def test_the_first_failure_ends_the_rest_and_is_raised():
    seen: list[int] = []

    def work(item: int) -> None:
        seen.append(item)
        if item == 3:
            raise ValueError("three")

    with pytest.raises(ValueError, match="three"):
        each(range(10_000), work, workers=2, check_stop=never)
    assert len(seen) < 10_000


def test_a_stop_ends_every_worker():
    seen: list[int] = []

    def check() -> None:
        if len(seen) >= 10:
            raise Interrupted("stop")

    with pytest.raises(Interrupted):
        each(range(10_000), seen.append, workers=4, check_stop=check)
    assert len(seen) < 20


def test_memory_waits_for_room_and_one_buffer_always_fits():
    memory = Memory(10)
    first = memory.take(8, never)
    got: list[int] = []
    other = threading.Thread(target=lambda: got.append(len(memory.take(5, never).buffer)))
    other.start()
    other.join(0.2)
    assert got == []
    first.close()
    other.join(10)
    assert got == [5]
    assert len(Memory(1).take(100, never).buffer) == 100


@given(size=st.integers(0, 1000), step=st.integers(1, 100))
def test_parts_cover_everything_once(size, step):
    found = list(batches(size, step))
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    assert [offset for _, offset, _ in found] == [sum(length for _, _, length in found[:i]) for i in range(len(found))]
    assert sum(length for _, _, length in found) == size


@given(size=st.integers(1, 50_000_000_000_000))
def test_parts_are_at_most_ten_thousand(size):
    step = part_size(size, 16 * MIB)
    assert step >= 16 * MIB
    assert -(-size // step) <= MOST_PARTS
