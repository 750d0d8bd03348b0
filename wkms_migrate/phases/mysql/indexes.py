"""Secondary indexes and foreign keys, made after the rows are in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from wkms_migrate import retry
from wkms_migrate.clients.mysql import Session
from wkms_migrate.counted import counted
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, ddl, servers, shape, translation
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.translation import Translation
from wkms_migrate.plan import StepRun

NAME = r"`(?:[^`]|``)+`"
NAMES = rf"\(({NAME}(?:, ?{NAME})*)\)"
FOREIGN_KEY = re.compile(rf"CONSTRAINT ({NAME}) FOREIGN KEY {NAMES} REFERENCES (?:({NAME})\.)?({NAME}) {NAMES}")
ANALYZED = 50  # tables in one statement

Definitions = Mapping[str, ddl.TableDefinition]


def run(run: StepRun) -> Mapping[str, Json]:
    """Add what the target's tables lack: indexes of one table in one ALTER, FULLTEXT one by one, then foreign keys.

    The result has the counts and, by table, the next AUTO_INCREMENT values that the target has at least.
    """
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.Pool(lambda: servers.target(run.context)) as targets:
        tables = catalog.selected(source, settings)
        shown = catalog.definitions(source, tables)
        with targets.session() as target:
            words = translation.between(source, target, settings)
        return build(run, targets, words, tables, shown)


def build(
    run: StepRun, targets: servers.Pool, words: Translation, tables: Sequence[Table], shown: Definitions
) -> Mapping[str, Json]:
    """Add what tables lack of their definitions on the source, which are `shown` by id."""
    workers = workers_of(run, run.context.section(MysqlSettings).workers)
    with targets.session() as target:
        wanted = _wanted(run, target, tables, {one.id: words.table(shown[one.id], one.schema) for one in tables})

    with targets.session() as target:
        there = catalog.definitions(target, [table.on_target for table in tables])
    lacking = {table.id: ddl.additions(wanted[table.id], there[table.on_target.id]) for table in tables}

    def index(table: Table) -> int:
        plain, fulltext, _ = lacking[table.id]
        with targets.session() as target:
            return _add_indexes(target, table.on_target, plain, fulltext)

    def refer(table: Table) -> int:
        keys = lacking[table.id][2]
        with targets.session() as target:
            _tell_orphans(run, target, table.on_target, keys, _partial(table, wanted[table.id], tables))
            return _add_foreign_keys(target, table.on_target, keys)

    made = each(run, workers, index, [table for table in tables if any(lacking[table.id][:2])])
    # Two of these may each wait for the other's parent; the server ends one of them, which then tries again.
    referring = [table for table in tables if lacking[table.id][2]]
    keys = each(run, workers, lambda table: retry.call(refer, table), referring)
    with targets.session() as target:
        raised = _raise_next_values(target, tables, shown)
        _analyze(target, tables)
    return {"indexes": sum(made), "foreign_keys": sum(keys), "next_values": raised}


def _wanted(
    run: StepRun, target: Session, tables: Sequence[Table], translated: Definitions
) -> dict[str, ddl.TableDefinition]:
    """Return the definitions without foreign keys to tables that the target has not; those are told."""
    known = shape.there(target)
    found: dict[str, ddl.TableDefinition] = {}
    for table in tables:
        meant, schema = translated[table.id], table.on_target.schema
        found[table.id] = shape.with_parents(meant, schema, known)
        for key in meant.foreign_keys:
            if key not in found[table.id].foreign_keys:
                run.finding(
                    "mysql-foreign-key-left",
                    f"Foreign key {_named(key)} does not go along: the target has no table"
                    f" {'.'.join(shape.parent(key, schema))}.",
                    f"{table.id} {_named(key)}",
                    kind="left",
                    severity="warning",
                    hint="Move the parent as well, or add the key when it is there.",
                )
    return found


def _partial(table: Table, wanted: ddl.TableDefinition, tables: Sequence[Table]) -> set[str]:
    """Return the foreign keys of a table whose parents were moved by a condition: not all parents are there."""
    chosen = {shape.name(other.on_target) for other in tables if other.condition}
    return {key for key in wanted.foreign_keys if shape.parent(key, table.on_target.schema) in chosen}


def _add_indexes(target: Session, table: Table, plain: Sequence[str], fulltext: Sequence[str]) -> int:
    if plain:
        target.run(f"ALTER TABLE {table.quoted} {', '.join(f'ADD {index}' for index in plain)}")
    for index in fulltext:  # InnoDB builds one at a time
        target.run(f"ALTER TABLE {table.quoted} ADD {index}")
    return len(plain) + len(fulltext)


def _tell_orphans(run: StepRun, target: Session, table: Table, keys: Sequence[str], partial: set[str]) -> None:
    """Look for rows without a parent by an anti-join: `partial` are the keys whose parents a condition chose."""
    for key in keys:
        run.check_stop()
        orphans = int(target.value(orphan_query(table, key)) or 0)
        if orphans:
            why = "these stayed behind by phases.mysql.where" if key in partial else "so it is on the source too"
            run.finding(
                "mysql-orphans",
                f"{counted(orphans, 'row has', 'rows have')} no parent by {_named(key)}; {why}.",
                f"{table.id} {_named(key)}",
                kind="risk",
                severity="warning",
                hint="The rows were moved as they are. Correct them on the source, or after the move.",
            )


def _add_foreign_keys(target: Session, table: Table, keys: Sequence[str]) -> int:
    """Add foreign keys unchecked, which is quick."""
    target.run(f"USE {ddl.quoted(table.schema)}")
    target.run(f"ALTER TABLE {table.quoted} {', '.join(f'ADD {key}' for key in keys)}")
    return len(keys)


def _named(foreign_key: str) -> str:
    return ddl.identifier_at(foreign_key, len("CONSTRAINT "))


def orphan_query(table: Table, foreign_key: str) -> str:
    """Return the query that counts rows with a full reference to a row that is not there."""
    match = FOREIGN_KEY.match(foreign_key)
    assert match is not None, foreign_key
    columns, parents = (re.findall(NAME, match[at]) for at in (2, 5))
    parent = f"{match[3] or ddl.quoted(table.schema)}.{match[4]}"
    joined = " AND ".join(f"p.{theirs} = c.{mine}" for mine, theirs in zip(columns, parents, strict=True))
    full = " AND ".join(f"c.{mine} IS NOT NULL" for mine in columns)
    return (
        f"SELECT COUNT(*) FROM {table.quoted} c WHERE {full} AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {joined})"
    )


def _raise_next_values(target: Session, tables: Sequence[Table], shown: Definitions) -> dict[str, Json]:
    """Bring the target's next AUTO_INCREMENT values up to the source's; return those that are not 1, by table."""
    counting = [table for table in tables if shown[table.id].next_value]
    there = catalog.definitions(target, [table.on_target for table in counting])
    for table in counting:
        if there[table.on_target.id].next_value < shown[table.id].next_value:
            target.run(f"ALTER TABLE {table.on_target.quoted} AUTO_INCREMENT = {shown[table.id].next_value}")
    return {table.id: shown[table.id].next_value for table in counting}


def _analyze(target: Session, tables: Sequence[Table]) -> None:
    for names in _portions([table.on_target.quoted for table in tables]):
        target.rows(f"ANALYZE LOCAL TABLE {', '.join(names)}")


def _portions(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(names), ANALYZED):
        yield names[at : at + ANALYZED]
