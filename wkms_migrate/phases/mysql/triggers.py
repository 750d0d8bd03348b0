"""Triggers of a table on the target, out of the way while its rows are written.

What is taken away is first kept as a file, so that a repair that was killed can be made good by the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from wkms_migrate.clients.mysql import Session, SqlError
from wkms_migrate.errors import Refused
from wkms_migrate.phases.mysql import objects
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.objects import StoredObject

TRIAL = "wkms_migrate_trial"


@contextmanager
def away(target: Session, table: Table, folder: Path) -> Iterator[None]:
    """Take the table's triggers away, which would change the rows that are written, or follow them by others.

    Raises `Refused`, before anything is changed, when one could not be put back.
    """
    there = _of(target, table)
    for one in there:
        _check_right_to(target, one)
    kept = _keep(folder, table, there)
    with ExitStack() as after:
        after.callback(_forget, target, table, there, kept)
        for one in reversed(there):  # put back in their order, each even when another fails
            after.callback(objects.put, target, one)
            target.run(f"DROP TRIGGER {quoted(one.schema)}.{quoted(one.name)}")
        yield


def put_back(target: Session, folder: Path) -> list[str]:
    """Put back what a repair that was killed had taken away; return the triggers' names."""
    found: list[str] = []
    for kept in sorted(folder.glob("*.json")):
        for one in msgspec.json.decode(kept.read_bytes(), type=list[StoredObject]):
            if not _is_there(target, one):
                objects.put(target, one)
                found.append(one.id)
        kept.unlink()
    return found


def _keep(folder: Path, table: Table, there: list[StoredObject]) -> Path:
    """Write the triggers to the disk before the first is dropped."""
    kept = folder / f"{table.schema.encode().hex()}.{table.name.encode().hex()}.json"  # any name is a good file's name
    if there:
        folder.mkdir(parents=True, exist_ok=True)
        with kept.open("wb") as file:
            file.write(msgspec.json.encode(there))
            file.flush()
            os.fsync(file.fileno())
    return kept


def _forget(target: Session, table: Table, there: list[StoredObject], kept: Path) -> None:
    if target.open and len(_of(target, table)) == len(there):
        kept.unlink(missing_ok=True)


def _check_right_to(target: Session, trigger: StoredObject) -> None:
    """Raise `Refused` unless we could make this trigger again: a function of its owner needs the same rights."""
    trial = f"{quoted(trigger.schema)}.{quoted(TRIAL)}"
    owner = f"DEFINER={trigger.definer} " if trigger.definer else ""
    try:
        target.run(f"DROP FUNCTION IF EXISTS {trial}")
        target.run(f"CREATE {owner}FUNCTION {trial}() RETURNS INT DETERMINISTIC RETURN 1")
        target.run(f"DROP FUNCTION {trial}")
    except SqlError as error:
        raise Refused(
            f"{trigger.id} could not be put back after the repair: {error.message}",
            hint="Give the target's user that right, or drop the trigger by hand and make it again afterwards.",
        ) from error


def _is_there(target: Session, one: StoredObject) -> bool:
    named = f"trigger_schema = {target.quoted(one.schema)} AND trigger_name = {target.quoted(one.name)}"
    return bool(target.value(f"SELECT COUNT(*) FROM information_schema.triggers WHERE {named}"))


def _of(session: Session, table: Table) -> list[StoredObject]:
    names = session.rows(
        "SELECT trigger_name FROM information_schema.triggers"
        f" WHERE event_object_schema = {session.quoted(table.schema)}"
        f" AND event_object_table = {session.quoted(table.name)}"
        " ORDER BY event_manipulation, action_timing, action_order"
    )
    return [objects.shown(session, "TRIGGER", table.schema, str(name)) for (name,) in names]
