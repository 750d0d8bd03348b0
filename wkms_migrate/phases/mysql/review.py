"""Every chosen table compared: its rows, the ranges that differ, and the first rows of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice

from wkms_migrate.phases.mysql import compare, digest, drill
from wkms_migrate.phases.mysql.compare import Opened, Range
from wkms_migrate.phases.mysql.differences import RowDifference
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.pairs import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReview:
    """What came of one table. `rows` are the first that differ, `more` says that there are others."""

    pair: Pair
    source: Digest
    target: Digest
    ranges: int
    differing: tuple[Range, ...]
    rows: tuple[RowDifference, ...] = field(default=())
    more: bool = False

    @property
    def equal(self) -> bool:
        """Whether columns and rows are the same on both ends, as far as they can be compared."""
        return not (self.differing or self.pair.missing or self.pair.extra)


def reviews(opened: Opened, workers: int, chunk_bytes: int, limit: int) -> Iterator[TableReview]:
    """Yield every table of both ends, compared, with at most `limit` of its rows that differ."""
    found = compare.ranges(opened.ends, opened.tables.pairs, workers, chunk_bytes)
    for _, group in groupby(found, key=lambda one: one.pair.id):
        yield _review(opened, list(group), limit)


def _review(opened: Opened, ranges: Sequence[Range], limit: int) -> TableReview:
    differing = tuple(one for one in ranges if one.differs)
    rows = (row for one in differing for row in drill.rows(opened.ends, one))
    shown = tuple(islice(rows, limit))
    return TableReview(
        pair=ranges[0].pair,
        source=digest.total(one.source for one in ranges),
        target=digest.total(one.target for one in ranges),
        ranges=len(ranges),
        differing=differing,
        rows=shown,
        more=next(rows, None) is not None if limit else bool(differing),
    )


def named(found: Range) -> str:
    """Return the range's limits for people: the keys that it lies between."""
    limits = ["…" if bound is None else ", ".join(bound) for bound in (found.chunk.after, found.chunk.until)]
    key = ", ".join(column.name for column in found.pair.source.key)
    if limits == ["…", "…"]:
        return f"all rows of {found.pair.id}"
    return f"{found.pair.id} ({key}) after {limits[0]} up to {limits[1]}"
