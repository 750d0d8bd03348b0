"""Throughput as a provisioned table has it: a bucket of write units that refills, and what was taken when."""

from __future__ import annotations

import time
from collections import deque


class Bucket:
    """Takes units while there are some; `rate` units a second come in, up to `burst` seconds' worth. None: no limit."""

    def __init__(self, rate: float | None, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self.taken: deque[tuple[float, float]] = deque()
        self._left = (rate or 0.0) * burst
        self._at = time.monotonic()

    def take(self, units: float) -> bool:
        """Say whether there is something left, and take the units if so; the last one to take may overdraw."""
        now = time.monotonic()
        if self.rate is not None:
            self._left = min(self.rate * self.burst, self._left + (now - self._at) * self.rate)
            self._at = now
            if self._left <= 0:
                return False
            self._left -= units
        self.taken.append((now, units))
        return True

    def rates(self, seconds: float) -> tuple[float, float]:
        """Return the least and the most units per second over any stretch of so many seconds within all that was taken.

        The first and the last second are left out.
        """
        samples = list(self.taken)
        if not samples:
            return 0.0, 0.0
        first, last = samples[0][0] + 1, samples[-1][0] - 1
        starts = [at for at, _ in samples if first <= at <= last - seconds]
        found = [sum(units for at, units in samples if start <= at < start + seconds) / seconds for start in starts]
        return (min(found), max(found)) if found else (0.0, 0.0)
