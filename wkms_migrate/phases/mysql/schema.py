"""The tables: as they are on the source, without what is quicker to build after the rows are in."""

from __future__ import annotations

from collections.abc import Mapping

from wkms_migrate.clients.mysql import Session, SqlError
from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, servers
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.ddl import TableDefinition, quoted
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun

UNKNOWN_TABLE = 1146


def run(run: StepRun) -> Mapping[str, Json]:
    """Make schemas and tables on the target; a table that is there already must have the same definition."""
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.target(run.context) as target:
        for name in settings.schemas:
            _make_schema(source, target, name, drop=settings.on_existing == "replace")
        tables = catalog.tables(source, settings.schemas)
        made = [table.id for table in tables if _make_table(run, source, target, table)]
    return {"tables_made": len(made)}


def _make_schema(source: Session, target: Session, name: str, *, drop: bool) -> None:
    charset, collation = source.rows(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata"
        f" WHERE schema_name = {source.quoted(name)}"
    )[0]
    if drop:
        target.run(f"DROP DATABASE IF EXISTS {quoted(name)}")
    target.run(f"CREATE DATABASE IF NOT EXISTS {quoted(name)}")
    target.run(f"ALTER DATABASE {quoted(name)} CHARACTER SET {charset} COLLATE {collation}")


def _make_table(run: StepRun, source: Session, target: Session, table: Table) -> bool:
    run.check_stop()
    wanted = catalog.definition(source, table)
    there = existing(target, table)
    if there is not None:
        if there.columns_text() != wanted.columns_text():
            raise Refused(
                f"Table {table.id} is on the target with another definition.",
                hint="Drop it there, or set phases.mysql.on_existing to replace.",
            )
        return False
    if left := wanted.placement():
        run.finding(
            "mysql-placement",
            f"Clauses about files do not go along: {', '.join(left)}.",
            table.id,
            kind="left",
            hint="The storage of the target is encrypted and placed as provision configured it.",
        )
    target.run(f"USE {quoted(table.schema)}")
    target.run(wanted.create())
    return True


def existing(target: Session, table: Table) -> TableDefinition | None:
    """Return the definition of a table on the target, None when it is not there."""
    try:
        return catalog.definition(target, table)
    except SqlError as error:
        if error.code == UNKNOWN_TABLE:
            return None
        raise
