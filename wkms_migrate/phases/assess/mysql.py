"""What a MySQL server holds, from its own catalog. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wkms_migrate.clients import mysql
from wkms_migrate.phases.assess import AssessSettings

if TYPE_CHECKING:
    from wkms_migrate.clients.mysql import Session
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun

# Databases of the server itself; azure_* belong to Azure's own tooling (server documentation, "System databases").
SYSTEM = ("mysql", "sys", "information_schema", "performance_schema", "azure_sys", "azure_maintenance")
_OWN = f"NOT IN ({', '.join(repr(name) for name in SYSTEM)})"
VARIABLES = ("version", "version_comment", "lower_case_table_names", "character_set_server", "sql_mode", "time_zone")
COUNTED = {
    "views": ("VIEWS", "TABLE_SCHEMA"),
    "routines": ("ROUTINES", "ROUTINE_SCHEMA"),
    "triggers": ("TRIGGERS", "TRIGGER_SCHEMA"),
    "events": ("EVENTS", "EVENT_SCHEMA"),
}
ENGINE = "InnoDB"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `size` in bytes with indexes, `rows` counted when `exact`, else what the server estimates."""

    schema: str
    name: str
    engine: str
    size: int
    rows: int
    exact: bool = False

    @property
    def id(self) -> str:
        """The name as people write it."""
        return f"{self.schema}.{self.name}"


def look(run: StepRun) -> Mapping[str, Json]:
    """Return server settings, schemas and largest tables; state findings on what needs care."""
    settings = run.context.section(AssessSettings)
    with mysql.connect(run.context.settings.azure.mysql, "source") as session:
        tables = list(_counted(run, session, _tables(session), settings.exact_rows_up_to))
        server = {name: str(value) for name, value in _variables(session)}
        schemas = _schemas(session, tables)
    _findings(run, server, schemas, tables)
    by_size = sorted(tables, key=lambda table: (-table.size, table.id))
    return {
        "server": server,
        "schemas": schemas,
        "tables": len(tables),
        "rows": sum(table.rows for table in tables),
        "rows_exact": all(table.exact for table in tables),
        "bytes": sum(table.size for table in tables),
        "largest": [
            {"name": table.id, "bytes": table.size, "rows": table.rows} for table in by_size[: settings.largest]
        ],
    }


def _tables(session: Session) -> list[Table]:
    rows = session.records(
        "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS n, ENGINE AS e, TABLE_ROWS AS r,"  # noqa: S608 - constants only
        " COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0) AS b"
        f" FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA {_OWN}"
        " ORDER BY TABLE_SCHEMA, TABLE_NAME"
    )
    return [Table(str(row["s"]), str(row["n"]), str(row["e"]), int(row["b"]), int(row["r"] or 0)) for row in rows]


def _counted(run: StepRun, session: Session, tables: list[Table], limit: int) -> Iterator[Table]:
    """Count tables that are small enough; a full count of a large one would burden the source."""
    for done, table in enumerate(tables, 1):
        run.check_stop()
        if table.rows <= limit:
            name = ".".join(f"`{part.replace('`', '``')}`" for part in (table.schema, table.name))
            count = int(session.value(f"SELECT COUNT(*) FROM {name}"))  # noqa: S608 - quoted just above
            yield Table(table.schema, table.name, table.engine, table.size, count, exact=True)
        else:
            yield table
        run.progress(done, len(tables), "tables", item=table.id)


def _variables(session: Session) -> list[tuple[Any, ...]]:
    names = ", ".join(f"'{name}'" for name in VARIABLES)
    return session.rows(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")


def _schemas(session: Session, tables: list[Table]) -> list[dict[str, Json]]:
    found = session.records(
        "SELECT SCHEMA_NAME AS n, DEFAULT_CHARACTER_SET_NAME AS c, DEFAULT_COLLATION_NAME AS l"  # noqa: S608 - constants
        f" FROM information_schema.SCHEMATA WHERE SCHEMA_NAME {_OWN} ORDER BY SCHEMA_NAME"
    )
    objects = {kind: _objects(session, *where) for kind, where in COUNTED.items()}
    return [_schema(row, [table for table in tables if table.schema == row["n"]], objects) for row in found]


def _schema(row: Mapping[str, Any], tables: list[Table], objects: Mapping[str, Mapping[str, int]]) -> dict[str, Json]:
    name = str(row["n"])
    engines = sorted({table.engine for table in tables})
    return {
        "name": name,
        "charset": row["c"],
        "collation": row["l"],
        "tables": len(tables),
        "rows": sum(table.rows for table in tables),
        "bytes": sum(table.size for table in tables),
        "engines": {engine: sum(table.engine == engine for table in tables) for engine in engines},
        **{kind: counts.get(name, 0) for kind, counts in objects.items()},
    }


def _objects(session: Session, view: str, column: str) -> dict[str, int]:
    rows = session.rows(
        f"SELECT {column}, COUNT(*) FROM information_schema.{view}"  # noqa: S608 - constants only
        f" WHERE {column} {_OWN} GROUP BY {column}"
    )
    return {str(name): int(count) for name, count in rows}


def _findings(run: StepRun, server: Mapping[str, str], schemas: list[dict[str, Json]], tables: list[Table]) -> None:
    for table in tables:
        if table.engine != ENGINE:
            run.finding(
                "assess-engine",
                f"{table.engine} keeps this table without transactions: no consistent copy while it is written.",
                table.id,
                kind="risk",
                severity="warning",
                hint=f"ALTER TABLE … ENGINE={ENGINE} before the migration.",
            )
    for schema in schemas:
        if schema["events"]:
            run.finding(
                "assess-events",
                f"{schema['events']} scheduled events: created switched off, to be switched on at the cut-over.",
                schema["name"],
            )
    if server.get("lower_case_table_names") == "0":
        run.finding(
            "assess-case",
            "Table names that differ by case only would collide: the source tells them apart, the target does not.",
            kind="risk",
            severity="warning",
            hint="Set lower_case_table_names in terraform/aws/rds.tf before the instance is made.",
        )
