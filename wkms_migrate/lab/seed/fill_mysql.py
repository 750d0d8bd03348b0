"""Fills the MySQL source: the schema, then every table by LOAD DATA from memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from wkms_migrate.clients import mysql
from wkms_migrate.config import Settings
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab.seed.dataset import Expected, Job, Part
from wkms_migrate.lab.seed.schema import schema_statements
from wkms_migrate.lab.seed.tables import TABLES, Table

if TYPE_CHECKING:
    from wkms_migrate.lab.seed.rows import Row, Value

SCHEMA = "wkms"
BLOCK_BYTES = 1 << 20
_SPECIAL = re.compile(r"[\\\t\n\r\x00\x1a]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": "\\0", "\x1a": "\\Z"})


def marker(settings: Settings) -> str | None:
    """Read the data set's id out of a table comment, where it hurts nobody and travels along."""
    with mysql.connect(settings.azure.mysql, "source") as session:
        comment = session.value(
            "SELECT table_comment FROM information_schema.tables"
            " WHERE table_schema = 'wkms' AND table_name = 'departments'"
        )
    _, found, dataset = str(comment or "").partition("; data set ")
    return dataset if found else None


def fill(job: Job) -> Expected:
    """Drop the schema, create it again and load every table."""
    with mysql.connect(job.settings.azure.mysql, "source") as session:
        session.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        for statement in schema_statements():
            session.run(statement)
        expected = {table.name: _load(session, table, job) for table in TABLES}
        session.run(f"ALTER TABLE departments COMMENT = '조직도; data set {job.dataset}'")
    job.tell(f"MySQL: {sum(one['count'] for one in expected.values()):,} rows in {len(expected)} tables")
    return expected


def _load(session: mysql.Session, table: Table, job: Job) -> Expected:
    hasher = sha256()
    count = 0

    def blocks() -> Iterator[bytes]:
        nonlocal count
        block = bytearray()
        for row in table.rows(job.scale):
            block += line(row)
            count += 1
            if len(block) >= BLOCK_BYTES:
                hasher.update(block)
                yield bytes(block)
                block.clear()
        hasher.update(block)
        if block:
            yield bytes(block)

    loaded = session.load(_statement(table), job.until_stopped(blocks()))
    if loaded.warnings or loaded.rows != count:
        raise WkmsError(
            f"Table {table.name} took {loaded.rows} of {count} rows with {loaded.warnings} warnings: "
            f"{'; '.join(session.warnings())}."
        )
    return {"count": count, "sha256": hasher.hexdigest()}


def _statement(table: Table) -> str:
    assign = ", ".join(f"{column} = {expression}" for column, expression in table.assign.items())
    return (
        f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {table.name} CHARACTER SET utf8mb4 ({', '.join(table.columns)})"
        + (f" SET {assign}" if assign else "")
    )


def line(row: Row) -> bytes:
    """Return a row in the default format of LOAD DATA; binary values are in hex."""
    return ("\t".join(map(_text, row)) + "\n").encode()


def _text(value: Value) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES) if _SPECIAL.search(value) else value
    return value.hex() if isinstance(value, bytes) else str(value)


PART = Part(name="mysql", marker=marker, fill=fill)
