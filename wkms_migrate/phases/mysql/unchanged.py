"""Tables that are changed on the source while they are copied: told by name, never copied in two shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wkms_migrate.clients.mysql import Session, SqlError
from wkms_migrate.errors import Refused
from wkms_migrate.phases.mysql import shape
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.translation import Translation

# What a snapshot's reader is told of a table that was altered, truncated, renamed or dropped after the snapshot.
CHANGED = frozenset({1412, 1146, 1054, 1176})
HINT = "It was changed after the schema step ran: start a new run, or make both alike."


def check(source: Session, target: Session, words: Translation, tables: Sequence[Table]) -> None:
    """Raise `Refused` for a table whose columns, key and options are not alike on both ends: rows would not fit."""
    there = (shape.there(source, tables), shape.there(target, [table.on_target for table in tables]))
    for table in tables:
        if shape.name(table) not in there[0]:
            raise Refused(f"Table {table.id} is no longer on the source.", hint="Start a new run.")
        if shape.name(table.on_target) not in there[1]:
            raise Refused(
                f"Table {table.id} is not on the target.",
                hint="It was made after the schema step ran, or dropped on the target: start a new run.",
            )
    for name, (ours, theirs) in shape.columns(source, target, words, tables).items():
        if ours != theirs:
            raise Refused(f"Table {name} has another definition on the target than on the source.", hint=HINT)


@contextmanager
def reading(table: Table) -> Iterator[None]:
    """Raise `Refused` with the table's name where the source says that it was changed after the snapshot."""
    try:
        yield
    except SqlError as error:
        if error.code not in CHANGED:
            raise
        raise Refused(
            f"Table {table.id} was changed on the source while it was copied: {error.message}",
            hint="Start a new run: the snapshot that this one reads ends with the change.",
        ) from error
