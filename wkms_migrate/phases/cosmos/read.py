"""Reads a container: its hash space in pieces, one after the other on each lane, page by page.

A piece is named by its low key and goes up to the next piece's, so that whatever pieces there are, together they are
the whole. A piece is cut in two when its partition was split by the service, or when a lane has nothing left to do
(work stealing). Both parts go on from the same token. The upper part's token is landed before anything is read with
it, and all that was read of the whole piece is landed before that, so that a crash at any moment loses nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from wkms_migrate.clients import cosmos_token
from wkms_migrate.clients.azure_cosmos import LATEST, Container, Database, Divided, Feed, Mode, Page
from wkms_migrate.clients.cosmos_token import WHOLE, Window
from wkms_migrate.errors import Interrupted, Refused, WkmsError
from wkms_migrate.phases.cosmos import job
from wkms_migrate.phases.cosmos.budget import UnitBudget
from wkms_migrate.plan import StepRun

PIECES_PER_LANE: Final = 2  # at the beginning; more come by stealing
WAKE_SECONDS: Final = 0.2
SPLITTABLE_VERSION: Final = 2  # hashes of older partition keys do not fill the space evenly


@dataclass(slots=True)
class _Piece:
    low: str
    high: str
    token: str | None
    behind: int = 0
    out: int = 0  # pages given out and not yet landed
    wanted: bool = False  # a lane without work asks for half of it

    @property
    def window(self) -> Window:
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a piece. Once its items have landed, save `token` under `piece`, then call `Reading.landed`.

    `page` is None where a piece was cut in two: nothing is to be written, but the token must be saved all the same.
    """

    piece: str
    token: str | None
    page: Page | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is read: a container's feed, in pages of at most so many items."""

    container: Container
    page_size: int
    mode: Mode = LATEST


@dataclass(slots=True)
class Reading:
    """One reading of a container from `tokens` on (token by low key; None from the beginning). Thread-safe.

    `steal` lets a lane that has nothing left take half of another's piece.
    """

    run: StepRun
    source: Source
    budget: UnitBudget
    tokens: Mapping[str, str | None]
    steal: bool = True
    _waiting: list[_Piece] = field(init=False)
    _busy: list[_Piece] = field(default_factory=list)
    _by_low: dict[str, _Piece] = field(init=False)
    _failed: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        for token in filter(None, self.tokens.values()):
            check_container(self.source.container, token)
        lows = sorted(self.tokens)
        if not lows or lows[0] != WHOLE[0]:
            raise WkmsError(
                f"The saved pieces of {self.source.container.name} are not the whole of it.",
                hint="The journal was edited. Begin anew with --redo.",
            )
        pieces = [_Piece(low, high, self.tokens[low]) for low, high in pairwise([*lows, WHOLE[1]])]
        self._waiting = pieces[::-1]
        self._by_low = {piece.low: piece for piece in pieces}

    def lane(self, database: Database | None = None) -> Generator[Part]:
        """Yield the pages of one piece after the other until nothing is left, by a client of its own or this one.

        What it yields must be landed by another thread: cutting a piece waits for that.
        """
        try:
            with nullcontext(database) if database else job.source(self.run) as own:
                while (piece := self._take()) is not None:
                    yield from self._read(own, piece)
                    self._leave(piece)
        except BaseException:
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            raise

    def landed(self, part: Part) -> None:
        """Say that a part's items are written and its token is saved."""
        with self._changed:
            self._by_low[part.piece].out -= 1
            self._changed.notify_all()

    def _take(self) -> _Piece | None:
        with self._changed:
            while not self._waiting:
                self.run.check_stop()
                if self._failed or not self._busy:
                    return None
                self._ask()
                self._changed.wait(WAKE_SECONDS)
            piece = self._waiting.pop()
            self._busy.append(piece)
            return piece

    def _ask(self) -> None:
        """Ask the piece with the most to do for half of it."""
        most = max(self._busy, key=lambda piece: piece.behind * cosmos_token.width(piece.window))
        if self.steal and most.behind > self.source.page_size and not any(piece.wanted for piece in self._busy):
            most.wanted = True

    def _leave(self, piece: _Piece) -> None:
        with self._changed:
            self._busy.remove(piece)
            self._changed.notify_all()

    def _read(self, database: Database, piece: _Piece) -> Generator[Part]:
        while not self._failed:
            self.run.check_stop()
            if piece.wanted:
                cut = cosmos_token.middle(piece.window)
                yield from self._cut(piece, [cut] if cut else [])
                piece.wanted = False
            found = self._ask_page(database, piece)
            if found is None:
                return
            if isinstance(found, Divided):
                yield from self._cut(piece, found.cuts)
                continue
            piece.token, piece.behind = found.token, found.behind
            yield self._given(piece, found)

    def _ask_page(self, database: Database, piece: _Piece) -> Page | Divided | None:
        items = self.budget.items(self.source.page_size)
        feed = Feed(
            container=self.source.container.name,
            feed_range=cosmos_token.feed_range(piece.window),
            page_size=items,
            mode=self.source.mode,
        )
        expected = self.budget.enter(items)
        found = database.page(feed, piece.token, self.run.stopping)
        charge, seen = (found.charge, len(found.documents)) if isinstance(found, Page) else (1.0, 0)
        self.budget.settle(expected, charge, seen)
        return found

    def _given(self, piece: _Piece, page: Page | None) -> Part:
        with self._changed:
            piece.out += 1
        return Part(piece.low, piece.token, page)

    def _cut(self, piece: _Piece, cuts: Iterable[str]) -> Generator[Part]:
        """Cut a piece, from the top down; each upper part is saved before the piece itself goes on."""
        for cut in sorted(cuts, reverse=True):
            self._wait_landed(piece)
            upper = _Piece(cut, piece.high, piece.token, piece.behind)
            with self._changed:
                self._by_low[cut] = upper
            yield self._given(upper, None)
            self._wait_landed(upper)
            with self._changed:
                piece.high = cut
                self._waiting.append(upper)
                self._changed.notify_all()

    def _wait_landed(self, piece: _Piece) -> None:
        with self._changed:
            while piece.out:
                self.run.check_stop()
                if self._failed:
                    raise Interrupted("Another lane has failed.", hint="See its error.")
                self._changed.wait(WAKE_SECONDS)

    def stop(self) -> None:
        """End all lanes early, because what they yield cannot be landed."""
        with self._changed:
            self._failed = True
            self._changed.notify_all()


def drain(reading: Reading, databases: Sequence[Database], land: Callable[[Part], None]) -> None:
    """Read on a lane for each of these clients until nothing is left, and land each part while the next one is read.

    `land` writes a part and saves its token. The first failure ends all lanes and is raised.
    """

    def lane(database: Database, readers: Executor) -> None:
        parts = reading.lane(database)
        coming = readers.submit(next, parts, None)
        try:
            while (part := coming.result()) is not None:
                coming = readers.submit(next, parts, None)
                land(part)
                reading.landed(part)
        except BaseException:
            reading.stop()
            raise
        finally:
            wait([coming])
            parts.close()

    lanes = len(databases)
    with ThreadPoolExecutor(lanes, "read") as readers, ThreadPoolExecutor(lanes, "land") as landers:
        running = [landers.submit(lane, database, readers) for database in databases]
    failures = [error for one in running if (error := one.exception()) is not None]
    if failures:
        raise next((error for error in failures if not isinstance(error, Interrupted)), failures[0])


def pieces(database: Database, container: Container, lanes: int) -> dict[str, str | None]:
    """Return the pieces to begin with: those of the partitions, cut further until every lane has some."""
    windows = [cosmos_token.window_of(one) for one in database.feed_ranges(container.name)]
    even = container.properties["partitionKey"].get("version") == SPLITTABLE_VERSION
    while even and len(windows) < PIECES_PER_LANE * lanes:
        windows = [part for window in windows for part in _halves(window)]
    return dict.fromkeys(sorted(low for low, _ in windows))


def _halves(window: Window) -> list[Window]:
    cut = cosmos_token.middle(window)
    return [window] if cut is None else [(window[0], cut), (cut, window[1])]


def check_container(container: Container, token: str) -> None:
    """Refuse a token of another container, or of one of this name that was deleted since."""
    if cosmos_token.container_of(token) != container.rid:
        raise Refused(
            f"The saved place belongs to another container than the present {container.name}: it was deleted and made"
            " anew.",
            hint="Copy it anew: `wkms-migrate phase cosmos`.",
        )


def saved(cursors: Mapping[str, Any], begun: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the tokens to go on from: those saved since, over those that it began with."""
    return {**begun, **{low: cursor["token"] for low, cursor in cursors.items()}}
