from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.errors import Interrupted
from wkms_migrate.phases.blob import crew
from wkms_migrate.phases.blob.concurrency import Limiter
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


def test_large_buffers_are_used_again_and_none_is_kept_beside_a_new_one():
    memory = Memory(8 * MIB)
    with memory.take(4 * MIB, never) as lease:
        first = id(lease.buffer)
    with memory.take(4 * MIB, never) as lease:
        assert id(lease.buffer) == first
    with memory.take(2 * MIB, never) as lease:
        assert len(lease.buffer) == 2 * MIB
        spare = memory._spare
        assert spare == []


def test_no_more_buffers_are_in_use_than_the_limiter_allows():
    limiter = Limiter(2, lambda _text: None)
    memory = Memory(1 << 30, limiter)
    held = [memory.take(1, never) for _ in range(2)]
    got = threading.Event()
    other = threading.Thread(target=lambda: (memory.take(1, never), got.set()))
    other.start()
    assert not got.wait(0.2)
    held[0].close()
    assert got.wait(10)
    other.join()


def test_nobody_is_woken_who_could_only_wait_again(monkeypatch):
    monkeypatch.setattr(crew, "WAKE_SECONDS", 60)
    memory = Memory(1 << 30, Limiter(1, lambda _text: None))
    first, looked = memory.take(1, never), threading.Semaphore(0)
    taken, done = threading.Event(), threading.Event()

    def use() -> None:
        with memory.take(1, looked.release):
            taken.set()
            done.wait(10)

    others = [threading.Thread(target=use) for _ in range(4)]
    for one in others:
        one.start()
        assert looked.acquire(timeout=10)
    first.close()
    assert taken.wait(10)
    assert not looked.acquire(timeout=0.2)
    done.set()
    for one in others:
        one.join(10)
        assert not one.is_alive()


def test_threads_begin_as_the_limiter_allows_them():
    limiter = Limiter(3, lambda _text: None)
    together = threading.Barrier(3, timeout=10)
    each(range(3), lambda _item: together.wait() and None, workers=8, check_stop=never, limiter=limiter)
    names: set[str] = set()
    each(
        range(300),
        lambda _item: names.add(threading.current_thread().name),
        workers=8,
        check_stop=never,
        limiter=limiter,
    )
    assert len(names) <= 3


def test_threads_leave_when_fewer_are_allowed_and_come_back():
    allowed = SimpleNamespace(limit=6)
    lock, most, at_work, done = threading.Lock(), 0, 0, 0
    met: dict[int, int] = {}
    together = threading.Barrier(6, timeout=10)

    def work(item: int) -> None:
        nonlocal most, at_work, done
        with lock:
            at_work += 1
            most = max(most, at_work)
        if item < 6 or item >= 306:
            together.wait()  # so many are there again
        with lock:
            done += 1
            at_work -= 1
            if done in {6, 200, 300}:
                met[done], most = most, 0
                allowed.limit = {6: 2, 200: 2, 300: 6}[done]

    each(range(312), work, workers=8, check_stop=never, limiter=allowed)
    assert done == 312
    assert (met[6], met[300] <= 2) == (6, True)


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
