"""Ask a number of times, a bounded number at once, and take the times."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count

from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.verify.kpi import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where to ask. `url` may have a path; headers go with every request."""

    url: str
    headers: Mapping[str, str]
    timeout_seconds: float

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is opened by its first request."""
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ConfigError(f"{self.url!r} is no HTTP address.", hint="Correct phases.verify.url.")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.netloc, timeout=self.timeout_seconds)

    def target(self, path: str) -> str:
        """Return what to ask for, below the URL's own path."""
        return urllib.parse.urlsplit(self.url).path.rstrip("/") + path


@dataclass(slots=True)
class _Tally:
    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    unavailable: int = 0
    flying: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count one more request as long as it lasts."""
        with self.lock:
            self.flying += 1
            self.most = max(self.most, self.flying)
        try:
            yield
        finally:
            with self.lock:
                self.flying -= 1


def status_of(site: Site, path: str) -> int | str:
    """Return the status of one GET, or in words why there is none."""
    connection = site.connect()
    try:
        connection.request("GET", site.target(path), headers=dict(site.headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {error or type(error).__name__}"
    finally:
        connection.close()


def measure(site: Site, paths: tuple[str, ...], requests: int, at_once: int, asked: Callable[[int], None]) -> Measured:
    """Send `requests` GETs over `at_once` kept connections; `asked` is told how many are done, and may raise to stop.

    The first request of every connection waits for those of the others, so that they truly run at once. Times run
    from the first byte sent to the last byte read. `Measured.at_once` is the most that were under way at the same
    moment. An answer of 5xx counts as unavailable, another from 400 on as refused.
    """
    tally = _Tally()
    lanes = min(at_once, requests)
    start = threading.Barrier(lanes)
    numbers: Iterator[int] = iter(range(lanes, requests))
    turn = count(1)

    def lane(first: int) -> None:
        connection = site.connect()
        number: int | None = first
        try:
            while number is not None:
                with tally.under_way():
                    if number == first:
                        start.wait(site.timeout_seconds)
                    _ask(site, connection, paths[number % len(paths)], tally)
                with tally.lock:
                    number, done = next(numbers, None), next(turn)
                asked(done)
        finally:
            connection.close()

    with ThreadPoolExecutor(lanes, thread_name_prefix="ask") as pool:
        for _ in pool.map(lane, range(lanes)):
            pass
    return Measured(seconds=tally.seconds, refused=tally.refused, unavailable=tally.unavailable, at_once=tally.most)


def _ask(site: Site, connection: http.client.HTTPConnection, path: str, tally: _Tally) -> None:
    started = time.perf_counter()
    try:
        connection.request("GET", site.target(path), headers=dict(site.headers))
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        connection.close()
        status = HTTPStatus.SERVICE_UNAVAILABLE
    seconds = time.perf_counter() - started
    with tally.lock:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            tally.unavailable += 1
        else:
            tally.seconds.append(seconds)
            tally.refused += status >= HTTPStatus.BAD_REQUEST
