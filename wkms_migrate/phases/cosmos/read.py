"""Reads a container: its hash space in pieces, a page at a time, on several lanes.

A piece is named by its low key and goes up to the next piece's, so that whatever pieces there are, together they are
the whole. Its next page is read only when the last one has landed, so that a crash at any moment has at most one page
of each piece read again; meanwhile a lane reads from other pieces.

A piece is cut in two when its partition was split by the service, or when lanes find nothing to read (work stealing).
Both parts go on from the same token, once it is saved for the upper part.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
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

PIECES_PER_LANE: Final = 2  # to begin with, and kept up by stealing: one is read while the other lands
WAKE_SECONDS: Final = 0.2
UNLANDED_BYTES: Final = 12 << 20  # of pages that are read and have not landed; packing takes twice that besides
SPLITTABLE_VERSION: Final = 2  # hashes of older partition keys do not fill the space evenly


@dataclass(slots=True)
class _Piece:
    low: str
    high: str
    token: str | None
    behind: int = 0  # changes that its partition had after its last page

    @property
    def window(self) -> Window:
        return self.low, self.high

    @property
    def rest(self) -> float:
        """About how many changes are left in it, if they are spread evenly over its partition."""
        return self.behind * cosmos_token.width(self.window)


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

    `steal` lets lanes that find nothing to read cut the piece with the most to do.
    """

    run: StepRun
    source: Source
    budget: UnitBudget
    tokens: Mapping[str, str | None]
    steal: bool = True
    _ready: deque[_Piece] = field(init=False)
    _open: int = field(init=False)  # pieces that are not at their end
    _out: dict[str, _Piece] = field(default_factory=dict)  # by low key: a page, or the cut to come, is not landed
    _lower: dict[str, _Piece] = field(default_factory=dict)  # by the low key of the upper part: what is being cut
    _lanes: int = 0
    _page_bytes: int = 0  # of the last page
    _hungry: bool = False
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
        self._ready = deque(_Piece(low, high, self.tokens[low]) for low, high in pairwise([*lows, WHOLE[1]]))
        self._open = len(self._ready)

    def lane(self, database: Database | None = None) -> Generator[Part]:
        """Yield one page after the other until nothing is left, read by a client of its own or this one.

        What it yields must be landed by another thread: when every piece waits for that, so does the lane.
        """
        with self._changed:
            self._lanes += 1
        try:
            with nullcontext(database) if database else job.source(self.run) as own:
                while (piece := self._take()) is not None:
                    part = self._next(own, piece)
                    if part is not None:
                        yield part
        except BaseException:
            self.stop()
            raise

    def landed(self, part: Part) -> None:
        """Say that a part's items are written and its token is saved."""
        with self._changed:
            self._ready.append(self._out.pop(part.piece))
            lower = self._lower.pop(part.piece, None)
            if lower is not None:
                lower.high = part.piece
                self._ready.append(lower)
                self._open += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """End all lanes early, because one has failed or what they yield cannot be landed."""
        with self._changed:
            self._failed = True
            self._changed.notify_all()

    def _take(self) -> _Piece | None:
        """Return a piece that may be read on; None when there is and will be none."""
        with self._changed:
            while not self._ready or self._is_full():
                self.run.check_stop()
                if self._failed or not self._open:
                    return None
                self._hungry = not self._ready and self._open < PIECES_PER_LANE * self._lanes
                self._changed.wait(WAKE_SECONDS)
            self.run.check_stop()
            return None if self._failed else self._ready.popleft()

    def _is_full(self) -> bool:
        """Say whether another page would be too much to hold, were it as large as the last one. One always fits."""
        unlanded = self._open - len(self._ready)  # being read, or read and not landed
        return unlanded > 0 and (unlanded + 1) * self._page_bytes > UNLANDED_BYTES

    def _next(self, database: Database, piece: _Piece) -> Part | None:
        """Return the next page of a piece, or the cut that is made in it; None when it is at its end."""
        cut = self._wanted_cut(piece)
        if cut is None:
            found = self._page(database, piece)
            if found is None:
                self._end()
                return None
            if isinstance(found, Page):
                piece.token, piece.behind = found.token, found.behind
                self._page_bytes = len(found.body)
                return self._given(piece, found)
            cut = found.cuts[-1]  # the rest of a split in several shows when the parts are read
        upper = _Piece(cut, piece.high, piece.token, piece.behind)
        with self._changed:
            self._lower[cut] = piece
        return self._given(upper, None)

    def _wanted_cut(self, piece: _Piece) -> str | None:
        """Return where to cut a piece for lanes that found nothing to read, if it is the one with the most to do."""
        with self._changed:
            if not (self.steal and self._hungry) or piece.behind <= self.source.page_size:
                return None
            if any(other.rest > piece.rest for other in (*self._ready, *self._out.values())):
                return None
            self._hungry = False
        return cosmos_token.middle(piece.window)

    def _page(self, database: Database, piece: _Piece) -> Page | Divided | None:
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
            self._out[piece.low] = piece
        return Part(piece.low, piece.token, page)

    def _end(self) -> None:
        with self._changed:
            self._open -= 1
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
