"""Makes the rows of a table on the target those of the source, touching only rows that differ.

One transaction for a table: first all its wrong rows are deleted, then all are written, since two rows may have swapped
a unique value. It is committed when every range has the source's digest, and rolled back otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session, SqlTransientError
from wkms_migrate.errors import Refused, WkmsError
from wkms_migrate.phases.mysql import digest, drill, multiset, objects, rows
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.compare import Ends, Range
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.differences import RowDifference
from wkms_migrate.phases.mysql.objects import StoredObject
from wkms_migrate.phases.mysql.pairs import Pair
from wkms_migrate.phases.mysql.settings import MysqlSettings

BATCH = 200  # rows in one statement


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


def repair(ends: Ends, target: Session, found: Sequence[Range]) -> Repaired:
    """Make all these ranges of one table alike. `target` is a session that may write."""
    pair = found[0].pair
    with _without_triggers(target, pair.target):
        target.run("START TRANSACTION")
        try:
            done = _patch(ends, target, found)
            _check(target, found)
            target.run("COMMIT")
        except BaseException:
            if target.open:
                with suppress(SqlTransientError):
                    target.run("ROLLBACK")
            raise
    return done


def _patch(ends: Ends, target: Session, found: Sequence[Range]) -> Repaired:
    patches = [patch for one in found for patch in _patches(one, list(drill.rows(ends, one)))]
    pair = found[0].pair
    deleted = sum(target.run(f"DELETE FROM {pair.target.quoted} WHERE {patch.target}") for patch in patches)
    written = sum(_write(ends, target, pair, patch) for patch in patches)
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


def _write(ends: Ends, target: Session, pair: Pair, patch: Patch) -> int:
    """Write these rows as the source has them; raise unless all went in."""
    tally = rows.Tally()
    condition = f"({pair.source.condition}) AND " if pair.source.condition else ""
    with ends.source.session() as source:
        stream = source.stream(rows.select(pair.source, f" WHERE {condition}{patch.source}"))
        loaded = target.load(rows.load(pair.target), rows.lines(stream, pair.source.stored, tally))
    if loaded.rows != tally.rows:
        told = "; ".join(target.warnings()) or "no warning"
        raise WkmsError(
            f"{tally.rows:,} rows of {pair.id} were sent and {loaded.rows:,} taken ({told}). All was rolled back.",
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


@contextmanager
def _without_triggers(target: Session, table: Table) -> Iterator[None]:
    """Take the table's triggers away while rows are written, which they would change or follow by others."""
    there = _triggers(target, table)
    with ExitStack() as after:
        for one in reversed(there):  # put back in their order, each even when another fails
            after.callback(objects.put, target, one)
            target.run(f"DROP TRIGGER {quoted(one.schema)}.{quoted(one.name)}")
        yield


def _triggers(session: Session, table: Table) -> list[StoredObject]:
    names = session.rows(
        "SELECT trigger_name FROM information_schema.triggers"
        f" WHERE event_object_schema = {session.quoted(table.schema)}"
        f" AND event_object_table = {session.quoted(table.name)}"
        " ORDER BY event_manipulation, action_timing, action_order"
    )
    return [objects.shown(session, "TRIGGER", table.schema, str(name)) for (name,) in names]
