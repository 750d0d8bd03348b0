"""How a row travels: read as the server stores it, sent as a line of LOAD DATA, never through a Python value.

Small rows travel many at a time: the source itself writes the lines of a chunk and joins them, so that this program has
no work for each. Big rows travel one by one, as they stand on the wire, and are made lines here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wkms_migrate.clients import mysql_line
from wkms_migrate.clients.mysql_line import NULL_MARK, append
from wkms_migrate.phases.mysql.catalog import INTEGERS, TIMES, Column, Table
from wkms_migrate.phases.mysql.ddl import quoted

BLOCK_BYTES = 512 * 1024  # below the smallest max_allowed_packet that servers are run with (1 MiB)
PLAIN = INTEGERS | TIMES | {"decimal", "float", "double"}  # their text never holds what LOAD DATA has to escape
HASH_BYTES = 16  # hexadecimal digits of a row's hash


def read(column: Column) -> str:
    """Return the expression that reads a column without loss.

    FLOAT as text has six digits only; as DOUBLE it has all that the value needs.
    """
    name = quoted(column.name)
    if column.by_number:
        return f"CAST({name} AS UNSIGNED)"
    return f"CAST({name} AS DOUBLE)" if column.type == "float" else name


def select(table: Table, where: str, *also: str) -> str:
    """Return the query for the stored columns of the rows in a range, and `also`, in the order of the key."""
    columns = ", ".join((*(read(column) for column in table.stored), *also))
    order = ", ".join(quoted(column.name) for column in table.key)
    ordered = f" ORDER BY {order}" if order else ""
    return f"SELECT {columns} FROM {source(table)}{where}{ordered}"


def joined(table: Table, where: str) -> str:
    """Return the query for the number of rows in a range and all their lines in one value.

    Where a line or the whole is longer than the server's max_allowed_packet, it warns and the value is of no use.
    """
    fields = r", '\t', ".join(_field(column) for column in table.stored)
    return rf"SELECT COUNT(*), GROUP_CONCAT(CONCAT({fields}, '\n') SEPARATOR '') FROM {source(table)}{where}"


def _field(column: Column) -> str:
    """Return the expression that writes a column as `lines` does."""
    name = quoted(column.name)
    whole = f"CAST({name} AS CHAR CHARACTER SET utf8mb4)" if column.type == "json" else read(column)
    text = f"CONVERT({whole} USING binary)"
    if column.type not in PLAIN:
        for special in (r"\\", r"\t", r"\n"):
            text = rf"REPLACE({text}, '{special}', '\\{special}')"
    return rf"IFNULL({text}, '\\N')"


def source(table: Table) -> str:
    """Return the table as ranges of its key are read from it."""
    return f"{table.quoted} FORCE INDEX (PRIMARY)" if table.key else table.quoted


def load(table: Table) -> str:
    """Return the LOAD DATA for the lines that `lines` makes.

    CHARACTER SET binary keeps every byte as it was read; only JSON refuses binary text and is told its character set.
    Numbers of members are told to be numbers.
    """
    targets: list[str] = []
    conversions: list[str] = []
    for number, column in enumerate(table.stored):
        if column.type == "json":
            targets.append(f"@c{number}")
            conversions.append(f"{quoted(column.name)} = CONVERT(@c{number} USING utf8mb4)")
        elif column.by_number:  # '3' as text would be the member of this name before it is the third
            targets.append(f"@c{number}")
            conversions.append(f"{quoted(column.name)} = CAST(@c{number} AS UNSIGNED)")
        else:
            targets.append(quoted(column.name))
    converted = f" SET {', '.join(conversions)}" if conversions else ""
    return (
        f"LOAD DATA LOCAL INFILE 'memory' INTO TABLE {table.quoted} CHARACTER SET binary"
        r" FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'"
        f" ({', '.join(targets)}){converted}"
    )


@dataclass(slots=True)
class Tally:
    """How much of a stream has gone by.

    `hashes` is the sum of the rows' hashes where they were asked for, `unhashed` the rows that the server could not
    hash, `loose_json` whether JSON was seen whose numbers may be written otherwise after it was read again.
    """

    rows: int = 0
    bytes: int = 0
    hashes: int = 0
    unhashed: int = 0
    loose_json: bool = False


def lines(
    payloads: Iterable[bytes], columns: Sequence[Column], tally: Tally, *, hashed: bool = False
) -> Iterator[bytes]:
    """Yield blocks of LOAD DATA lines for rows as they stand on the wire; `tally` counts them.

    `hashed`: behind the columns stands the row's hash, HASH_BYTES long or NULL.
    """
    kinds = bytes(_kind(column, hashed=hashed) for column in columns)
    block = bytearray()
    for payload in payloads:
        if append(block, payload, kinds):
            tally.loose_json = True
        if hashed:
            _add_hash(tally, payload)
        tally.rows += 1
        if len(block) >= BLOCK_BYTES:
            tally.bytes += len(block)
            yield from cut(bytes(block))
            block = bytearray()
    tally.bytes += len(block)
    if block:
        yield from cut(bytes(block))


def _kind(column: Column, *, hashed: bool) -> int:
    if column.type in PLAIN:
        return mysql_line.PLAIN
    return mysql_line.JSON if column.type == "json" and hashed else mysql_line.ESCAPED


def _add_hash(tally: Tally, payload: bytes) -> None:
    """Count the hash in the last column of a row as it stands on the wire."""
    if payload[-1] == NULL_MARK:
        tally.unhashed += 1
    else:
        tally.hashes += int(payload[-HASH_BYTES:], 16)


def cut(joined: bytes) -> Iterator[bytes]:
    """Yield lines in parts that any server takes as a packet."""
    if len(joined) <= 2 * BLOCK_BYTES - 8:
        yield joined
        return
    for at in range(0, len(joined), BLOCK_BYTES):
        yield joined[at : at + BLOCK_BYTES]
