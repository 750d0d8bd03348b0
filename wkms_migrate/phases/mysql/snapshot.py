"""One point in time seen by many connections, without privileges that a managed server does not give.

A ladder, from no effect on writers to a short lock: read the binlog position, open all snapshots, read it again and
accept if nothing was committed in between; else lock the tables for reading while the snapshots open; else lock all
tables; else refuse. The snapshots are opened by sending to all connections before reading any answer, so that the
window is one round trip and not one for each.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session, SqlError, SqlTransientError
from wkms_migrate.errors import Partial, Refused
from wkms_migrate.phases.mysql.catalog import Table

START = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
LOCK_TRIES = 5
SYNTAX_ERROR, NO_PRIVILEGE, ACCESS_DENIED = 1064, 1227, 1045
NOT_ALLOWED = frozenset({NO_PRIVILEGE, ACCESS_DENIED, 1044, 1142, 1290})

Connect = Callable[[], Session]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the source's binary log stood; empty where a server has none. What a follower would start from."""

    server_uuid: str = ""
    gtid_executed: str = ""
    binlog_file: str = ""
    binlog_position: int = 0

    def to_json(self) -> dict[str, str | int]:
        """Return the form kept in the step's result."""
        return {
            "server_uuid": self.server_uuid,
            "gtid_executed": self.gtid_executed,
            "binlog_file": self.binlog_file,
            "binlog_position": self.binlog_position,
        }


class Snapshot:
    """Sessions that all see the same point in time. A session that is lost cannot come back: the snapshot shrinks."""

    def __init__(self, sessions: Sequence[Session], position: Position, method: str, tries: int) -> None:
        self.position = position
        self.method = method
        self.tries = tries
        self._left = len(sessions)
        self._free: queue.SimpleQueue[Session | None] = queue.SimpleQueue()
        for session in sessions:
            self._free.put(session)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Borrow a session; one that broke meanwhile is not given out again."""
        session = self._free.get()
        if session is None:
            self._free.put(None)
            raise Partial(
                "Every connection to the source was lost, and the snapshot with them.",
                hint="Run the same command again: chunks that are there are checked, not copied again.",
            )
        try:
            yield session
        finally:
            if session.open:
                self._free.put(session)
            else:
                self._left -= 1
                if self._left == 0:
                    self._free.put(None)


@contextmanager
def taken(
    connect: Connect, tables: Sequence[Table], *, connections: int, tries: int, lock_wait_seconds: int
) -> Iterator[Snapshot]:
    """Open `connections` sessions on one point in time and close them at the end.

    Raises `Refused` when no rung of the ladder holds.
    """
    sessions: list[Session] = []
    try:
        sessions.extend(connect() for _ in range(connections + 1))
        control, *readers = sessions
        for reader in readers:
            reader.run("SET SESSION character_set_results = NULL")  # bytes as they are stored
        control.run(f"SET SESSION lock_wait_timeout = {lock_wait_seconds}")
        yield _climb(control, readers, tables, tries)
    finally:
        for session in sessions:
            session.close()


def _climb(control: Session, readers: Sequence[Session], tables: Sequence[Table], tries: int) -> Snapshot:
    reasons: list[str] = []
    for attempt in range(1, tries + 1):
        before = position(control)
        if before is None:
            reasons.append("double read: the binary log is off or cannot be read")
            break
        _open(readers)
        if position(control) == before:
            return Snapshot(readers, before, "double read", attempt)
    else:
        reasons.append(f"double read: something was committed in each of {tries} tries")
    names = ", ".join(f"{table.quoted} READ" for table in tables)
    for method, lock in (("LOCK TABLES", f"LOCK TABLES {names}"), ("global read lock", "FLUSH TABLES WITH READ LOCK")):
        for attempt in range(1, LOCK_TRIES + 1):
            found = _locked(control, readers, lock, reasons)
            if found is not None:
                return Snapshot(readers, found, method, attempt)
            if not reasons[-1].endswith("timed out"):
                break
    raise Refused(
        f"No consistent snapshot of the source: {'; '.join(dict.fromkeys(reasons))}.",
        hint="Grant LOCK TABLES on the schemas, or try at a quieter time, or raise phases.mysql.lock_wait_seconds.",
    )


def _locked(control: Session, readers: Sequence[Session], lock: str, reasons: list[str]) -> Position | None:
    """Open the snapshots under a lock; None, with the reason added, when the lock cannot be had."""
    name = " ".join(lock.split()[:2])
    try:
        control.run(lock)
    except SqlTransientError:
        reasons.append(f"{name}: timed out")
        return None
    except SqlError as error:
        if error.code not in NOT_ALLOWED:
            raise
        reasons.append(f"{name}: not allowed ({error.code})")
        return None
    try:
        _open(readers)
        return position(control) or Position()
    finally:
        control.run("UNLOCK TABLES")


def _open(readers: Sequence[Session]) -> None:
    for reader in readers:
        reader.send(START)
    for reader in readers:
        reader.receive()


def position(session: Session) -> Position | None:
    """Read where the binary log stands; None when there is none or it may not be read."""
    with suppress(SqlError):
        for statement in ("SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"):  # the second was removed in 8.4
            found = _status(session, statement)
            if found is not None:
                return found
    return None


def _status(session: Session, statement: str) -> Position | None:
    try:
        rows = session.records(statement)
    except SqlError as error:
        if error.code == SYNTAX_ERROR:
            return None
        raise
    if not rows:
        return None
    # MariaDB keeps its GTID position in a variable and has no server_uuid.
    variables = {
        row["variable_name"].lower(): row["value"]
        for row in session.records("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'gtid_binlog_pos')")
    }
    return Position(
        server_uuid=variables.get("server_uuid", ""),
        gtid_executed=(rows[0].get("executed_gtid_set") or variables.get("gtid_binlog_pos", "")).replace("\n", ""),
        binlog_file=rows[0]["file"],
        binlog_position=int(rows[0]["position"]),
    )
