"""Tables without a usable key compared as multisets: how often each row is there, rows being told by their hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import cells, digest
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.chunks import WHOLE
from wkms_migrate.phases.mysql.compare import Ends, Range
from wkms_migrate.phases.mysql.differences import RowDifference

FEW_ROWS = 50_000  # whose hashes are held at once
PREFIX = 3  # hex digits of the hash that make a bucket
BATCH = 100  # rows that are read to be shown at once

Buckets = Sequence[str] | None  # prefixes; None for all rows


def rows(ends: Ends, found: Range) -> Iterator[RowDifference]:
    """Yield the rows that are there another number of times on the target than on the source."""
    for buckets in _differing(ends, found):
        ours, theirs = _both_counts(ends, found, buckets)
        wrong = sorted(row for row in ours.keys() | theirs.keys() if ours.get(row) != theirs.get(row))
        for at in range(0, len(wrong), BATCH):
            part = wrong[at : at + BATCH]
            named = _named(ends, found, [row for row in part if row in ours], [row for row in part if row not in ours])
            for row in part:
                yield RowDifference(
                    table=found.pair.id,
                    kind="count",
                    row=named[row],
                    key=(row,),
                    source=ours.get(row, 0),
                    target=theirs.get(row, 0),
                )


def selects(table: Table, hashes: Iterable[str], *, json_again: bool = False) -> str:
    """Return the condition for the rows of these hashes."""
    wanted = ", ".join(f"'{one}'" for one in hashes)
    return f"{digest.row_hash(table, json_again=json_again)} IN ({wanted})"


def _differing(ends: Ends, found: Range) -> Iterator[Buckets]:
    """Yield the buckets that differ, in groups of not too many rows."""
    if max(found.source.rows, found.target.rows) <= FEW_ROWS:
        yield None
        return
    ours, theirs = ends.both(
        lambda session: _buckets(session, found.pair.source, json_again=found.json_again),
        lambda session: _buckets(session, found.pair.target),
    )
    group: list[str] = []
    held = 0
    for bucket in sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)):
        group.append(bucket)
        held += max(ours.get(bucket, (0, 0))[0], theirs.get(bucket, (0, 0))[0])
        if held >= FEW_ROWS:
            yield group
            group, held = [], 0
    if group:
        yield group


def _buckets(session: Session, table: Table, *, json_again: bool = False) -> dict[str, tuple[int, int]]:
    """Return count and sum of hashes by bucket."""
    hashed = digest.row_hash(table, json_again=json_again)
    return {
        str(bucket): (int(count), int(added))
        for bucket, count, added in session.rows(
            f"SELECT LEFT({hashed}, {PREFIX}) AS bucket, COUNT(*),"
            f" SUM(CAST(CONV(SUBSTR({hashed}, {PREFIX + 1}, 16), 16, 10) AS UNSIGNED))"
            f" FROM {table.quoted}{WHOLE.where(table)} GROUP BY bucket"
        )
    }


def _both_counts(ends: Ends, found: Range, buckets: Buckets) -> tuple[dict[str, int], dict[str, int]]:
    return ends.both(
        lambda session: _counts(session, found.pair.source, buckets, json_again=found.json_again),
        lambda session: _counts(session, found.pair.target, buckets),
    )


def _counts(session: Session, table: Table, buckets: Buckets, *, json_again: bool = False) -> dict[str, int]:
    """Return how often each row is there, by its hash."""
    hashed = digest.row_hash(table, json_again=json_again)
    where = WHOLE.where(table)
    if buckets is not None:
        names = ", ".join(f"'{name}'" for name in buckets)
        where += f"{' AND' if where else ' WHERE'} LEFT({hashed}, {PREFIX}) IN ({names})"
    found = session.rows(f"SELECT {hashed} AS hashed, COUNT(*) FROM {table.quoted}{where} GROUP BY hashed")
    return {str(row): int(count) for row, count in found}


def _named(ends: Ends, found: Range, ours: Sequence[str], theirs: Sequence[str]) -> dict[str, str]:
    """Return the rows' values for people; `ours` are read from the source, `theirs` are on the target only."""
    one, other = ends.both(
        lambda session: _shown(session, found.pair.source, ours, json_again=found.json_again),
        lambda session: _shown(session, found.pair.target, theirs),
    )
    return {**one, **other}


def _shown(session: Session, table: Table, hashes: Sequence[str], *, json_again: bool = False) -> dict[str, str]:
    if not hashes:
        return {}
    values = ", ".join(cells.expressions(column)[0] for column in table.columns)
    hashed = digest.row_hash(table, json_again=json_again)
    return {
        str(row[0]): ", ".join(
            f"{column.name}={cells.plain(column, value)}" for column, value in zip(table.columns, row[1:], strict=True)
        )
        for row in session.rows(
            f"SELECT {hashed}, {values} FROM {table.quoted} WHERE {selects(table, hashes, json_again=json_again)}"
        )
    }
