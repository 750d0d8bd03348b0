from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.errors import Interrupted
from wkms_migrate.phases.cosmos.budget import CREDIT_SECONDS, LUMP_SECONDS, UnitBudget


class Time(threading.Event):
    """A clock that waiting moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += max(timeout or 0.0, 1e-6)
        return self.is_set()


def spend(budget: UnitBudget, time: Time, cost: float, seconds: float) -> list[tuple[float, float]]:
    """Send requests one after the other for so long; return when each was sent and what it cost."""
    sent = []
    while time.now < seconds:
        items = budget.items(1000)
        expected = budget.enter(items)
        sent.append((time.now, items * cost))
        budget.settle(expected, items * cost, items)
    return sent


@settings(deadline=None, max_examples=40)
@given(cost=st.floats(0.05, 40), rate=st.floats(50, 20_000))
def test_the_rate_is_kept_over_any_ten_seconds(cost: float, rate: float) -> None:
    time = Time()
    sent = [one for one in spend(UnitBudget(lambda: rate, time, time), time, cost, 25) if one[0] > 3]
    lump = max(cost, rate * LUMP_SECONDS)
    for start in range(4, 14):
        used = sum(units for at, units in sent if start <= at < start + 10)
        assert rate * 10 - 2 * lump <= used <= rate * (10 + CREDIT_SECONDS) + 2 * lump


def test_without_a_limit_nothing_waits() -> None:
    time = Time()
    budget = UnitBudget(lambda: None, time, time)
    assert budget.items(700) == 700
    assert budget.enter(700) == 0
    assert time.now == 0


def test_another_rate_holds_at_once() -> None:
    time = Time()
    rate = 100.0
    budget = UnitBudget(lambda: rate, time, time)
    spend(budget, time, 1, 10)
    rate = 1000.0
    sent = spend(budget, time, 1, 20)
    assert sum(units for _, units in sent) == pytest.approx(10_000, rel=0.05)


def test_an_order_to_stop_ends_the_wait() -> None:
    time = Time()
    budget = UnitBudget(lambda: 1.0, time, time)
    budget.enter(1000)
    time.set()
    with pytest.raises(Interrupted):
        budget.enter(1)
