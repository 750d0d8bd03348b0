"""Cuts a table into ranges of its primary key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.mysql.catalog import BINARIES, INTEGERS, TEXTS, Column, Table
from wkms_migrate.phases.mysql.ddl import quoted

DENSE = 3  # integers are cut by arithmetic while their range is at most this many times the number of rows

Bound = tuple[str, ...]  # one SQL literal per key column


@dataclass(frozen=True, slots=True)
class Chunk:
    """The rows with `after` < key <= `until`; None leaves that side open."""

    number: int
    after: Bound | None
    until: Bound | None

    def where(self, table: Table) -> str:
        """Return the WHERE clause, with a leading blank, or nothing for a whole table."""
        names = [quoted(column.name) for column in table.key]
        limits = [f"({table.condition})"] if table.condition else []
        if self.after is not None:
            limits.append(_beyond(names, self.after))
        if self.until is not None:
            limits.append(_up_to(names, self.until))
        return f" WHERE {' AND '.join(limits)}" if limits else ""


WHOLE = Chunk(0, None, None)


def _beyond(names: Sequence[str], bound: Bound) -> str:
    """Return key > bound, spelled out: MySQL makes no range of a comparison of row constructors."""
    if len(names) == 1:
        return f"({names[0]} > {bound[0]})"
    return f"({names[0]} > {bound[0]} OR ({names[0]} = {bound[0]} AND {_beyond(names[1:], bound[1:])}))"


def _up_to(names: Sequence[str], bound: Bound) -> str:
    if len(names) == 1:
        return f"({names[0]} <= {bound[0]})"
    return f"({names[0]} < {bound[0]} OR ({names[0]} = {bound[0]} AND {_up_to(names[1:], bound[1:])}))"


def cut(bounds: Sequence[Bound]) -> list[Chunk]:
    """Return the chunks between these bounds: one more than bounds, open at both ends, together the whole table."""
    edges = [None, *bounds, None]
    return [Chunk(number, edges[number], edges[number + 1]) for number in range(len(edges) - 1)]


def bounds(session: Session, table: Table, chunk_bytes: int) -> list[Bound]:
    """Find bounds so that a chunk has about `chunk_bytes`; none for a table that is small or has no usable key."""
    if not table.key or table.bytes <= chunk_bytes:
        return []
    step = max(1, chunk_bytes // max(table.row_bytes, 1))
    if len(table.key) == 1 and table.key[0].type in INTEGERS:
        name = quoted(table.key[0].name)
        low, high = session.rows(f"SELECT MIN({name}), MAX({name}) FROM {table.quoted}")[0]
        if low is None:
            return []
        if int(high) - int(low) <= DENSE * table.rows:
            spread = max(1, (int(high) - int(low)) * step // max(table.rows, 1))
            return [(str(at),) for at in range(int(low) + spread, int(high), spread)]
    return list(walk(session, table, step))


def walk(session: Session, table: Table, step: int, within: Chunk = WHOLE) -> Iterator[Bound]:
    """Yield the key of every `step`-th row of a range. The server compares, so its collation says what comes next."""
    columns = ", ".join(shown(column) for column in table.key)
    order = ", ".join(quoted(column.name) for column in table.key)
    last = within.after
    while True:
        where = Chunk(0, last, within.until).where(table)
        rows = session.rows(
            f"SELECT {columns} FROM {table.quoted} FORCE INDEX (PRIMARY){where} ORDER BY {order} LIMIT {step - 1}, 1"
        )
        if not rows:
            return
        bound = tuple(literal(column, value) for column, value in zip(table.key, rows[0], strict=True))
        if bound == last:
            raise WkmsError(f"The key of {table.id} does not advance at {bound}.", hint="Check the table's index.")
        yield bound
        last = bound


def shown(column: Column) -> str:
    """Return the expression that reads a key column as text from which `literal` makes it again."""
    name = quoted(column.name)
    return f"HEX({name})" if column.type in TEXTS | BINARIES else f"CAST({name} AS CHAR)"


def literal(column: Column, value: str) -> str:
    """Return a literal that the server compares by the column's own collation."""
    if column.type in BINARIES:
        return f"X'{value}'"
    if column.type in TEXTS:
        return f"_{column.charset} X'{value}'"
    if column.type in INTEGERS | {"decimal", "year"}:
        return str(value)
    return f"'{value}'"
