"""Secondary indexes and foreign keys, made after the rows are in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wkms_migrate.clients.mysql import Session
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, ddl, servers
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun

NAME = r"`(?:[^`]|``)+`"
NAMES = rf"\(({NAME}(?:, ?{NAME})*)\)"
FOREIGN_KEY = re.compile(rf"CONSTRAINT ({NAME}) FOREIGN KEY {NAMES} REFERENCES ((?:{NAME}\.)?{NAME}) {NAMES}")


def run(run: StepRun) -> Mapping[str, Json]:
    """Add what the target's tables lack: indexes of one table in one ALTER, FULLTEXT one by one, then foreign keys."""
    settings = run.context.section(MysqlSettings)
    workers = workers_of(run, settings.workers)
    with servers.source(run.context) as source, servers.Pool(lambda: servers.target(run.context)) as targets:
        tables = catalog.tables(source, settings.schemas)
        wanted = {table.id: catalog.definition(source, table) for table in tables}

        def add(table: Table) -> int:
            with targets.session() as target:
                return add_indexes(target, table, wanted[table.id])

        made = each(run, workers, add, tables)
        with targets.session() as target:
            keys = sum(add_foreign_keys(run, target, table, wanted[table.id]) for table in tables)
            for table in tables:
                target.rows(f"ANALYZE LOCAL TABLE {table.quoted}")
    return {"indexes": sum(made), "foreign_keys": keys}


def add_indexes(target: Session, table: Table, wanted: ddl.TableDefinition) -> int:
    """Add the indexes that a table lacks; return their number."""
    plain, fulltext, _ = ddl.additions(wanted, catalog.definition(target, table))
    if plain:
        target.run(f"ALTER TABLE {table.quoted} {', '.join(f'ADD {index}' for index in plain)}")
    for index in fulltext:  # InnoDB builds one at a time
        target.run(f"ALTER TABLE {table.quoted} ADD {index}")
    return len(plain) + len(fulltext)


def add_foreign_keys(run: StepRun, target: Session, table: Table, wanted: ddl.TableDefinition) -> int:
    """Add foreign keys unchecked, which is quick, and look for rows without a parent by an anti-join."""
    _, _, keys = ddl.additions(wanted, catalog.definition(target, table))
    for key in keys:
        run.check_stop()
        orphans = int(target.value(orphan_query(table, key)) or 0)
        if orphans:
            run.finding(
                "mysql-orphans",
                f"{orphans:,} rows have no parent by {ddl.identifier_at(key, len('CONSTRAINT '))}; so it is on the"
                " source too.",
                table.id,
                kind="risk",
                severity="warning",
                hint="The rows were moved as they are. Correct them on the source, or after the move.",
            )
    if keys:
        target.run(f"USE {ddl.quoted(table.schema)}")
        target.run(f"ALTER TABLE {table.quoted} {', '.join(f'ADD {key}' for key in keys)}")
    return len(keys)


def orphan_query(table: Table, foreign_key: str) -> str:
    """Return the query that counts rows with a full reference to a row that is not there."""
    match = FOREIGN_KEY.match(foreign_key)
    assert match is not None, foreign_key
    columns, parents = (re.findall(NAME, match[at]) for at in (2, 4))
    parent = match[3] if "`.`" in match[3] else f"{ddl.quoted(table.schema)}.{match[3]}"
    joined = " AND ".join(f"p.{theirs} = c.{mine}" for mine, theirs in zip(columns, parents, strict=True))
    full = " AND ".join(f"c.{mine} IS NOT NULL" for mine in columns)
    return (
        f"SELECT COUNT(*) FROM {table.quoted} c WHERE {full} AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {joined})"
    )
