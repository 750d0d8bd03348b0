"""The rows on the target compared with what the copy read from its snapshot, chunk by chunk.

The snapshot is gone by now. What differs is therefore compared once more with the source as it is, which tells who
changed it, and in which rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import chunks, digest, drill, review
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.chunks import WHOLE, Chunk
from wkms_migrate.phases.mysql.compare import Ends, Range
from wkms_migrate.phases.mysql.data import Job
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.pairs import Pair
from wkms_migrate.phases.mysql.parallel import each, yielding
from wkms_migrate.plan import StepRun

RANGES_TOLD = 5  # of each table
ROWS_TOLD = 5  # of each range
INDEXING = "mysql/indexes"  # the step at work on the target at the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A chunk as it was copied: the digest of the source's rows and of what the target had there before."""

    pair: Pair
    table: Table
    chunk: Chunk
    source: Digest
    base: Digest


def compare(run: StepRun, ends: Ends, tables: Sequence[tuple[Table, Pair]], workers: int) -> None:
    """State rows, digest and equal ranges of every table, and a finding for what differs."""
    copied = run.context.output("mysql", "tables")
    parts = [part for table, pair in tables for part in _parts(run, table, pair, copied[table.id])]
    turn = yielding(run, INDEXING, workers)

    def read(part: Part) -> Digest:
        with turn():
            return _there(ends, part)

    ordered = _in_reading_order(parts)
    digests = dict(zip(map(_name, ordered), each(run, workers, read, ordered), strict=True))
    found = [(part, digests[_name(part)]) for part in parts]
    for table, _ in tables:
        mine = [(part, there) for part, there in found if part.table.id == table.id]
        _state(run, table, mine)
        for part, there in islice((one for one in mine if _differs(*one)), RANGES_TOLD):
            _explain(run, ends, part, there)


def _in_reading_order(parts: Sequence[Part]) -> list[Part]:
    """Return the parts in the order that costs the target the fewest reads from disk.

    A table that is being indexed is read from its first row to its last for that: side by side in this order, each
    finds in memory what the other has read. Of the other tables what was written last is still in memory.
    """
    indexed = [part for part in parts if part.table.index_bytes]
    others = [part for part in parts if not part.table.index_bytes]
    return indexed + others[::-1]


def _name(part: Part) -> tuple[str, int]:
    return part.table.id, part.chunk.number


def _parts(run: StepRun, table: Table, pair: Pair, copied: Mapping[str, Json]) -> list[Part]:
    """Return the chunks that were copied; the table in one where the target orders keys otherwise."""
    cursors = run.context.state.steps["mysql/data"].cursors
    if not pair.source.key:
        source, base = (Digest.from_json(copied[name]) for name in ("source", "base"))
        return [Part(pair=pair, table=table, chunk=WHOLE, source=source, base=base)]
    jobs = [Job(table, chunk) for chunk in chunks.cut([tuple(bound) for bound in cursors[f"{table.id}#bounds"]])]
    return [
        Part(
            pair=pair,
            table=table,
            chunk=job.chunk,
            source=Digest.from_json(cursors[job.key]["source"]),
            base=Digest.from_json(cursors.get(f"{job.key}#base", Digest().to_json())),
        )
        for job in jobs
    ]


def _there(ends: Ends, part: Part) -> Digest:
    """Read a chunk on the target: the columns on both ends, since one may have been added after the copy."""
    with ends.target.session() as target:
        table = part.table.on_target if part.pair.left_out else part.pair.target
        return digest.read(target, table, part.chunk.where(table))


def _differs(part: Part, there: Digest) -> bool:
    return there != part.source + part.base


def _state(run: StepRun, table: Table, found: Sequence[tuple[Part, Digest]]) -> None:
    source = digest.total(part.source for part, _ in found)
    added = digest.total(there - part.base for part, there in found)
    run.verified(table.id, "rows", source.rows, added.rows)
    run.verified(table.id, "digest", source, added)
    run.verified(table.id, "ranges", len(found), sum(not _differs(*one) for one in found))


def _explain(run: StepRun, ends: Ends, part: Part, there: Digest) -> None:
    """Say which rows of a range differ from the source as it is now, and which end was changed."""
    where = part.chunk.where(part.pair.source)
    with ends.source.session() as session:
        now, converted = digest.read_movable(session, part.table, where)
        ours, _ = digest.read_movable(session, part.pair.source, where)
    with ends.target.session() as session:
        theirs = digest.read(session, part.pair.target, part.chunk.where(part.pair.target))
    found = Range(pair=part.pair, chunk=part.chunk, source=ours, target=theirs, json_again=converted.rows > 0)
    rows = [] if part.base.rows or not found.differs else list(islice(drill.rows(ends, found), ROWS_TOLD + 1))
    told = "; ".join(str(row) for row in rows[:ROWS_TOLD]) + ("; and more" if len(rows) > ROWS_TOLD else "")
    run.finding(
        "mysql-rows-differ",
        f"{_changed(part, now, there)}{': ' if told else '.'}{told}",
        review.named(found),
        kind="risk",
        severity="error",
        hint="`wkms-migrate mysql verify` compares both ends as they are, `mysql repair` makes them alike.",
    )


def _changed(part: Part, now: Digest, there: Digest) -> str:
    if now == part.source:
        return "The target was changed after it was copied, or keeps a value otherwise"
    if now == there:
        return "Both ends were changed alike after the copy"
    return "The source was changed after the copy, and differs from the target now"
