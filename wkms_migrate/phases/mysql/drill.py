"""From a range that differs down to the rows and columns that do.

The range is cut into parts, those that differ are cut again, until they are small enough to compare the hash of each
row. A table without a usable key has no ranges: see `multiset`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from wkms_migrate.clients.mysql import Session, encoding_of
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.mysql import cells, chunks, digest, multiset
from wkms_migrate.phases.mysql.catalog import TEXTS, Column, Table
from wkms_migrate.phases.mysql.chunks import Chunk
from wkms_migrate.phases.mysql.compare import Ends, Range
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.differences import Key, Kind, RowDifference
from wkms_migrate.phases.mysql.rows import source as read_from

PARTS = 16
FEW_ROWS = 1000
BATCH = 100  # rows whose columns are asked for at once


def rows(ends: Ends, found: Range) -> Iterator[RowDifference]:
    """Yield the rows of a range that differ."""
    if not found.pair.source.key:
        yield from multiset.rows(ends, found)
        return
    for small in _narrowed(ends, found):
        yield from _compared(ends, small)


def _narrowed(ends: Ends, found: Range) -> Iterator[Range]:
    """Yield the small ranges that differ within this one."""
    size = max(found.source.rows, found.target.rows)
    if size <= FEW_ROWS:
        yield found
        return
    step = -(-size // PARTS)
    inside = found.chunk
    bigger, table = (ends.source, found.pair.source) if size == found.source.rows else (ends.target, found.pair.target)
    with bigger.session() as session:
        bounds = list(chunks.walk(session, table, step, inside))
    edges = [inside.after, *bounds, inside.until]
    parts = [_digested(ends, found, Chunk(0, *edges[at : at + 2])) for at in range(len(edges) - 1)]
    differing = [part for part in parts if part.differs]
    if not differing:
        raise WkmsError(
            f"A range of {found.pair.id} differs and none of its parts does: it was written while it was compared.",
            hint="Compare again when nothing writes to either end.",
        )
    for part in differing:
        yield from _narrowed(ends, part)


def _digested(ends: Ends, found: Range, chunk: Chunk) -> Range:
    one, other = ends.both(
        lambda session: digest.read(
            session, found.pair.source, chunk.where(found.pair.source), json_again=found.json_again
        ),
        lambda session: digest.read(session, found.pair.target, chunk.where(found.pair.target)),
    )
    return replace(found, chunk=chunk, source=one, target=other)


def _compared(ends: Ends, found: Range) -> Iterator[RowDifference]:
    """Compare the rows of a small range by their hashes, and those that differ by their columns."""
    pair = found.pair
    ours, theirs = ends.both(
        lambda session: _hashes(session, pair.source, found.chunk, json_again=found.json_again),
        lambda session: _hashes(session, pair.target, found.chunk),
    )
    yield from (_alone(found, key, "missing") for key in ours if key not in theirs)
    yield from (_alone(found, key, "extra") for key in theirs if key not in ours)
    different = [key for key in ours if theirs.get(key, ours[key]) != ours[key]]
    for at in range(0, len(different), BATCH):
        yield from _columns(ends, found, different[at : at + BATCH])


def _alone(found: Range, key: Key, kind: Kind) -> RowDifference:
    table = found.pair.source
    counts = (1, 0) if kind == "missing" else (0, 1)
    return RowDifference(
        table=found.pair.id,
        kind=kind,
        row=_named(table, key),
        key=key,
        source=counts[0],
        target=counts[1],
    )


def _hashes(session: Session, table: Table, chunk: Chunk, *, json_again: bool = False) -> dict[Key, str]:
    """Return the hash of each row by its key, in the order of keys."""
    key = ", ".join(chunks.shown(column) for column in table.key)
    order = ", ".join(quoted(column.name) for column in table.key)
    found = session.rows(
        f"SELECT {digest.row_hash(table, json_again=json_again)}, {key} FROM {read_from(table)}"
        f"{chunk.where(table)} ORDER BY {order}"
    )
    return {tuple(str(part) for part in row[1:]): str(row[0]) for row in found}


def _columns(ends: Ends, found: Range, keys: Sequence[Key]) -> Iterator[RowDifference]:
    pair = found.pair
    ours, theirs = ends.both(
        lambda session: _values(session, pair.source, keys, json_again=found.json_again),
        lambda session: _values(session, pair.target, keys),
    )
    for key in keys:
        differing = tuple(
            cells.cell(one, other, mine, its)
            for one, other, mine, its in zip(
                pair.source.columns, pair.target.columns, ours[key], theirs[key], strict=True
            )
            if mine[0] != its[0]
        )
        yield RowDifference(
            table=pair.id,
            kind="different",
            row=_named(pair.source, key),
            key=key,
            cells=differing,
        )


def _values(
    session: Session, table: Table, keys: Sequence[Key], *, json_again: bool = False
) -> dict[Key, list[cells.Value]]:
    """Return for each key and column its hash, its beginning and its length."""
    width = len(table.key)
    wanted = ", ".join(
        f"SHA2({digest.canonical(column, json_again=json_again)}, 256), {', '.join(cells.expressions(column))}"
        for column in table.columns
    )
    key = ", ".join(chunks.shown(column) for column in table.key)
    found = session.rows(f"SELECT {key}, {wanted} FROM {read_from(table)} WHERE {selects(table, keys)}")
    return {
        tuple(str(part) for part in row[:width]): [
            (row[at], row[at + 1], row[at + 2]) for at in range(width, len(row), 3)
        ]
        for row in found
    }


def selects(table: Table, keys: Iterable[Key]) -> str:
    """Return the condition for these keys. Every part in its own equation: servers make ranges of those."""
    names = [quoted(column.name) for column in table.key]
    rows = (
        " AND ".join(
            f"{name} = {chunks.literal(column, value)}"
            for name, column, value in zip(names, table.key, key, strict=True)
        )
        for key in keys
    )
    return f"({' OR '.join(f'({row})' for row in rows)})"


def _named(table: Table, key: Key) -> str:
    return ", ".join(f"{column.name}={_readable(column, value)}" for column, value in zip(table.key, key, strict=True))


def _readable(column: Column, value: str) -> str:
    if column.type in TEXTS and column.charset:
        return repr(bytes.fromhex(value).decode(encoding_of(column.charset), "backslashreplace"))
    return f"0x{value}" if column.type in {"binary", "varbinary"} else value
