"""Rows of two live servers compared range by range, every range by count and digest, both ends at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from wkms_migrate import retry
from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import chunks, digest, pairs, servers, snapshot
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.chunks import Chunk
from wkms_migrate.phases.mysql.converted import Converted
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.pairs import Pair, Pairing
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import Context

Result = TypeVar("Result")


class Sessions(Protocol):
    """Where sessions are borrowed from: a snapshot, or a pool."""

    def session(self) -> AbstractContextManager[Session]:
        """Borrow a session."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Both servers."""

    source: Sessions
    target: Sessions

    def both(self, source: Callable[[Session], Result], target: Callable[[Session], Result]) -> tuple[Result, Result]:
        """Ask both servers one after the other."""
        with self.source.session() as one, self.target.session() as other:
            return source(one), target(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A range of a table's key and what it holds on both ends.

    `json_again`: the source's JSON is compared as it comes back from its own text, which is all that LOAD DATA moves.
    """

    pair: Pair
    chunk: Chunk
    source: Digest
    target: Digest
    json_again: bool = False

    @property
    def differs(self) -> bool:
        """Whether the rows are not the same."""
        return self.source != self.target


@dataclass(frozen=True, slots=True)
class Opened:
    """Both ends at one point in time each, and the tables on them.

    `release_target` ends the target's snapshot: a session that has read a table holds up every change of its triggers.
    """

    ends: Ends
    tables: Pairing
    release_target: Callable[[], None]


@contextmanager
def opened(context: Context, settings: MysqlSettings, workers: int) -> Iterator[Opened]:
    """Open `workers` sessions on each end, each end's on one snapshot. Raises `Refused` when none can be had."""
    with servers.source(context) as source, servers.target(context) as target:
        pairs.check(source, settings)
        found = pairs.pairing(source, target, settings)
    sources = [pair.source for pair in found.pairs]
    targets = [pair.target for pair in found.pairs]
    with ExitStack() as ours, ExitStack() as theirs:
        ends = Ends(
            ours.enter_context(_snapshot(lambda: servers.source(context), sources, settings, workers)),
            theirs.enter_context(_snapshot(lambda: _reader(context), targets, settings, workers)),
        )
        yield Opened(ends, found, theirs.close)


def _snapshot(
    connect: Callable[[], Session], tables: Sequence[Table], settings: MysqlSettings, workers: int
) -> AbstractContextManager[snapshot.Snapshot]:
    return snapshot.taken(
        connect,
        tables,
        connections=workers,
        tries=settings.snapshot_tries,
        lock_wait_seconds=settings.lock_wait_seconds,
    )


def _reader(context: Context) -> Session:
    session = servers.target(context)
    session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # sees its snapshot, not each commit
    return session


def ranges(ends: Ends, chosen: Sequence[Pair], workers: int, chunk_bytes: int) -> Iterator[Range]:
    """Yield every range of these tables, compared, table by table in the order of `chosen`."""
    with (
        ThreadPoolExecutor(workers, thread_name_prefix="compare-source") as ours,
        ThreadPoolExecutor(workers, thread_name_prefix="compare-target") as theirs,
    ):
        try:
            cuts = [(pair, ours.submit(_cut, ends.source, pair, chunk_bytes)) for pair in chosen]
            waiting = [(pair, list(_ask(ends, ours, theirs, pair, cut.result()))) for pair, cut in cuts]
            for pair, asked in waiting:
                for chunk, one, other in reversed(asked):
                    yield _range(pair, chunk, one, other)
        except BaseException:
            for pool in (ours, theirs):
                pool.shutdown(wait=False, cancel_futures=True)
            raise


def _ask(
    ends: Ends, ours: Executor, theirs: Executor, pair: Pair, cut: Sequence[Chunk]
) -> Iterator[tuple[Chunk, Future[tuple[Digest, Converted]], Future[Digest]]]:
    """Have a table's ranges read from the last to the first: what was read or written last is still in memory."""
    for chunk in reversed(cut):
        one = ours.submit(_read_source, ends.source, pair, chunk)
        yield chunk, one, theirs.submit(_read_target, ends.target, pair, chunk)


def _range(pair: Pair, chunk: Chunk, one: Future[tuple[Digest, Converted]], other: Future[Digest]) -> Range:
    source, converted = one.result()
    return Range(pair=pair, chunk=chunk, source=source, target=other.result(), json_again=converted.rows > 0)


def _cut(sessions: Sessions, pair: Pair, chunk_bytes: int) -> list[Chunk]:
    return chunks.cut(_asked(sessions, lambda session: chunks.bounds(session, pair.source, chunk_bytes)))


def _read_source(sessions: Sessions, pair: Pair, chunk: Chunk) -> tuple[Digest, Converted]:
    where = chunk.where(pair.source)
    return _asked(sessions, lambda session: digest.read_movable(session, pair.source, where))


def _read_target(sessions: Sessions, pair: Pair, chunk: Chunk) -> Digest:
    return _asked(sessions, lambda session: digest.read(session, pair.target, chunk.where(pair.target)))


def _asked(sessions: Sessions, ask: Callable[[Session], Result]) -> Result:
    def once() -> Result:
        with sessions.session() as session:
            return ask(session)

    return retry.call(once)
