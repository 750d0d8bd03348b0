"""How many transfers go on at once: more while it pays, fewer when it does not or when a service says that it is busy.

What is best depends on distance, sizes, this machine and both services, and changes while a copy runs. So it is
measured: goodput over short windows, as hill climbing does, with latency as the second judge.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

START: Final = 32
WINDOW_SECONDS: Final = 0.25  # and at least one transfer for each that may be under way
SETTLING: Final = 3  # times the latency of a transfer: the first under a new limit open connections, which slows all
LONGEST_WINDOW_SECONDS: Final = 2.0
REQUEST_BYTES: Final = 64 << 10  # what a transfer is worth besides its bytes, so that small objects count
PAYS: Final = 0.1  # a step up is kept when it brings this share of what it could bring
HARMLESS: Final = 0.95  # a step down is kept when it leaves this share of the goodput
SLOWER: Final = 1.5  # latency against the best seen, from which on the next trial is downwards
TOLERATED: Final = 0.02  # share of throttled answers that is no sign of overload
REST_WINDOWS: Final = 8  # between two trials, once the best is about found
DOUBLING, STEP = 2.0, 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was seen in some time: transfers that ended, their bytes, their mean seconds, throttled answers."""

    seconds: float
    transfers: int
    bytes: int
    latency: float
    throttled: int = 0

    @property
    def goodput(self) -> float:
        """Bytes a second, with a fixed worth for each transfer."""
        return (self.bytes + self.transfers * REQUEST_BYTES) / self.seconds


class Controller:
    """Decides from one window to the next. Pure: knows no clock and no thread."""

    def __init__(self, most: int, start: int = START) -> None:
        self.limit = min(start, most)
        self._most = most
        self._factor = DOUBLING
        self._known: tuple[int, float] | None = None  # a limit and its goodput, to compare a trial with
        self._rest = 0
        self._down_next = False
        self._best_latency = float("inf")

    def observe(self, window: Window) -> int:
        """Take in a window and return how many transfers may be under way in the next one."""
        share = window.throttled / max(1, window.transfers + window.throttled)
        if share > TOLERATED:
            return self._back_off(share)
        self._best_latency = min(self._best_latency, window.latency)
        if self._known is None or self.limit == self._known[0]:
            return self._settled(window)
        return self._judged(window, *self._known)

    def _back_off(self, share: float) -> int:
        self.limit = max(1, int(self.limit * (1 - min(0.5, 2 * share))))
        self._known, self._factor, self._rest, self._down_next = None, STEP, REST_WINDOWS, False
        return self.limit

    def _settled(self, window: Window) -> int:
        """Remember the goodput of the present limit, and begin a trial when it is time."""
        before = self._known[1] if self._known else window.goodput
        self._known = (self.limit, (before + window.goodput) / 2)
        if self._rest:
            self._rest -= 1
            return self.limit
        down = self._down_next or window.latency > SLOWER * self._best_latency
        return self._try(1 / STEP if down and self._factor == STEP else self._factor)

    def _judged(self, window: Window, limit: int, goodput: float) -> int:
        """Keep the trial or go back to what was before it."""
        if self.limit > limit:
            kept = window.goodput >= goodput * (1 + PAYS * (self.limit / limit - 1))
        else:
            kept = window.goodput >= goodput * HARMLESS
        upwards, doubled = self.limit > limit, self._factor == DOUBLING
        if not kept:
            self.limit, self._factor = limit, STEP
        else:
            self._known = (self.limit, window.goodput)
        if kept and upwards:
            return self._try(self._factor)
        small_step_next = doubled and upwards
        self._rest, self._down_next = (0, False) if small_step_next else (REST_WINDOWS, upwards)
        return self.limit

    def _try(self, factor: float) -> int:
        wished = self.limit * factor
        self.limit = min(self._most, max(self.limit + 1, int(wished))) if factor > 1 else max(1, int(wished))
        self._rest = REST_WINDOWS  # for when there is no room to try
        return self.limit


class Limiter:
    """Measures what ends, and keeps the limit. Thread-safe."""

    def __init__(self, most: int, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._controller = Controller(most)
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None  # a window begins when the first transfer ends that was begun in it
        self._changed = -float("inf")  # from when on what is begun counts
        self._clear()

    @property
    def limit(self) -> int:
        """How many transfers may be under way now."""
        return self._controller.limit

    def begin_anew(self) -> None:
        """Forget what was found, as transfers of another kind follow."""
        with self._lock:
            self._controller = Controller(self._most)
            self._settle()

    def throttled(self) -> None:
        """Note that a service answered that it is busy (429, 503)."""
        with self._lock:
            self._throttled += 1

    def ended(self, size: int, seconds: float) -> None:
        """Note that a transfer of `size` bytes ended, `seconds` after it began.

        One that was begun before a new limit had settled says nothing of it.
        """
        with self._lock:
            now = self._clock()
            if now - seconds < self._changed:
                return
            if self._since is None:
                self._since = now
                return
            self._transfers += 1
            self._bytes += size
            self._busy += seconds
            passed = now - self._since
            full = passed >= WINDOW_SECONDS and self._transfers >= self._controller.limit
            if full or passed >= LONGEST_WINDOW_SECONDS:
                self._observe(passed)

    def _observe(self, seconds: float) -> None:
        window = Window(
            seconds=seconds,
            transfers=self._transfers,
            bytes=self._bytes,
            latency=self._busy / self._transfers,
            throttled=self._throttled,
        )
        before = self._controller.limit
        after = self._controller.observe(window)
        if after != before:
            busy = f", {window.throttled} throttled answers" if window.throttled else ""
            self._tell(
                f"{after} transfers at once after {before}: {window.transfers / seconds:,.0f} a second, "
                f"{window.bytes / seconds / (1 << 20):,.1f} MiB/s, {window.latency * 1000:,.0f} ms each{busy}"
            )
            self._settle(SETTLING * window.latency)
        else:
            self._since = self._clock()
            self._clear()

    def _settle(self, seconds: float = 0.0) -> None:
        """Begin the next window when what is under way and the first transfers after it are over."""
        self._changed, self._since = self._clock() + min(seconds, LONGEST_WINDOW_SECONDS), None
        self._clear()

    def _clear(self) -> None:
        self._transfers = self._bytes = self._throttled = 0
        self._busy = 0.0
