"""The rows of a dump: every chunk of every table as a file, all from one snapshot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import msgspec

from wkms_migrate import retry
from wkms_migrate.clients.mysql import Session
from wkms_migrate.counted import counted
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.mysql import data, digest, dump_manifest, rows, unchanged
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.chunks import Chunk
from wkms_migrate.phases.mysql.converted import Converted
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.dump_file import Written, compressed
from wkms_migrate.phases.mysql.dump_manifest import DumpedChunk
from wkms_migrate.phases.mysql.dump_store import Store
from wkms_migrate.phases.mysql.snapshot import Snapshot
from wkms_migrate.phases.mysql.throttle import Throttle
from wkms_migrate.plan import StepRun

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """A chunk of a table."""

    table: Table
    chunk: Chunk

    @property
    def file(self) -> str:
        """The chunk's file, which is also its name among the checkpoints."""
        return dump_manifest.file_of(self.table, self.chunk.number)

    @property
    def where(self) -> str:
        """The WHERE clause of this chunk."""
        return self.chunk.where(self.table)


class RowsDump:
    """Dumps chunks from one snapshot; its methods are called from many threads."""

    def __init__(self, run: StepRun, taken: Snapshot, store: Store, pace: Throttle, chunk_bytes: int) -> None:
        self._run = run
        self._snapshot = taken
        self._store = store
        self._pace = pace
        self._chunk_bytes = chunk_bytes
        self._counting = threading.Lock()
        self._rows = self._bytes = self._expected_rows = 0
        self.converted: dict[str, Converted] = {}

    def jobs(self, table: Table) -> list[Job]:
        """Cut a table into chunks, which are its files."""
        found = data.cut(self._run, f"{dump_manifest.stem(table)}/bounds", self._snapshot, table, self._chunk_bytes)
        with self._counting:
            self._expected_rows += table.rows
        return [Job(table, chunk) for chunk in found]

    def chunk(self, job: Job) -> DumpedChunk:
        """Write one chunk, or see that an earlier attempt's file holds what this snapshot shows; checkpoint it."""
        dumped, changed = retry.call(self._attempt, job)
        self._run.checkpoint(asdict(dumped), key=job.file)
        with self._counting:
            self._rows += dumped.rows
            self._bytes += dumped.bytes
            self.converted[job.table.id] = self.converted.get(job.table.id, Converted()) + changed
            self._run.progress(self._rows, max(self._expected_rows, self._rows), bytes=self._bytes, item=job.table.id)
        return dumped

    def _attempt(self, job: Job) -> tuple[DumpedChunk, Converted]:
        known = self._run.cursors.get(job.file)
        with self._pace.turn(), self._snapshot.session() as source, unchanged.reading(job.table):
            content, changed = digest.read_movable(source, job.table, job.where)
            if known is not None:
                earlier = msgspec.convert(known, DumpedChunk)
                if earlier.content == content and self._store.holds(job.file, _written(earlier)):
                    return earlier, changed
            tally = rows.Tally()
            as_text = digest.read(source, job.table, job.where) if changed.rows else content
            written = self._store.write(job.file, compressed(self._lines(source, job, tally)))
        _check_rows(job, content, tally)
        dumped = DumpedChunk(
            file=job.file,
            number=job.chunk.number,
            after=job.chunk.after,
            until=job.chunk.until,
            rows=content.rows,
            digest=str(content),
            text_digest=str(as_text),
            converted=changed.rows,
            bytes=tally.bytes,
            size=written.size,
            sha256=written.sha256,
            crc64=written.crc64,
        )
        return dumped, changed

    def _lines(self, source: Session, job: Job, tally: rows.Tally) -> Iterator[bytes]:
        for block in data.lines(source, job.table, job.where, tally):
            self._pace.spend(len(block))
            yield block


def _written(chunk: DumpedChunk) -> Written:
    return Written(size=chunk.size, sha256=chunk.sha256, crc64=chunk.crc64)


def _check_rows(job: Job, content: Digest, tally: rows.Tally) -> None:
    if tally.rows != content.rows:
        raise WkmsError(
            f"{job.file}: {counted(tally.rows, 'row')} of {job.table.id} read where the snapshot has {content.rows:,}.",
            hint="The table is in no transaction's snapshot (is it InnoDB?). Convert it, or leave it out.",
        )
