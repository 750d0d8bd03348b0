"""The rows of a dump, each file in its own transaction, kept only if the file was whole and all of it went in."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from wkms_migrate.phases.mysql import digest, gate, patience, rows
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.dump_file import Written, decompressed
from wkms_migrate.phases.mysql.dump_store import Store
from wkms_migrate.phases.mysql.load_job import ChunkJob, Load
from wkms_migrate.phases.mysql.servers import Pool
from wkms_migrate.plan import StepRun


class RowsLoad:
    """Loads chunks; its methods are called from many threads."""

    def __init__(self, run: StepRun, store: Store, targets: Pool, load: Load) -> None:
        self._run = run
        self._store = store
        self._targets = targets
        self._load = load
        self._json_is_text = patience.policy(run)(self._is_json_text)
        self._expected_rows = sum(table.rows for table in load.tables)
        self._counting = threading.Lock()
        self._rows = self._bytes = 0

    def _is_json_text(self) -> bool:
        with self._targets.session() as target:
            return self._load.words(target).to_mariadb

    def chunk(self, job: ChunkJob) -> Digest:
        """Bring one file in unless it is there already, and checkpoint it. Return what its range held before."""
        again = patience.policy(self._run)
        base = again(self._base, job)
        if job.chunk.file not in self._run.cursors:
            again(self._attempt, job, base)
            self._run.checkpoint(job.chunk.sha256, key=job.chunk.file)
        with self._counting:
            self._rows += job.chunk.rows
            self._bytes += job.chunk.bytes
            self._run.progress(self._rows, self._expected_rows, bytes=self._bytes, item=job.table.id)
        return base

    def _base(self, job: ChunkJob) -> Digest:
        """Return what was in the range before the first attempt: nothing, unless rows are to be added."""
        if not self._load.is_append:
            return Digest()
        key = f"{job.chunk.file}#base"
        if key in self._run.cursors:
            return Digest.from_json(self._run.cursors[key])
        with self._targets.session() as target:
            base = digest.read(target, job.table, job.where)
        self._run.checkpoint(base.to_json(), key=key)
        return base

    def _attempt(self, job: ChunkJob, base: Digest) -> None:
        wanted = base + job.chunk.landed(json_is_text=self._json_is_text)
        with self._targets.session() as target:
            # A commit whose answer was lost has landed all the same.
            if self._load.is_append and digest.read(target, job.table, job.where) == wanted:
                return
            with target.transaction():
                if not self._load.is_append:
                    target.run(f"DELETE FROM {job.table.quoted}{job.where}")
                loaded = target.load(rows.load(job.table), self._blocks(job))
                gate.check(
                    self._run,
                    target,
                    job.table,
                    job.chunk.file,
                    sent=job.chunk.rows,
                    loaded=loaded,
                    is_exact=lambda: digest.read(target, job.table, job.where) == wanted,
                )

    def _blocks(self, job: ChunkJob) -> Iterator[bytes]:
        chunk = job.chunk
        expected = Written(size=chunk.size, sha256=chunk.sha256, crc64=chunk.crc64)
        for block in decompressed(chunk.file, self._store.read(chunk.file), expected):
            self._run.check_stop()
            yield block
