"""Makes the rows of a table on the target those of the source, touching only rows that differ.

One transaction for a table: first all its wrong rows are deleted, then all are written, since two rows may have swapped
a unique value. It is committed when every range has the source's digest, and rolled back otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wkms_migrate.clients.mysql import Session
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused, WkmsError
from wkms_migrate.phases.mysql import digest, drill, multiset, rows, triggers
from wkms_migrate.phases.mysql.compare import Ends, Range, Sessions
from wkms_migrate.phases.mysql.differences import RowDifference
from wkms_migrate.phases.mysql.pairs import Pair
from wkms_migrate.phases.mysql.settings import MysqlSettings

BATCH = 200  # rows in one statement
LOCK_WAIT_SECONDS = 60  # for others who use the table whose triggers are taken away


@dataclass(frozen=True, slots=True)
class Repaired:
    """How many rows of a table were deleted on the target and how many written there."""

    deleted: int
    written: int


@dataclass(frozen=True, slots=True)
class Patch:
    """Rows to be made alike: the condition that selects them on each end."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of one table to be made alike, and the ranges that they are in."""

    pair: Pair
    ranges: tuple[Range, ...]
    patches: tuple[Patch, ...]


def check(pair: Pair, settings: MysqlSettings) -> None:
    """Raise `Refused` when rows of this table cannot be made alike without loss."""
    if settings.on_existing == "append":
        raise Refused(
            "With on_existing: append the target has rows of its own; a repair would delete them.",
            hint="Run the phase again with --redo: chunks that differ are written anew.",
        )
    unlike = [*pair.left_out, *(f"{name}: on one end only" for name in (*pair.missing, *pair.extra))]
    if unlike:
        raise Refused(
            f"The columns of {pair.id} are not the same on both ends ({'; '.join(unlike)}).",
            hint="Make the definitions alike first; `wkms-migrate mysql diff` shows them.",
        )


def planned(ends: Ends, found: Sequence[Range]) -> Plan:
    """Find the rows of these ranges, all of one table, that are to be made alike. Reads only."""
    patches = [patch for one in found for patch in _patches(one, list(drill.rows(ends, one)))]
    return Plan(found[0].pair, tuple(found), tuple(patches))


def repair(source: Sessions, target: Session, plan: Plan, folder: Path) -> Repaired:
    """Make a table alike. `source` is at the point in time of the plan, `target` a session that may write.

    The table's triggers are kept in `folder` while they are away.
    """
    target.run(f"SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}")
    table = plan.pair.target.quoted
    with triggers.away(target, plan.pair.target, folder), target.transaction():
        deleted = sum(target.run(f"DELETE FROM {table} WHERE {patch.target}") for patch in plan.patches)
        written = sum(_write(source, target, plan.pair, patch) for patch in plan.patches)
        _check(target, plan.ranges)
    return Repaired(deleted, written)


def _patches(found: Range, wrong: Sequence[RowDifference]) -> Iterator[Patch]:
    pair = found.pair
    for at in range(0, len(wrong), BATCH):
        keys = [one.key for one in wrong[at : at + BATCH]]
        if pair.source.key:
            yield Patch(drill.selects(pair.source, keys), drill.selects(pair.target, keys))
        else:
            hashes = [key[0] for key in keys]
            yield Patch(
                multiset.selects(pair.source, hashes, json_again=found.json_again),
                multiset.selects(pair.target, hashes),
            )


def _write(sessions: Sessions, target: Session, pair: Pair, patch: Patch) -> int:
    """Write these rows as the source has them; raise unless all went in."""
    tally = rows.Tally()
    condition = f"({pair.source.condition}) AND " if pair.source.condition else ""
    with sessions.session() as source:
        stream = source.stream(rows.select(pair.source, f" WHERE {condition}{patch.source}"))
        loaded = target.load(rows.load(pair.target), rows.lines(stream, pair.source.stored, tally))
    if loaded.rows != tally.rows:
        told = "; ".join(target.warnings()) or "no warning"
        raise WkmsError(
            f"{counted(tally.rows, 'row')} of {pair.id} sent and {loaded.rows:,} taken ({told}). All was rolled back.",
            hint="Make the target's columns able to hold the values, then repair again.",
        )
    return loaded.rows


def _check(target: Session, found: Sequence[Range]) -> None:
    for one in found:
        there = digest.read(target, one.pair.target, one.chunk.where(one.pair.target))
        if there != one.source:
            raise WkmsError(
                f"A range of {one.pair.id} still differs after its rows were written. All was rolled back.",
                hint="Something writes to the target, or its columns hold the values otherwise: see `mysql diff`.",
            )
