"""A digest of rows that two servers compute alike and that can be added up.

Per row: SHA-256 over all columns, each in a canonical form that cannot run into its neighbour (facts: a separator
alone lets ('a#b','c') equal ('a','b#c')). Over rows: the first 64 bits summed modulo 2**64, with the count. A sum and
not XOR, because pairs of equal rows cancel under XOR. SHA2() because MD5() and SHA1() are gone from MySQL 9.6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.mysql.catalog import BINARIES, FLOATS, GEOMETRIES, TEXTS, Column, Table
from wkms_migrate.phases.mysql.converted import Converted
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.rows import HASH_BYTES, source

MODULUS = 1 << 64
LONG = frozenset({"text", "mediumtext", "longtext", "blob", "mediumblob", "longblob"})


@dataclass(frozen=True, slots=True)
class Digest:
    """Number of rows and the sum of their hashes. Digests of disjoint sets of rows add up to the digest of all."""

    rows: int = 0
    sum: int = 0

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.rows + other.rows, (self.sum + other.sum) % MODULUS)

    def __sub__(self, other: Digest) -> Digest:
        return Digest(self.rows - other.rows, (self.sum - other.sum) % MODULUS)

    def __str__(self) -> str:
        return f"{self.sum:016x}"

    def to_json(self) -> list[int | str]:
        """Return the form kept in checkpoints and results."""
        return [self.rows, str(self)]

    @classmethod
    def from_json(cls, value: list[int | str]) -> Digest:
        """Read what `to_json` gave."""
        return cls(int(value[0]), int(str(value[1]), 16))


def total(digests: Iterable[Digest]) -> Digest:
    """Return the digest of all these rows together."""
    return sum(digests, Digest())


def canonical(column: Column, *, json_again: bool = False) -> str:
    """Return an expression for one column: '~' for NULL, else a text that ends where it says.

    Numbers, dates and the like hold no ';'. Strings carry their length in front, FLOAT and DOUBLE have all the same
    length. Long strings are hashed first, so that the whole stays below any max_allowed_packet. `json_again` takes
    JSON as it comes back from its own text. What stands between the columns is binary, so that servers put bytes side
    by side without looking after character sets, which would take a fifth longer.
    """
    name = quoted(column.name)
    if column.type in LONG:
        value = f"SHA2({name}, 256)"  # of the bytes as they are stored, whatever their character set
    elif column.type in TEXTS | BINARIES:
        value = f"CONCAT(LENGTH({name}), _binary':', CONVERT({name} USING binary))"
    elif column.type in GEOMETRIES:
        value = f"SHA2(CAST({name} AS BINARY), 256)"
    elif column.type == "json":
        value = f"SHA2({_json_again(name) if json_again else _json_text(name)}, 256)"
    elif column.type in {"bit", "enum", "set"}:
        value = f"CAST({name} AS UNSIGNED)"
    elif column.type in FLOATS:
        value = f"CAST(POINT({name}, 0) AS BINARY)"  # the bits: as text MySQL drops the last digits, MariaDB others
    else:
        value = name
    return f"IFNULL({value}, _binary'~')"


def _json_text(name: str) -> str:
    return f"CAST({name} AS CHAR CHARACTER SET utf8mb4)"


def _json_again(name: str) -> str:
    return _json_text(f"CAST({_json_text(name)} AS JSON)")


def _json_changed(name: str) -> str:
    """Return whether JSON is written differently after it was read again; to look for suspects first costs more."""
    return f"COALESCE({_json_text(name)} <> {_json_again(name)} COLLATE utf8mb4_bin, 0)"


def short_hash(table: Table) -> str:
    """Return the expression for the part of a row's hash that is summed up, in hex."""
    return f"LEFT({row_hash(table)}, {HASH_BYTES})"


def row_hash(table: Table, *, json_again: bool = False) -> str:
    """Return the expression for the hash of a row, in hex."""
    columns = ", _binary';', ".join(canonical(column, json_again=json_again) for column in table.columns)
    return f"SHA2(CONCAT({columns}), 256)"


def query(table: Table, where: str, *, json_again: bool = False, also: str = "") -> str:
    """Return the query for count and sum over a range, and for whatever else is to be counted in the same pass."""
    hashed = row_hash(table, json_again=json_again)
    return (
        f"SELECT COUNT(*), COALESCE(SUM(CAST(CONV(LEFT({hashed}, {HASH_BYTES}), 16, 10) AS UNSIGNED)), 0){also}"
        f" FROM {source(table)}{where}"
    )


def read(session: Session, table: Table, where: str = "", *, json_again: bool = False) -> Digest:
    """Compute the digest of a range on a server. Raises `WkmsError` when the server could not hash every row."""
    return Digest(*_asked(session, table, query(table, where, json_again=json_again)))


def read_movable(session: Session, table: Table, where: str = "") -> tuple[Digest, Converted]:
    """Return the digest that a range of the source has once it is moved, and how many rows' JSON is written anew.

    LOAD DATA makes JSON from text, which has no DECIMAL and no DATE: 1.10 comes back as the double 1.1.
    """
    names = [column.name for column in table.columns if column.type == "json"]
    if not names:
        return read(session, table, where), Converted()
    changed = [_json_changed(quoted(name)) for name in names]
    either = f", COALESCE(SUM({' OR '.join(changed)}), 0)"
    rows, added, converted = _asked(session, table, query(table, where, also=either))
    if not converted:
        return Digest(rows, added), Converted()
    by_column = "".join(f", COALESCE(SUM({one}), 0)" for one in changed)
    rows, added, *each = _asked(session, table, query(table, where, json_again=True, also=by_column))
    return Digest(rows, added), Converted(converted, +Counter(dict(zip(names, each, strict=True))))


def _asked(session: Session, table: Table, sql: str) -> tuple[int, ...]:
    rows, added, *more = session.rows(sql)[0]
    if session.warning_count:
        raise WkmsError(
            f"{session.name} could not hash every row of {table.id}: {'; '.join(session.warnings())}.",
            hint="Raise max_allowed_packet on that server; if the text says otherwise, look at the rows it names.",
        )
    return int(rows), int(added) % MODULUS, *map(int, more)
