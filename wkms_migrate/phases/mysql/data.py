"""The rows: every chunk of every table in its own transaction on the target, all from one snapshot of the source."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import (
    catalog,
    chunks,
    converted,
    digest,
    gate,
    pairs,
    patience,
    rows,
    servers,
    snapshot,
    throttle,
    translation,
    unchanged,
)
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.chunks import Chunk
from wkms_migrate.phases.mysql.converted import Converted
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.servers import Pool
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.snapshot import Snapshot
from wkms_migrate.phases.mysql.throttle import Throttle
from wkms_migrate.plan import Context, StepRun

# Bytes of an average row up to which it is cheaper that the source joins lines than that this program makes each.
SMALL_ROW = 400


@dataclass(frozen=True, slots=True)
class Job:
    """A chunk of a table."""

    table: Table
    chunk: Chunk

    @property
    def key(self) -> str:
        """The name of this chunk among the checkpoints."""
        return f"{self.table.id}#{self.chunk.number}"

    @property
    def where(self) -> str:
        """The WHERE clause of this chunk on the source."""
        return self.chunk.where(self.table)

    def read(self, target: Session) -> Digest:
        """Return the digest of this chunk on the target."""
        return digest.read(target, self.table.on_target, self.chunk.where(self.table.on_target))


@dataclass(frozen=True, slots=True)
class Landed:
    """A chunk on the target: the source's digest, the digest of what was there before, bytes, JSON written anew."""

    source: Digest
    base: Digest
    bytes: int
    converted: Converted


def run(run: StepRun) -> Mapping[str, Json]:
    """Copy all rows. The result has the snapshot's position and count and digest of every table at that point."""
    settings = run.context.section(MysqlSettings)
    workers = workers_of(run, settings.workers)
    again = patience.policy(run)  # a snapshot of the source does not outlive a restart: that ends the step
    tables = again(_tables, run.context, settings)
    with (
        Pool(lambda: servers.target(run.context)) as targets,
        snapshot.taken(
            lambda: servers.source(run.context),
            tables,
            connections=workers,
            tries=settings.snapshot_tries,
            lock_wait_seconds=settings.lock_wait_seconds,
            inconsistent=settings.inconsistent,
        ) as taken,
        throttle.throttled(run, settings, workers, lambda: servers.source(run.context)) as pace,
    ):
        snapshot.told(run, taken)
        copy = Copy(run, taken, targets, settings, pace)
        again(copy.check_definitions, tables)
        jobs = [job for found in each(run, workers, copy.jobs, tables) for job in found]
        landed = each(run, workers, copy.chunk, jobs)
        again(copy.check_definitions, tables)
    _note_converted(run, jobs, landed)
    return {
        "snapshot": {**taken.position.to_json(), "method": taken.method, "tries": taken.tries},
        "tables": _by_table(jobs, landed),
        "bytes": sum(one.bytes for one in landed),
    }


def _tables(context: Context, settings: MysqlSettings) -> list[Table]:
    with servers.source(context) as source, servers.target(context) as target:
        return pairs.sorted_alike(source, target, settings, catalog.selected(source, settings))


def _by_table(jobs: list[Job], landed: list[Landed]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for job in jobs:
        mine = [one for other, one in zip(jobs, landed, strict=True) if other.table is job.table]
        found[job.table.id] = {
            "source": digest.total(one.source for one in mine).to_json(),
            "base": digest.total(one.base for one in mine).to_json(),
            "chunks": len(mine),
        }
    return found


class Copy:
    """Copies chunks from one snapshot; its methods are called from many threads."""

    def __init__(self, run: StepRun, taken: Snapshot, targets: Pool, settings: MysqlSettings, pace: Throttle) -> None:
        self._run = run
        self._pace = pace
        self._snapshot = taken
        self._targets = targets
        self._settings = settings
        self._append = settings.on_existing == "append"
        self._chunk_bytes = settings.chunk_mib << 20
        self._json_stays_text = False
        self._counting = threading.Lock()
        self._rows = 0
        self._bytes = 0
        self._expected_rows = 0

    def check_definitions(self, tables: Sequence[Table]) -> None:
        """Raise `Refused` when a table of the target is not the source's: the rows would not fit."""
        with self._snapshot.session() as source, self._targets.session() as target:
            words = translation.between(source, target, self._settings)
            unchanged.check(source, target, words, tables)
        self._json_stays_text = words.to_mariadb

    def jobs(self, table: Table) -> list[Job]:
        """Cut a table into chunks."""
        found = cut(self._run, f"{table.id}#bounds", self._snapshot, table, self._chunk_bytes)
        with self._counting:
            self._expected_rows += table.rows
        return [Job(table, chunk) for chunk in found]

    def chunk(self, job: Job) -> Landed:
        """Bring one chunk to the target, or see that it is there already, and checkpoint it."""
        with unchanged.reading(job.table):
            landed = patience.policy(self._run)(self._attempt, job)
        self._run.checkpoint({"source": landed.source.to_json(), "bytes": landed.bytes}, key=job.key)
        with self._counting:
            self._rows += landed.source.rows
            self._bytes += landed.bytes
            self._run.progress(self._rows, max(self._expected_rows, self._rows), bytes=self._bytes, item=job.table.id)
        return landed

    def _attempt(self, job: Job) -> Landed:
        earlier = self._run.cursors.get(job.key)
        with self._pace.turn(), self._snapshot.session() as source, self._targets.session() as target:
            base = self._base(target, job)
            if earlier or self._append:
                wanted, changed = self._movable(source, job)
                if job.read(target) == base + wanted:
                    return Landed(wanted, base, int(earlier["bytes"]) if earlier else 0, changed)
            return self._land(source, target, job, base)

    def _movable(self, source: Session, job: Job) -> tuple[Digest, Converted]:
        """Return the digest that a chunk has once it is moved, and how many rows' JSON is written anew by that."""
        if self._json_stays_text:
            return digest.read(source, job.table, job.where), Converted()
        return digest.read_movable(source, job.table, job.where)

    def _base(self, target: Session, job: Job) -> Digest:
        """Return what was in the chunk's range before the first attempt: nothing, unless rows are to be added."""
        if not self._append:
            return Digest()
        key = f"{job.key}#base"
        if key in self._run.cursors:
            return Digest.from_json(self._run.cursors[key])
        base = job.read(target)
        self._run.checkpoint(base.to_json(), key=key)
        return base

    def _land(self, source: Session, target: Session, job: Job, base: Digest) -> Landed:
        """Write one chunk in one transaction. Nothing of it stays when anything is odd."""
        tally = rows.Tally()
        there = job.table.on_target
        with target.transaction():
            if not self._append:
                target.run(f"DELETE FROM {there.quoted}{job.chunk.where(there)}")
            loaded = target.load(rows.load(there), self._blocks(source, job, tally))
            wanted, changed = self._read(source, job, tally)
            gate.check(
                self._run,
                target,
                job.table,
                f"Chunk {job.key}",
                sent=tally.rows,
                loaded=loaded,
                is_exact=lambda: job.read(target) == base + wanted,
            )
        return Landed(wanted, base, tally.bytes, changed)

    def _read(self, source: Session, job: Job, tally: rows.Tally) -> tuple[Digest, Converted]:
        """Return what `_movable` does, without reading the rows once more where their hashes came with them."""
        loose = tally.loose_json and not self._json_stays_text
        if is_small(job.table) or tally.unhashed or loose:
            return self._movable(source, job)
        return Digest(tally.rows, tally.hashes % digest.MODULUS), Converted()

    def _blocks(self, source: Session, job: Job, tally: rows.Tally) -> Iterator[bytes]:
        for block in lines(source, job.table, job.where, tally, hashed=True):
            self._pace.spend(len(block))
            yield block


def cut(run: StepRun, key: str, taken: Snapshot, table: Table, chunk_bytes: int) -> list[Chunk]:
    """Cut a table; the cut of an earlier attempt, kept under `key`, stays, so that its chunks are found again."""
    if key in run.cursors:
        return chunks.cut([tuple(bound) for bound in run.cursors[key]])
    with taken.session() as source:
        found = chunks.bounds(source, table, chunk_bytes)
    run.checkpoint(found, key=key)
    return chunks.cut(found)


def is_small(table: Table) -> bool:
    """Return whether the source joins the lines of a table."""
    return table.row_bytes <= SMALL_ROW


def lines(source: Session, table: Table, where: str, tally: rows.Tally, *, hashed: bool = False) -> Iterator[bytes]:
    """Return the lines of a range in blocks; `tally` counts them, and sums up the hashes of rows that are not small."""
    joined = _joined(source, table, where, tally) if is_small(table) else None
    if joined is not None:
        return rows.cut(joined)
    hashes = (digest.short_hash(table),) if hashed else ()
    return rows.lines(source.stream(rows.select(table, where, *hashes)), table.stored, tally, hashed=hashed)


def _joined(source: Session, table: Table, where: str, tally: rows.Tally) -> bytes | None:
    """Return all lines of a range in one piece, None when the server could not hold them."""
    count, joined = source.rows(rows.joined(table, where))[0]
    if source.warning_count:
        return None
    found: bytes = joined or b""
    tally.rows, tally.bytes = count, len(found)
    return found


def _note_converted(run: StepRun, jobs: list[Job], landed: list[Landed]) -> None:
    counted: dict[str, Converted] = {}
    for job, one in zip(jobs, landed, strict=True):
        counted[job.table.id] = counted.get(job.table.id, Converted()) + one.converted
    for table, found in sorted(counted.items()):
        converted.tell(run, table, found)
