"""Both ends compared: rows against the snapshot that they were copied from, definitions and objects as they are."""

from __future__ import annotations

from collections.abc import Mapping

from wkms_migrate.clients.mysql import Session
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, chunks, digest, fidelity, servers, shape, snapshot, translation, users
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.chunks import Chunk
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun


def run(run: StepRun) -> Mapping[str, Json]:
    """State a comparison for every table's rows, digest and definition and for the number of objects of each kind."""
    settings = run.context.section(MysqlSettings)
    workers = workers_of(run, settings.workers)
    copied = run.context.output("mysql", "tables")
    if run.context.output("mysql", "snapshot")["method"] == snapshot.INCONSISTENT:
        snapshot.tell_inconsistent(run)
    with servers.source(run.context) as source, servers.Pool(lambda: servers.target(run.context)) as targets:
        with targets.session() as target:
            words = translation.between(source, target, settings)
            tables = _present(run, source, target, settings, copied)
            fidelity.compare_tables(run, source, target, words, tables)
            fidelity.compare_objects(run, source, target, words, settings)
            if settings.users:
                users.compare(run, source, target, settings)
        found = _digests(run, targets, tables, workers, settings.chunk_mib << 20)
    for table in tables:
        _compare_rows(run, table, copied[table.id], found[table.id])
    return {"verified_tables": len(tables)}


def _present(
    run: StepRun, source: Session, target: Session, settings: MysqlSettings, copied: Mapping[str, Json]
) -> list[Table]:
    """Return the copied tables that are on both ends; state the others as differences."""
    tables = [table for table in catalog.selected(source, settings) if table.id in copied]
    there = shape.there(target, [table.on_target for table in tables])
    present = [table for table in tables if shape.name(table.on_target) in there]
    names = {table.id for table in present}
    gone = set(copied) - {table.id for table in tables}
    for name in copied:
        if name not in names:
            run.verified(name, "exists", "no" if name in gone else "yes", "yes" if name in gone else "no")
    return present


def _digests(
    run: StepRun, targets: servers.Pool, tables: list[Table], workers: int, chunk_bytes: int
) -> dict[str, Digest]:
    """Return the digest of each table on the target, big tables in parts."""

    def parts(table: Table) -> list[tuple[Table, Chunk]]:
        with targets.session() as target:
            cut = chunks.cut(chunks.bounds(target, table.on_target, chunk_bytes))
        return [(table, chunk) for chunk in cut]

    def read(part: tuple[Table, Chunk]) -> Digest:
        table, chunk = part
        with targets.session() as target:
            return digest.read(target, table.on_target, chunk.where(table.on_target))

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
