"""The two ends of the copy."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from wkms_migrate.clients import target_database
from wkms_migrate.clients.mysql import Session, SqlError, connect
from wkms_migrate.config import MysqlServer
from wkms_migrate.plan import Context

# On, the first gives every table without a key a hidden one; the second refuses foreign keys that older servers took.
ADMINISTRATIVE = ("sql_generate_invisible_primary_key", "restrict_fk_on_non_standard_key")
NO_PRIVILEGE = 1227
INDEX_BUFFER_BYTES = 16 << 20  # for each ALTER; the default of 1 MiB merges many runs on disk


def source(context: Context) -> Session:
    """Open a session with the Azure server. Everything this phase does with it only reads."""
    server: MysqlServer = context.settings.azure.mysql
    return connect(server, "source")


def target(context: Context) -> Session:
    """Open a session with the AWS server, ready for bulk loads.

    Raises `NotKnownYet` while its address comes from provision and provision is not done.
    """
    session = connect(target_database.server(context), "target")
    session.run("SET SESSION foreign_key_checks = 0")
    # Chunks are emptied before they are filled: under REPEATABLE READ the gap locks of two neighbours end in deadlock.
    session.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    # Of the memory that sorts an index; MariaDB sorts by a setting of the whole server.
    session.run(f"/*!80027 SET SESSION innodb_ddl_buffer_size = {INDEX_BUFFER_BYTES} */")
    for name in ADMINISTRATIVE:
        _switch_off(session, name)
    return session


def _switch_off(session: Session, name: str) -> None:
    """Switch a variable off where the server has it and lets us; preflight says what follows where it does not."""
    current = session.rows(f"SHOW SESSION VARIABLES LIKE '{name}'")
    if not current or current[0][1] == "OFF":
        return
    try:
        session.run(f"SET SESSION {name} = OFF")
    except SqlError as error:
        if error.code != NO_PRIVILEGE:
            raise


class Pool:
    """Sessions that are made when needed, lent to one user at a time and replaced when they broke."""

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._free: queue.SimpleQueue[Session] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        while not self._free.empty():
            self._free.get().close()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Borrow a session; as many exist as were borrowed at the same time."""
        try:
            session = self._free.get_nowait()
        except queue.Empty:
            session = self._connect()
        try:
            yield session
        finally:
            if session.open:
                self._free.put(session)
