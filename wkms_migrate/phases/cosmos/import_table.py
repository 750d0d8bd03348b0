"""Loading from S3: pages are staged as gzipped DynamoDB JSON, and the service puts them into the table by itself.

An object holds a page, or the parts of a large item, and is named by its content, so that what is staged twice is
there once. Objects are loaded in no order: a document that changes while it is staged may end in either version, which
the verification shows and `cosmos follow` or `cosmos repair` mends.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from wkms_migrate.clients import s3
from wkms_migrate.clients.crc64 import crc64
from wkms_migrate.clients.dynamodb_tables import Load, Tables
from wkms_migrate.clients.dynamodb_tables import Way as LoadWay
from wkms_migrate.clients.s3 import S3
from wkms_migrate.counted import counted
from wkms_migrate.errors import Interrupted, WkmsError
from wkms_migrate.phases.cosmos import table_shape
from wkms_migrate.phases.cosmos import tables as tables_of_phase
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.lanes import Entry
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import StepRun

LOAD: Final = "load"  # the cursor that names a load under way
LEVEL: Final = 1
HEADERS: Final = {"Content-Type": "application/gzip"}
WRAPPED: Final = len(b'{"PutRequest":')


@dataclass(slots=True)
class Staging:
    """Takes what lanes would take, and puts it into S3. Thread-safe."""

    store: S3
    bucket: str
    prefix: str
    _failed: Callable[[], None] = lambda: None
    _failures: list[BaseException] = field(default_factory=list)

    def opened(self, failed: Callable[[], None]) -> Self:
        """Return itself; `failed` is called when it has failed."""
        self._failed = failed
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.fail(error)

    def put(self, entries: Sequence[Entry]) -> None:
        """Stage a page; it has landed when this returns."""
        self.check()
        if entries:
            self._store([entry.request[WRAPPED:-1] for entry in entries])
            entries[0].load.take(len(entries))

    def put_parts(self, parts: Sequence[bytes]) -> None:
        """Stage items that belong to a large one."""
        self._store([b'{"Item":%b}' % part for part in parts])

    def check(self) -> None:
        """Raise what staging has failed with."""
        if self._failures:
            raise next((one for one in self._failures if not isinstance(one, Interrupted)), self._failures[0])

    def fail(self, error: BaseException) -> None:
        """End it early."""
        self._failures.append(error)
        self._failed()

    def clear(self) -> None:
        """Delete what is staged."""
        for one in list(self.store.objects(self.bucket, self.prefix)):
            self.store.delete(self.bucket, one.key)

    def _store(self, lines: list[bytes]) -> None:
        text = b"\n".join(lines) + b"\n"
        body = gzip.compress(text, LEVEL, mtime=0)
        key = f"{self.prefix}{sha256(text).hexdigest()}.json.gz"
        self.store.put(self.bucket, key, body, crc64=crc64(body), headers=HEADERS)


@contextmanager
def opened(run: StepRun, work: Job) -> Iterator[Staging]:
    """Open the staging of a container; empty when the step has only begun."""
    context = run.context
    wanted = context.section(CosmosSettings).staging_bucket or ""
    bucket = str(context.output("provision", "wkms").get("buckets", {}).get(wanted, wanted))
    store = s3.connect(context.settings.aws, run.stopping)
    try:
        staging = Staging(store, bucket, f"wkms-migrate/cosmos/{work.name}/{run.step.digest}/")
        if not run.cursors:
            staging.clear()
        yield staging
    finally:
        store.close()


def load(run: StepRun, work: Job, tables: Tables, staging: Staging, way: LoadWay) -> None:
    """Let the service load what is staged: into a new table, which is made so, or into the one that is there."""
    table = work.table(run.context)
    new = table_shape.specification(work, table, run.context.section(CosmosSettings).tables)
    name = run.cursors.get(LOAD, {}).get("name")
    if name is None:
        wanted = Load(bucket=staging.bucket, prefix=staging.prefix, token=f"{run.step.digest}-{way}")
        name = tables.start_bulk(wanted, table) if way == "bulk" else tables.start_import(wanted, new)
        run.checkpoint({"name": name}, key=LOAD)
    loaded = tables.finished(way, name)
    if loaded.status not in ("COMPLETED", "COMPLETED_WITH_ERRORS"):
        raise WkmsError(
            f"Loading {table} from S3 ended as {loaded.status}: {loaded.message or 'no reason was given'}.",
            hint=f"See {name} in the console. What is staged stays; begin anew with --redo.",
        )
    if loaded.failed:
        run.finding(
            "load-errors",
            f"{counted(loaded.failed, 'item was', 'items were')} refused while {table} was loaded from S3.",
            work.name,
            severity="error",
            hint=f"The reasons are beside s3://{staging.bucket}/{staging.prefix}, or in the log group of the import.",
        )
    if way == "import":
        tables_of_phase.settle(run, work, tables, tables.ready(table), made=True)
    staging.clear()
