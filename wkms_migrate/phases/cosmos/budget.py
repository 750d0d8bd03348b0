"""Request units per second that must not be exceeded, nor left unused; the rate may change while it is spent.

What a request costs is known only after it. So an expected cost is taken before, and corrected after; and requests are
kept small enough (`items`) that one of them is a small part of a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from wkms_migrate.errors import Interrupted

CREDIT_SECONDS: Final = 0.1  # what was not used in this time may be made up for
LUMP_SECONDS: Final = 0.1  # a request may cost as much as the rate gives in this time
WAKE_SECONDS: Final = 0.25  # how soon a waiting thread sees another rate
FIRST_COST: Final = 5.0  # units per item that are expected of the first request
LEARNING: Final = 0.3  # weight of the newest cost in what is expected

Rate = Callable[[], float | None]


class UnitBudget:
    """At most `rate()` units per second over all threads, None for no limit. Thread-safe."""

    def __init__(self, rate: Rate, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._stop = stop
        self._clock = clock
        self._lock = threading.Lock()
        self._balance = 0.0
        self._at = clock()
        self._cost = FIRST_COST
        self.spent = 0.0

    def items(self, most: int) -> int:
        """Return how many items to ask for at once."""
        rate = self._rate()
        return most if rate is None else max(1, min(most, int(rate * LUMP_SECONDS / self._cost)))

    def enter(self, items: int) -> float:
        """Wait until a request of so many items may be sent; return its expected cost, to be given to `settle`."""
        while True:
            with self._lock:
                rate = self._refilled()
                if rate is None:
                    return 0.0
                if self._balance >= 0:
                    expected = items * self._cost
                    self._balance -= expected
                    return expected
                wait = -self._balance / rate
            if self._stop.wait(min(wait, WAKE_SECONDS)):
                raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")

    def settle(self, expected: float, charge: float, items: int) -> None:
        """Put the true cost of a request in place of the expected one."""
        with self._lock:
            self._balance += expected - charge
            self.spent += charge
            if items:
                self._cost += LEARNING * (max(charge / items, 0.01) - self._cost)

    def spend(self, units: float) -> None:
        """Take off what a request has cost, and wait until it is paid back."""
        self.settle(0.0, units, 0)
        self.enter(0)

    def _refilled(self) -> float | None:
        now, rate = self._clock(), self._rate()
        if rate is not None:
            self._balance = min(rate * CREDIT_SECONDS, self._balance + (now - self._at) * rate)
        self._at = now
        return rate
