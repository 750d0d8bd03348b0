"""Schemas, tables, indexes and objects of a dump, made on the target."""

from __future__ import annotations

from collections.abc import Mapping

from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, indexes, objects, schema, servers, shape
from wkms_migrate.phases.mysql.catalog import TEXTS, Table
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.dump_manifest import DumpedSchema
from wkms_migrate.phases.mysql.load_job import Load
from wkms_migrate.phases.mysql.translation import Translation
from wkms_migrate.plan import StepRun


def tables(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Make schemas and tables; a table that is there already must have the same columns."""
    wanted = [load.table(dumped) for dumped in load.tables]
    schema.refuse_collisions(wanted)
    with servers.Pool(lambda: servers.target(run.context)) as targets:
        with targets.session() as target:
            words = load.words(target)
            _refuse_other_order(load, words)
            _make_room(target, load, words, wanted)
            pending = _missing(target, load, words, wanted)
        schema.make_tables(run, targets, words, pending, load.shown())
    return {"tables_made": len(pending)}


def _refuse_other_order(load: Load, words: Translation) -> None:
    """Raise `Refused` for tables cut by a key that the target sorts otherwise: a range there is not what it was."""
    sorted_anew = [
        dumped.name
        for dumped in load.tables
        if len(dumped.chunks) > 1
        and any(column.type in TEXTS for column in load.table(dumped).key)
        and any(collation in dumped.definition for collation in words.collations)
    ]
    if sorted_anew:
        raise Refused(
            f"The target sorts the keys of {', '.join(sorted_anew)} otherwise than the dump is cut by.",
            hint="Copy them with `wkms-migrate mysql copy`, or dump them with phases.mysql.chunk_mib above their size.",
        )


def _make_room(target: Session, load: Load, words: Translation, wanted: list[Table]) -> None:
    """Make the schemas; with `replace` drop what is in the way: whole schemas, or the tables chosen of them."""
    replace = load.settings.on_existing == "replace"
    whole = not (load.settings.include or load.settings.exclude)
    for one in load.schemas:
        if replace and whole:
            target.run(f"DROP DATABASE IF EXISTS {quoted(words.schema(one.name))}")
        _make_schema(target, words, one)
    if replace and not whole:
        for table in wanted:
            target.run(f"DROP TABLE IF EXISTS {table.on_target.quoted}")


def _make_schema(target: Session, words: Translation, one: DumpedSchema) -> None:
    name = quoted(words.schema(one.name))
    collation = words.collations.get(one.collation, one.collation)
    target.run(f"CREATE DATABASE IF NOT EXISTS {name}")
    target.run(f"ALTER DATABASE {name} CHARACTER SET {one.charset} COLLATE {collation}")


def _missing(target: Session, load: Load, words: Translation, wanted: list[Table]) -> list[Table]:
    """Return the tables that the target lacks. Raises `Refused` for one that is there with another definition."""
    known = shape.there(target, [table.on_target for table in wanted])
    there = [table for table in wanted if shape.name(table.on_target) in known]
    shown, found = load.shown(), catalog.definitions(target, [table.on_target for table in there])
    for table in there:
        ours = words.table(shown[table.id], table.schema).columns_text()
        if not words.same_words or found[table.on_target.id].columns_text() != ours:
            raise Refused(
                f"Table {table.on_target.id} is on the target, and not as the dump has it.",
                hint="Drop it there, load with --on-existing replace, or under another name with --rename.",
            )
    return [table for table in wanted if table not in there]


def additions(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Add indexes and foreign keys."""
    with servers.Pool(lambda: servers.target(run.context)) as targets:
        with targets.session() as target:
            words = load.words(target)
        return indexes.build(run, targets, words, [load.table(dumped) for dumped in load.tables], load.shown())


def stored_objects(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Make views, routines, triggers and events, the events disabled."""
    chosen = {shape.name(load.table(dumped)) for dumped in load.tables}
    with servers.target(run.context) as target:
        return objects.carry(run, target, load.objects, load.words(target), chosen)
