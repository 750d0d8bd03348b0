"""Both ends compared: rows against the snapshot that they were copied from, definitions and objects as they are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import WkmsError
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, chunks, digest, objects, schema, servers, snapshot
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.chunks import Chunk
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun, digest_of


def run(run: StepRun) -> Mapping[str, Json]:
    """State a comparison for every table's rows, digest and definition and for the number of objects of each kind."""
    settings = run.context.section(MysqlSettings)
    workers = workers_of(run, settings.workers)
    copied = run.context.output("mysql", "tables")
    if run.context.output("mysql", "snapshot")["method"] == snapshot.INCONSISTENT:
        snapshot.tell_inconsistent(run)
    with servers.source(run.context) as source, servers.Pool(lambda: servers.target(run.context)) as targets:
        with targets.session() as target:
            tables = [table for table in catalog.tables(target, settings.schemas) if table.id in copied]
            _compare_definitions(run, source, target, tables)
            _compare_objects(run, source, target, settings)
        _compare_missing(run, copied, tables)
        found = _digests(run, targets, tables, workers, settings.chunk_mib << 20)
    for table in tables:
        _compare_rows(run, table, copied[table.id], found[table.id])
    return {"verified_tables": len(tables)}


def _digests(
    run: StepRun, targets: servers.Pool, tables: list[Table], workers: int, chunk_bytes: int
) -> dict[str, Digest]:
    """Return the digest of each table on the target, big tables in parts."""

    def parts(table: Table) -> list[tuple[Table, Chunk]]:
        with targets.session() as target:
            return [(table, chunk) for chunk in chunks.cut(chunks.bounds(target, table, chunk_bytes))]

    def read(part: tuple[Table, Chunk]) -> Digest:
        table, chunk = part
        with targets.session() as target:
            return digest.read(target, table, chunk.where(table))

    cut = [part for found in each(run, workers, parts, tables) for part in found]
    result = {table.id: Digest() for table in tables}
    for (table, _), found in zip(cut, each(run, workers, read, cut), strict=True):
        result[table.id] += found
    return result


def _compare_rows(run: StepRun, table: Table, copied: Mapping[str, Json], found: Digest) -> None:
    """Compare what was added: in a table that had rows before, these are subtracted."""
    source = Digest.from_json(copied["source"])
    added = found - Digest.from_json(copied["base"])
    run.verified(table.id, "rows", source.rows, added.rows)
    run.verified(table.id, "digest", source, added)


def _compare_missing(run: StepRun, copied: Mapping[str, Json], tables: list[Table]) -> None:
    there = {table.id for table in tables}
    for name in copied:
        if name not in there:
            run.verified(name, "exists", "yes", "no")


def _compare_definitions(run: StepRun, source: Session, target: Session, tables: list[Table]) -> None:
    for table in tables:
        run.check_stop()
        wanted = schema.existing(source, table)
        if wanted is None:
            raise WkmsError(f"Table {table.id} was dropped on the source after it was copied.", hint="Start a new run.")
        theirs = schema.existing(target, table)
        run.verified(
            table.id,
            "definition",
            *difference(wanted.comparable(), theirs.comparable() if theirs else "(not there)"),
        )


def difference(source: str, target: str) -> tuple[str, str]:
    """Return the first line in which two definitions differ, for both; a digest of the whole where none does."""
    for ours, theirs in zip_longest(source.splitlines(), target.splitlines(), fillvalue=""):
        if ours != theirs:
            return ours, theirs
    return digest_of(source), digest_of(target)


def _compare_objects(run: StepRun, source: Session, target: Session, settings: MysqlSettings) -> None:
    """Compare by name. With `append` the target may hold more than came from the source."""
    for name in settings.schemas:
        for kind in objects.KINDS:
            ours, theirs = (set(objects.names(session, kind, name)) for session in (source, target))
            present = theirs & ours if settings.on_existing == "append" else theirs
            if ours or present:
                run.verified(name, f"{kind.lower()}s", ", ".join(sorted(ours)), ", ".join(sorted(present)))
