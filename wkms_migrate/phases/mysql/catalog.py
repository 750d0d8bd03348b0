"""What the dictionary of a server says about the schemas that move. Asked in whole schemas, not table by table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql.ddl import TableDefinition, parse, quoted
from wkms_migrate.phases.mysql.settings import MysqlSettings

INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
BINARIES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
FLOATS = frozenset({"float", "double"})
TIMES = frozenset({"date", "datetime", "timestamp", "time", "year"})
EMPTY_MEMBER = re.compile(r"[(,]''[,)]")  # of an ENUM or SET; a strange name of another member may look alike
# MySQL writes "geomcollection" since 8.0, MariaDB "geometrycollection".
GEOMETRIES = frozenset(
    {
        "geometry",
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geomcollection",
        "geometrycollection",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; `type` is the bare data type in lower case, `charset` None for what is no text.

    `by_number`: an ENUM or SET with the member '', whose text does not tell that member from none at all.
    """

    name: str
    type: str
    charset: str | None
    generated: bool = False
    by_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A base table. `key` is its primary key in order, empty where no key can cut it into chunks.

    `bytes` is the size of the rows, `index_bytes` that of the secondary indexes: 0 without any. `condition` is the SQL
    condition that its rows must meet to be moved, empty for all.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    rows: int
    bytes: int
    index_bytes: int = 0
    engine: str = "InnoDB"
    target_schema: str = ""
    condition: str = ""

    @property
    def id(self) -> str:
        """Schema and name with a dot, for messages and checkpoints."""
        return f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> str:
        """The full name for SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def on_target(self) -> Table:
        """The table as it is called on the target, where only moved rows are."""
        return replace(self, schema=self.target_schema or self.schema, condition="")

    @property
    def row_bytes(self) -> int:
        """The estimated size of a row."""
        return self.bytes // max(self.rows, 1)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that hold values of their own, in order."""
        return tuple(column for column in self.columns if not column.generated)


def literals(session: Session, values: Sequence[str]) -> str:
    """Return the values as a list of SQL literals."""
    return ", ".join(session.quoted(value) for value in values)


def tables(session: Session, schemas: Sequence[str]) -> list[Table]:
    """Return the base tables of these schemas, the biggest first. Row and byte numbers are the server's estimates."""
    names = literals(session, schemas)
    columns = _columns(session, names)
    keys = _keys(session, names)
    found = session.records(
        "SELECT table_schema AS s, table_name AS t, engine AS engine, COALESCE(table_rows, 0) AS row_estimate,"
        " COALESCE(data_length, 0) AS byte_estimate, COALESCE(index_length, 0) AS index_estimate"
        f" FROM information_schema.tables WHERE table_schema IN ({names}) AND table_type = 'BASE TABLE'"
    )
    made = [
        Table(
            schema=row["s"],
            name=row["t"],
            columns=tuple(columns[row["s"], row["t"]]),
            key=_chunk_key(columns[row["s"], row["t"]], keys[row["s"], row["t"]]),
            rows=int(row["row_estimate"]),
            bytes=int(row["byte_estimate"]),
            index_bytes=int(row["index_estimate"]),
            engine=row["engine"] or "",
        )
        for row in found
    ]
    return sorted(made, key=lambda table: (-table.bytes, table.id))


def selected(session: Session, settings: MysqlSettings) -> list[Table]:
    """Return the tables of the source that the settings choose, each with its schema on the target and its condition.

    Names compare without case, as a server with lower_case_table_names=1 does.
    """
    wheres = {name.lower(): condition for name, condition in settings.where.items()}
    return [
        replace(
            table,
            target_schema=on_target(settings, table.schema),
            condition=wheres.get(table.id.lower(), ""),
        )
        for table in tables(session, settings.schemas)
        if is_selected(settings, table.id)
    ]


def on_target(settings: MysqlSettings, schema: str) -> str:
    """Return the name that a schema has on the target."""
    renamed = {name.lower(): new for name, new in settings.rename.items()}
    return renamed.get(schema.lower(), schema)


def is_selected(settings: MysqlSettings, table_id: str) -> bool:
    """Say whether a table goes along: it is included, or nothing is, and it is not excluded."""
    name = table_id.lower()
    included = not settings.include or any(fnmatchcase(name, glob.lower()) for glob in settings.include)
    return included and not any(fnmatchcase(name, glob.lower()) for glob in settings.exclude)


def _columns(session: Session, names: str) -> dict[tuple[str, str], list[Column]]:
    grouped: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for row in session.records(
        "SELECT table_schema AS s, table_name AS t, column_name AS c, data_type AS type, character_set_name AS cs,"
        " generation_expression AS expression, column_type AS full_type FROM information_schema.columns"
        f" WHERE table_schema IN ({names}) ORDER BY table_schema, table_name, ordinal_position"
    ):
        kind = str(row["type"]).lower()
        column = Column(
            name=row["c"],
            type=kind,
            charset=row["cs"],
            generated=bool(row["expression"]),
            by_number=kind in {"enum", "set"} and EMPTY_MEMBER.search(str(row["full_type"])) is not None,
        )
        grouped[row["s"], row["t"]].append(column)
    return grouped


def _keys(session: Session, names: str) -> dict[tuple[str, str], list[tuple[str, bool]]]:
    grouped: dict[tuple[str, str], list[tuple[str, bool]]] = defaultdict(list)
    for row in session.records(
        "SELECT table_schema AS s, table_name AS t, column_name AS c, sub_part AS prefix"
        f" FROM information_schema.statistics WHERE table_schema IN ({names}) AND index_name = 'PRIMARY'"
        " ORDER BY table_schema, table_name, seq_in_index"
    ):
        grouped[row["s"], row["t"]].append((row["c"], row["prefix"] is not None))
    return grouped


def _chunk_key(columns: list[Column], parts: list[tuple[str, bool]]) -> tuple[Column, ...]:
    """Return the primary key if rows can be compared with it exactly.

    A prefix orders nothing for sure, ENUM and SET sort by number but compare as text, FLOAT compares inexactly.
    """
    by_name = {column.name: column for column in columns}
    key = tuple(by_name[name] for name, _ in parts)
    comparable = INTEGERS | TIMES | {"decimal", "char", "varchar", "binary", "varbinary"}
    usable = all(column.type in comparable for column in key) and not any(prefix for _, prefix in parts)
    return key if usable else ()


def definition(session: Session, table: Table) -> TableDefinition:
    """Return the table's CREATE statement in parts."""
    return parse(str(session.rows(f"SHOW CREATE TABLE {table.quoted}")[0][1]))


def definitions(session: Session, tables: Sequence[Table]) -> dict[str, TableDefinition]:
    """Return the CREATE statements of these tables by their id. All must be there."""
    found = session.batch([f"SHOW CREATE TABLE {table.quoted}" for table in tables])
    return {table.id: parse(str(records[0]["create table"])) for table, records in zip(tables, found, strict=True)}
