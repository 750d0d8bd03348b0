"""Both ends compared: rows against the snapshot that they were copied from, definitions and objects as they are."""

from __future__ import annotations

from collections.abc import Mapping

from wkms_migrate.clients.mysql import Session
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, fidelity, servers, shape, snapshot, translation, users, verify_rows
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.compare import Ends
from wkms_migrate.phases.mysql.pairs import pairing
from wkms_migrate.phases.mysql.parallel import workers_of
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun


def rows(run: StepRun) -> Mapping[str, Json]:
    """State a comparison of every table's rows and digest with what the copy read from its snapshot."""
    settings = run.context.section(MysqlSettings)
    if run.context.output("mysql", "snapshot")["method"] == snapshot.INCONSISTENT:
        snapshot.tell_inconsistent(run)
    with servers.source(run.context) as source, servers.Pool(lambda: servers.target(run.context)) as targets:
        with targets.session() as target:
            tables = _present(run, source, target, settings, run.context.output("mysql", "tables"))
            pairs = {pair.id: pair for pair in pairing(source, target, settings).pairs}
        with servers.Pool(lambda: servers.source(run.context)) as sources:
            found = [(table, pairs[table.id]) for table in tables]
            verify_rows.compare(run, Ends(sources, targets), found, workers_of(run, settings.workers))
    return {"verified_tables": len(tables)}


def run(run: StepRun) -> Mapping[str, Json]:
    """State a comparison of every table's definition, of every object and of every account."""
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.target(run.context) as target:
        words = translation.between(source, target, settings)
        tables = _present(run, source, target, settings, run.context.output("mysql", "tables"))
        fidelity.compare_tables(run, source, target, words, tables)
        fidelity.compare_objects(run, source, target, words, settings)
        if settings.users:
            users.compare(run, source, target, settings)
    return {"verified_definitions": len(tables)}


def _present(
    run: StepRun, source: Session, target: Session, settings: MysqlSettings, copied: Mapping[str, Json]
) -> list[Table]:
    """Return the copied tables that are on both ends; state the others as differences."""
    tables = [table for table in catalog.selected(source, settings) if table.id in copied]
    there = shape.there(target, [table.on_target for table in tables])
    present = [table for table in tables if shape.name(table.on_target) in there]
    names = {table.id for table in present}
    gone = set(copied) - {table.id for table in tables}
    for table in catalog.selected(source, settings):
        if table.id not in copied:
            run.verified(table.id, "exists", "yes, made after the copy", "no")
    for name in copied:
        if name not in names:
            run.verified(name, "exists", "no" if name in gone else "yes", "yes" if name in gone else "no")
    return present
