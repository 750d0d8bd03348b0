"""Schemas, tables, indexes and objects of a dump, made on the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import ddl, indexes, objects, schema, servers
from wkms_migrate.phases.mysql.ddl import TableDefinition, quoted
from wkms_migrate.phases.mysql.dump_manifest import DumpedSchema, DumpedTable
from wkms_migrate.phases.mysql.load_job import Load
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.plan import StepRun


def tables(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Make schemas and tables; a table that is there already must have the same columns."""
    with servers.target(run.context) as target:
        for one in load.schemas:
            _make_schema(target, load, one)
        made = [dumped.name for dumped in load.tables if _make_table(run, target, load, dumped)]
    return {"tables_made": len(made)}


def _make_schema(target: Session, load: Load, one: DumpedSchema) -> None:
    name = quoted(load.target_schema(one.name))
    if load.settings.on_existing == "replace":
        target.run(f"DROP DATABASE IF EXISTS {name}")
    target.run(f"CREATE DATABASE IF NOT EXISTS {name}")
    target.run(f"ALTER DATABASE {name} CHARACTER SET {one.charset} COLLATE {one.collation}")


def _make_table(run: StepRun, target: Session, load: Load, dumped: DumpedTable) -> bool:
    run.check_stop()
    table = load.on_target(dumped)
    wanted = wanted_definition(load, dumped)
    there = schema.existing(target, table)
    if there is None:
        target.run(f"USE {quoted(table.schema)}")
        target.run(wanted.create())
    elif there.columns_text() != wanted.columns_text():
        raise Refused(
            f"Table {table.id} is on the target with another definition than in the dump.",
            hint="Drop it there, or load with --on-existing replace.",
        )
    return there is None


def wanted_definition(load: Load, dumped: DumpedTable) -> TableDefinition:
    """Return a table's definition as it is to be on the target."""
    parsed = ddl.parse(dumped.definition)
    keys = tuple(_renamed_parent(key, load.settings.rename) for key in parsed.foreign_keys)
    return replace(parsed, foreign_keys=keys)


def _renamed_parent(foreign_key: str, rename: Mapping[str, str]) -> str:
    """Return a foreign key whose parent's schema, named only where it is another, is the one on the target."""
    for name, new_name in rename.items():
        foreign_key = foreign_key.replace(f" REFERENCES {quoted(name)}.", f" REFERENCES {quoted(new_name)}.")
    return foreign_key


def additions(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Add indexes, those of several tables at the same time, then foreign keys."""
    with servers.Pool(lambda: servers.target(run.context)) as targets:

        def add(dumped: DumpedTable) -> int:
            with targets.session() as target:
                return indexes.add_indexes(target, load.on_target(dumped), wanted_definition(load, dumped))

        made = each(run, workers_of(run, load.settings.workers), add, load.tables)
        with targets.session() as target:
            keys = 0
            for dumped in load.tables:
                keys += indexes.add_foreign_keys(run, target, load.on_target(dumped), wanted_definition(load, dumped))
            for dumped in load.tables:
                target.rows(f"ANALYZE LOCAL TABLE {load.on_target(dumped).quoted}")
    return {"indexes": sum(made), "foreign_keys": keys}


def stored_objects(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Make views, routines, triggers and events, the events disabled."""
    found = [replace(one, schema=load.target_schema(one.schema)) for one in load.objects]
    with servers.target(run.context) as target:
        return objects.make(run, target, found)
