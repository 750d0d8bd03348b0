"""Sessions and snapshots on a test's server, opened as the phase opens them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from endpoints import MysqlEndpoint

from wkms_migrate.clients.mysql import Session, connect
from wkms_migrate.config import MysqlServer
from wkms_migrate.phases.mysql import catalog, snapshot
from wkms_migrate.phases.mysql.snapshot import Snapshot

READERS = 4
Take = Callable[..., AbstractContextManager[Snapshot]]


def opener(end: MysqlEndpoint, folder: Path) -> Callable[[], Session]:
    """Return what opens sessions as the phase does."""
    secret = folder / "snapshot.secret"
    secret.write_text(end.password, encoding="utf-8")
    server = MysqlServer(host=end.host, port=end.port, user=end.user, password=f"file:{secret}", ca=end.ca)
    return lambda: connect(server, "source")


def taker(end: MysqlEndpoint, folder: Path, schema: str) -> Take:
    """Return what takes a snapshot of a schema's tables, as the phase does."""
    opened = opener(end, folder)

    @contextmanager
    def take(**options: object) -> Iterator[Snapshot]:
        with opened() as session:
            tables = catalog.tables(session, [schema])
        wishes: dict[str, Any] = {"connections": READERS, "tries": 2000, "lock_wait_seconds": 1, **options}
        with snapshot.taken(opened, tables, **wishes) as taken:
            yield taken

    return take


def seen(taken: Snapshot, see: Callable[[Session], int]) -> set[int]:
    """Return what all the sessions of a snapshot see."""
    with ExitStack() as lent:
        return {see(session) for session in [lent.enter_context(taken.session()) for _ in range(READERS)]}
