"""Kindness to the source: a rate for all workers together, and fewer workers while the server is busy or lags.

The number of workers follows the rule that congestion control follows: halved while a gauge is over its limit, one more
at a time when all are below. One always goes on, so that a copy from a server that is never quiet still ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session, SqlError, SqlTransientError
from wkms_migrate.errors import Refused, WkmsError
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun

POLL_SECONDS = 1.0
WAKE_SECONDS = 0.2  # how soon a waiting worker notices that the step is to stop
CREDIT_SECONDS = 0.25  # what was not used in this time may be made up for
SYNTAX_ERROR = 1064


class Rate:
    """At most `per_second` bytes a second over all threads, None for no limit."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._lock = threading.Lock()
        self._paid_until = time.monotonic()

    def reserve(self, size: int) -> float:
        """Take `size` bytes and return for how many seconds the caller must wait before it goes on."""
        if self._per_second is None:
            return 0.0
        with self._lock:
            now = time.monotonic()
            begin = max(self._paid_until, now - CREDIT_SECONDS)
            self._paid_until = begin + size / self._per_second
            return max(0.0, self._paid_until - now)


class Gate:
    """Lets so many workers in at a time; the number may change while they work."""

    def __init__(self, allowed: int) -> None:
        self.most = allowed
        self.allowed = allowed
        self.active = 0
        self._changed = threading.Condition()

    def narrow(self) -> None:
        """Halve the number, down to one."""
        self._set(max(1, self.allowed // 2))

    def widen(self) -> None:
        """Let one more in, up to the number at the beginning."""
        self._set(min(self.most, self.allowed + 1))

    def _set(self, allowed: int) -> None:
        with self._changed:
            self.allowed = allowed
            self._changed.notify_all()

    @contextmanager
    def turn(self, check: Callable[[], None]) -> Iterator[None]:
        """Wait for a place and keep it; `check` is called while waiting and may raise."""
        with self._changed:
            while self.active >= self.allowed:
                self._changed.wait(WAKE_SECONDS)
                check()
            self.active += 1
        try:
            yield
        finally:
            with self._changed:
                self.active -= 1
                self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that the server tells and that must not be above its limit."""

    name: str
    limit: float
    read: Callable[[Session], float]


class Throttle:
    """What workers call: `turn` around each chunk, `spend` for each block of bytes read from the source."""

    def __init__(self, run: StepRun, rate: Rate, gate: Gate) -> None:
        self._run = run
        self._rate = rate
        self._gate = gate
        self._broken: WkmsError | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more worker may read, and be that worker. Raises `Interrupted` when the step is to stop."""
        with self._gate.turn(self._check):
            yield

    def spend(self, size: int) -> None:
        """Wait as long as `size` bytes take at the rate. Raises `Interrupted` when the step is to stop."""
        self._check()
        if wait := self._rate.reserve(size):
            self._run.stopping.wait(wait)
            self._check()

    def _check(self) -> None:
        self._run.check_stop()
        if self._broken is not None:
            raise self._broken

    def watch(self, connect: Callable[[], Session], gauges: list[Gauge], ended: threading.Event) -> None:
        """Read the gauges each second until `ended`. What cannot pass is raised in the workers."""
        session: Session | None = None
        while not ended.wait(POLL_SECONDS):
            try:
                session = session if session and session.open else connect()
                self.adapt([reading for gauge in gauges if (reading := _over(session, gauge))])
            except SqlTransientError as error:
                self._run.log(f"throttle: the source does not answer, {self._gate.allowed} workers stay: {error}")
            except WkmsError as error:
                self._broken = error
                break
        if session:
            session.close()

    def adapt(self, over: list[str]) -> None:
        """Change the number of workers by one reading of the gauges; `over` names those above their limit."""
        before = self._gate.allowed
        if over:
            self._gate.narrow()
        else:
            self._gate.widen()
        if self._gate.allowed != before:
            why = "; ".join(over) or "the source has room again"
            self._run.log(f"throttle: {self._gate.allowed} of {self._gate.most} workers may read: {why}")


@contextmanager
def throttled(
    run: StepRun, settings: MysqlSettings, workers: int, connect: Callable[[], Session]
) -> Iterator[Throttle]:
    """Keep the workers of a step to what the settings allow; watches the server on a connection of its own.

    Raises `Refused` at once when a gauge that is asked for cannot be read.
    """
    rate = Rate(settings.max_rate_mib and settings.max_rate_mib * (1 << 20))
    throttle = Throttle(run, rate, Gate(workers))
    gauges = _gauges(settings)
    if not gauges:
        yield throttle
        return
    with connect() as session:
        throttle.adapt([reading for gauge in gauges if (reading := _over(session, gauge))])
    ended = threading.Event()
    watcher = threading.Thread(target=throttle.watch, args=(connect, gauges, ended), name=f"{run.step.id} throttle")
    watcher.start()
    try:
        yield throttle
    finally:
        ended.set()
        watcher.join()


def _gauges(settings: MysqlSettings) -> list[Gauge]:
    found = []
    if settings.max_threads_running is not None:
        found.append(Gauge("Threads_running", settings.max_threads_running, threads_running))
    if settings.max_replica_lag_seconds is not None:
        found.append(Gauge("replica lag in seconds", settings.max_replica_lag_seconds, replica_lag))
    return found


def _over(session: Session, gauge: Gauge) -> str:
    try:
        value = gauge.read(session)
    except SqlError as error:
        raise Refused(
            f"The throttle cannot read the {gauge.name} of the source: {error.message}",
            hint="Grant what the message names to azure.mysql.user, or take the limit out of phases.mysql.",
        ) from error
    return f"{gauge.name} is {value:g}, the limit {gauge.limit:g}" if value > gauge.limit else ""


def threads_running(session: Session) -> float:
    """Return how many threads of the server run now, the asking one and the copy's own among them."""
    return float(session.rows("SHOW GLOBAL STATUS LIKE 'Threads_running'")[0][1])


def replica_lag(session: Session) -> float:
    """Return how many seconds the server lags behind its source; 0 when it is no replica or does not replicate."""
    for statement in ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS"):  # the second was removed in MySQL 8.4
        try:
            rows = session.records(statement)
        except SqlError as error:
            if error.code != SYNTAX_ERROR:
                raise
            continue
        lags = [row.get("seconds_behind_source", row.get("seconds_behind_master")) for row in rows]
        return max((float(lag) for lag in lags if lag is not None), default=0.0)
    return 0.0
