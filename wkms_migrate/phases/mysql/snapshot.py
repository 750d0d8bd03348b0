"""One point in time seen by many connections, without privileges that a managed server does not give.

A ladder, from no effect on writers to a short lock: open all snapshots and prove from the binary log that nothing was
committed meanwhile; else lock the tables for reading while the snapshots open; else lock all tables; else refuse.
The snapshots are opened by sending to all connections before reading any answer, so that the window is one round trip
and not one for each. docs/decisions/0006-mysql-snapshot.md has the reasons.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session, SqlError, SqlTransientError
from wkms_migrate.errors import Partial, Refused
from wkms_migrate.phases.mysql import binlog
from wkms_migrate.phases.mysql.binlog import BinaryLog, Position
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.plan import StepRun

START = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
INCONSISTENT = "none"
LOCK_TRIES = 5
LOCK_WAIT_TIMEOUT = 1205
NOT_ALLOWED = frozenset({1044, 1045, 1142, 1227, 1290})

Connect = Callable[[], Session]


class Snapshot:
    """Sessions that all see the same point in time. A session that is lost cannot come back: the snapshot shrinks.

    `blocked` is for how many seconds the rung that held may have kept writers waiting, 0 without a lock.
    """

    def __init__(
        self, sessions: Sequence[Session], position: Position, method: str, tries: int, blocked: float = 0.0
    ) -> None:
        self.position = position
        self.method = method
        self.tries = tries
        self.blocked = blocked
        self._left = len(sessions)
        self._free: queue.SimpleQueue[Session | None] = queue.SimpleQueue()
        for session in sessions:
            self._free.put(session)

    @property
    def consistent(self) -> bool:
        """Whether all sessions see one point in time; False only where the settings allow `inconsistent`."""
        return self.method != INCONSISTENT

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
            session.run("SAVEPOINT turn")
            yield session
        finally:
            if session.open:
                _let_go(session)
            if session.open:
                self._free.put(session)
            else:
                self._left -= 1
                if self._left == 0:
                    self._free.put(None)


def _let_go(session: Session) -> None:
    """Give back the metadata locks of the tables that were read: else an ALTER of one stops all who use it after."""
    with suppress(SqlTransientError):  # a connection that was lost meanwhile is not given out again
        session.run("ROLLBACK TO SAVEPOINT turn")


@contextmanager
def taken(
    connect: Connect,
    tables: Sequence[Table],
    *,
    connections: int,
    tries: int,
    lock_wait_seconds: int,
    inconsistent: bool = False,
) -> Iterator[Snapshot]:
    """Open `connections` sessions on one point in time and close them at the end.

    Raises `Refused` when no rung of the ladder holds, unless `inconsistent` lets sessions see what they find.
    """
    sessions: list[Session] = []

    def opened() -> Session:
        sessions.append(connect())
        return sessions[-1]

    try:
        control, *readers = [opened() for _ in range(connections + 1)]
        for reader in readers:
            reader.run("SET SESSION character_set_results = NULL")  # bytes as they are stored
        ladder = _Ladder(control, readers, binlog.examine(control), lock_wait_seconds)
        found = ladder.without_lock(tries) or ladder.locked(_lockers(control, opened, tables))
        if found is None and not inconsistent:
            raise ladder.refusal()
        yield found or ladder.inconsistent()
    finally:
        for session in sessions:
            session.close()


def told(run: StepRun, taken: Snapshot) -> None:
    """Log how the snapshot was taken, and state it where there is none."""
    held = f", writers held up for at most {taken.blocked * 1000:.0f} ms" if taken.blocked else ""
    run.log(f"snapshot by {taken.method} after {taken.tries} tries{held}: {taken.position}")
    if not taken.consistent:
        tell_inconsistent(run)


def tell_inconsistent(run: StepRun) -> None:
    """State that rows of different tables may be of different times."""
    run.finding(
        "mysql-inconsistent",
        "The rows were read without one point in time: what was written meanwhile may be there in part.",
        kind="risk",
        severity="error",
        hint="Repeat the copy at a quieter time without `phases.mysql.inconsistent`, or while nothing writes.",
    )


@dataclass(frozen=True, slots=True)
class _Lock:
    """Statements that together lock what is copied, each for a session of its own."""

    name: str
    statements: tuple[tuple[Session, str], ...]


def _lockers(control: Session, opened: Connect, tables: Sequence[Table]) -> Iterator[_Lock]:
    """Yield the locks to try. A session's second LOCK TABLES would lift its first: more statements, more sessions."""
    statements = lock_statements(tables, int(control.value("SELECT @@GLOBAL.max_allowed_packet")) // 2)
    sessions = [control, *(opened() for _ in statements[1:])]
    yield _Lock("LOCK TABLES", tuple(zip(sessions, statements, strict=False)))
    yield _Lock("global read lock", ((control, "FLUSH TABLES WITH READ LOCK"),))


def lock_statements(tables: Sequence[Table], limit: int) -> list[str]:
    """Return as few LOCK TABLES as hold all tables, none of more than `limit` bytes unless one name is longer."""
    statements: list[str] = []
    size = limit
    for table in tables:
        name = f"{table.quoted} READ"
        size += len(name.encode()) + 2
        if size > limit:
            statements.append(f"LOCK TABLES {name}")
            size = len(statements[-1].encode())
        else:
            statements[-1] += f", {name}"
    return statements


class _Ladder:
    """The rungs. `reasons` gathers why each did not hold."""

    def __init__(self, control: Session, readers: Sequence[Session], log: BinaryLog, lock_wait_seconds: int) -> None:
        self._control = control
        self._readers = readers
        self._log = log
        self._lock_wait_seconds = lock_wait_seconds
        self._reasons: list[str] = []

    def without_lock(self, tries: int) -> Snapshot | None:
        """Open the snapshots until the binary log proves that nothing was committed between the first and the last."""
        if not self._log.statement or not (self._log.gtids or self._log.mariadb):
            self._reasons.append("without a lock: the source has no binary log with GTIDs that we may read")
            return None
        method, attempt = (
            ("equal log positions", self._equal_positions) if self._log.mariadb else ("double read", self._double_read)
        )
        for number in range(1, tries + 1):
            found = attempt()
            if found is not None:
                return Snapshot(self._readers, found, method, number)
        self._reasons.append(f"without a lock: something was committed in each of {tries} tries")
        return None

    def _double_read(self) -> Position | None:
        """Accept when the set of executed GTIDs is the same before and after, and no GTID is owned in between.

        A transaction owns its GTID from before it is written to the log until after the engine made it visible.
        Without asking for that, one that is visible but not yet in gtid_executed would slip through.
        """
        before = self._log.position(self._control.rows(self._log.statement))
        self._open()
        owned = self._control.value("SELECT @@GLOBAL.gtid_owned")
        after = self._log.position(self._control.rows(self._log.statement))
        return before if before == after and not owned else None

    def _equal_positions(self) -> Position | None:
        """Accept when every snapshot tells the same place in the binary log: MariaDB takes both as one."""
        self._open()
        places = [
            {name.lower(): value for name, value in reader.rows("SHOW STATUS LIKE 'binlog_snapshot%'")}
            for reader in self._readers
        ]
        files = {str(_text(place.get("binlog_snapshot_file", ""))) for place in places}
        offsets = {int(_text(place.get("binlog_snapshot_position", "0")) or 0) for place in places}
        if len(files) > 1 or len(offsets) > 1:
            return None
        found = Position(server_uuid=self._log.server_uuid, binlog_file=files.pop(), binlog_position=offsets.pop())
        return self._log.with_gtids(self._control, found) if found.binlog_file else None

    def locked(self, locks: Iterator[_Lock]) -> Snapshot | None:
        """Open the snapshots under the first lock that can be had.

        One that has to wait is given up, and asked for again after as long a pause: writers queue behind it.
        """
        for lock in locks:
            for session, _ in lock.statements:
                session.run(f"SET SESSION lock_wait_timeout = {self._lock_wait_seconds}")
            for number in range(1, LOCK_TRIES + 1):
                asked = time.monotonic()
                reason = self._lock(lock)
                if reason is None:
                    found = self._open_locked(lock)
                    return Snapshot(self._readers, found, lock.name, number, time.monotonic() - asked)
                if reason:
                    self._reasons.append(f"{lock.name}: not allowed ({reason})")
                    break
                if number < LOCK_TRIES:
                    time.sleep(self._lock_wait_seconds)
            else:
                self._reasons.append(f"{lock.name}: {LOCK_TRIES} times timed out after {self._lock_wait_seconds} s")
        return None

    def _lock(self, lock: _Lock) -> int | None:
        """Lock; return None, or the error number of what is not allowed, or 0 when it took too long."""
        for session, statement in lock.statements:
            session.send(statement)
        codes = [_outcome(session) for session, _ in lock.statements]
        failed = [code for code in codes if code]
        if not failed:
            return None
        self._unlock(lock)
        return max((code for code in failed if code != LOCK_WAIT_TIMEOUT), default=0)

    def _open_locked(self, lock: _Lock) -> Position:
        """Open the snapshots, and ask for the position in the same round trip."""
        found: Position | None = None
        try:
            if self._log.statement:
                self._control.send(self._log.statement)
            self._open()
            if self._log.statement:
                found = self._log.position(self._control.receive())
        finally:
            self._unlock(lock)
        return self._log.with_gtids(self._control, found) if found else Position(server_uuid=self._log.server_uuid)

    @staticmethod
    def _unlock(lock: _Lock) -> None:
        for session, _ in lock.statements:
            session.send("UNLOCK TABLES")
        for session, _ in lock.statements:
            session.receive()

    def _open(self) -> None:
        for reader in self._readers:
            reader.send(START)
        for reader in self._readers:
            reader.receive()

    def inconsistent(self) -> Snapshot:
        """Open the snapshots one by one, whatever is committed meanwhile. They have no position."""
        self._open()
        return Snapshot(self._readers, Position(server_uuid=self._log.server_uuid), INCONSISTENT, 1)

    def refusal(self) -> Refused:
        """Return the error that says why no rung held."""
        return Refused(
            f"No consistent snapshot of the source: {'; '.join(self._reasons)}.",
            hint="Grant LOCK TABLES on the schemas, end the long transaction that holds the tables (information_schema"
            ".innodb_trx lists it), or try at a quieter time. `phases.mysql.inconsistent` goes on without a snapshot.",
        )


def _outcome(session: Session) -> int:
    """Return 0 for a lock that is held, else the error number; raise what has nothing to do with locks."""
    try:
        session.receive()
    except (SqlError, SqlTransientError) as error:
        if error.code not in NOT_ALLOWED | {LOCK_WAIT_TIMEOUT}:
            raise
        return error.code
    return 0


def _text(value: str | bytes) -> str:
    """Decode what a session without a character set for results returns undecoded."""
    return value.decode("utf-8") if isinstance(value, bytes) else value
