"""The controller finds what is best against simulated services, near, far, busy and changing."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.phases.blob.concurrency import START, WINDOW_SECONDS, Controller, Limiter, Window

MOST = 256


@dataclass
class Service:
    """A path that does at most `capacity` transfers a second, each of `round_trips` seconds when it is idle."""

    round_trips: float
    capacity: float
    failing: float = 0.0  # share of answers that say busy, whatever the load
    refusing: float = float("inf")  # from so many transfers a second on it says busy
    noise: float = 0.03

    def rate(self, limit: int) -> float:
        crowd = 1 + max(0, limit - self.capacity * max(self.round_trips, 0.002)) / 2000  # threads in each other's way
        return min(limit / max(self.round_trips, 0.001), self.capacity / crowd)

    def seen(self, limit: int, dice: random.Random) -> Window:
        rate = self.rate(limit) * dice.uniform(1 - self.noise, 1 + self.noise)
        latency = limit / rate
        seconds = max(WINDOW_SECONDS, latency)
        offered = rate * seconds
        refused = offered * self.failing + max(0.0, rate - self.refusing) * seconds
        return Window(
            seconds=seconds,
            transfers=max(1, int(offered - refused)),
            bytes=int(offered - refused) * 10_240,
            latency=latency,
            throttled=int(refused),
        )


def run(service: Service, seconds: float, controller: Controller, seed: int = 1) -> list[tuple[float, int]]:
    """Return (time, limit) of every window."""
    dice, now, path = random.Random(seed), 0.0, []
    while now < seconds:
        window = service.seen(controller.limit, dice)
        now += window.seconds
        path.append((now, controller.limit))
        controller.observe(window)
    return path


def goodput(service: Service, path: list[tuple[float, int]]) -> float:
    return sum(service.rate(limit) for _, limit in path) / len(path)


@pytest.mark.parametrize("failing", [0.0, 0.01])
@pytest.mark.parametrize("round_trips", [0.0, 0.08, 0.2])
@pytest.mark.parametrize("capacity", [400.0, 1200.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_comes_within_a_tenth_of_the_best_in_five_seconds(round_trips, capacity, failing, seed):
    service = Service(round_trips, capacity, failing)
    best = max(service.rate(limit) for limit in range(1, MOST + 1))
    path = run(service, 30, Controller(MOST), seed)
    later = [one for one in path if one[0] >= 5]
    assert goodput(service, later) >= 0.9 * best


def test_takes_no_more_than_it_needs():
    path = run(Service(0.002, 500), 60, Controller(MOST))
    assert path[-1][1] <= 32


def test_gives_way_to_a_busy_service_and_comes_back():
    controller = Controller(MOST)
    run(Service(0.08, 2000), 10, controller)
    high = controller.limit
    run(Service(0.08, 2000, failing=0.3), 3, controller)
    low = controller.limit
    assert low <= high / 4
    run(Service(0.08, 2000), 60, controller)
    assert controller.limit >= high / 2


def test_stays_below_a_rate_that_is_refused():
    service = Service(0.08, 5000, refusing=500)
    path = run(service, 60, Controller(MOST))
    later = [limit for now, limit in path if now > 20]
    assert sum(service.rate(limit) for limit in later) / len(later) <= 1.3 * 500
    assert sum(service.rate(limit) for limit in later) / len(later) >= 0.6 * 500


@given(
    st.integers(1, 256),
    st.lists(
        st.builds(
            Window,
            seconds=st.floats(0.001, 10),
            transfers=st.integers(1, 10_000),
            bytes=st.integers(0, 1 << 40),
            latency=st.floats(0.0001, 100),
            throttled=st.integers(0, 1000),
        ),
        max_size=60,
    ),
)
def test_never_leaves_its_bounds(most, windows):
    controller = Controller(most)
    assert all(1 <= controller.observe(window) <= most for window in windows)


def clocked(times: list[float]) -> Callable[[], float]:
    return lambda: times[0]


def test_a_window_is_of_some_time_and_at_least_one_round():
    now, told = [0.0], []
    limiter = Limiter(MOST, told.append, clocked(now))
    now[0] = 100.0
    for _ in range(START):
        limiter.ended(1000, 0.01)
    assert told == []
    now[0] += WINDOW_SECONDS
    limiter.ended(1000, 0.01)
    assert len(told) == 1
    assert limiter.limit == 2 * START
    assert f"{2 * START} transfers at once after {START}" in told[0]


def test_throttled_answers_are_told_and_heeded():
    now, told = [0.0], []
    limiter = Limiter(MOST, told.append, clocked(now))
    for _ in range(START):
        limiter.throttled()
    limiter.ended(1000, 0.01)
    now[0] = 3.0
    limiter.ended(1000, 0.01)
    assert limiter.limit < START
    assert f"{START} throttled answers" in told[0]


def transferred(
    limiter: Limiter, now: list[float], *, seconds: float, each: float, opening: float, capacity: float
) -> int:
    """Let transfers of `each` seconds end until then; each slot's first takes `opening` more. Return how many did."""
    slots: list[tuple[float, float]] = []  # when what is under way ends, and when it began
    opened, free, total = 0, 0.0, 0
    while now[0] < seconds:
        while len(slots) < limiter.limit:
            free = max(free, now[0]) + 1 / capacity
            new = len(slots) >= opened
            opened += new
            heapq.heappush(slots, (free + each + opening * new, now[0]))
        now[0], began = heapq.heappop(slots)
        total += 1
        limiter.ended(10_240, now[0] - began)
    return total


def test_what_it_takes_to_widen_is_not_taken_for_what_a_limit_brings():
    """New transfers open connections first and end late: a window that counted that would see no gain in them."""
    now = [0.0]
    limiter = Limiter(MOST, lambda _: None, clocked(now))
    transferred(limiter, now, seconds=3.0, each=0.12, opening=0.1, capacity=900)
    assert limiter.limit >= 0.9 * 900 * 0.12


def test_transfers_of_another_kind_are_measured_anew():
    """The goodput of large ones is out of reach for small ones: no step up would seem to pay."""
    now = [0.0]
    limiter = Limiter(MOST, lambda _: None, clocked(now))

    def ends(size, count):
        now[0] += 0.2
        for _ in range(count + 1):
            limiter.ended(size, 0.1)
        now[0] += 1.0
        limiter.ended(size, 0.1)

    ends(64 << 20, 2 * START)
    limiter.begin_anew()
    assert limiter.limit == START
    ends(1000, START)
    assert limiter.limit == 2 * START
