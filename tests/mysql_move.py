"""Runs the mysql phase of one configuration file; as a program of its own, so that a test can kill it anywhere."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from endpoints import MysqlEndpoint, MysqlPair

from wkms_migrate import config, engine, events, journal
from wkms_migrate.journal import RunState
from wkms_migrate.phases import mysql
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import Context

Watch = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class Move:
    """A configuration of the phase that a test may run as often as it likes."""

    file: Path

    def run(self, watch: Watch | None = None) -> RunState:
        """Run what is pending and return what the journal says then. `watch` sees an event before the journal does."""
        settings = config.load(self.file, {"mysql": MysqlSettings})
        run_dir = settings.runs_dir / settings.run_name
        with journal.Journal(run_dir) as book:

            def sink(event: events.Event) -> None:
                if watch:
                    watch(event)
                if not isinstance(event, events.EPHEMERAL):
                    book.append(event)

            engine.Engine(Context(settings, book.state, run_dir), sink, workers=2).run([mysql.PHASE])
            return book.state

    def context(self) -> Context:
        """Return a context as the phase gets it, outside any run."""
        settings = config.load(self.file, {"mysql": MysqlSettings})
        run_dir = settings.runs_dir / settings.run_name
        return Context(settings, journal.load(run_dir), run_dir)


def prepare(pair: MysqlPair, folder: Path, **options: Any) -> Move:
    """Write a configuration of the phase into `folder`; `options` are its settings."""
    values = {
        "environment": "test",
        "runs_dir": str(folder / "runs"),
        "workers": 3,
        "azure": {
            "mysql": _server(pair.source, folder / "source.secret"),
            # Never reached: the seed fills only a source that is on this machine with all its parts.
            "storage": {"blob_endpoint": "http://127.0.0.1:9", "queue_endpoint": "http://127.0.0.1:9"},
            "cosmos": {"endpoint": "http://127.0.0.1:9"},
        },
        "aws": {"mysql": _server(pair.target, folder / "target.secret")},
        "phases": {"mysql": options},
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return Move(file)


def execute(end: MysqlEndpoint, *statements: str, schema: str | None = None) -> None:
    """Run statements as the server's owner."""
    with end.connect(as_owner=True, autocommit=True, database=schema) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def fetch(end: MysqlEndpoint, query: str) -> list[tuple[Any, ...]]:
    """Return all rows of a query, undecoded: whatever is not a plain number comes as bytes or text."""
    with end.connect(as_owner=True, conv={}, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(query)
        return list(cursor.fetchall())


def checksums(end: MysqlEndpoint, schema: str) -> dict[str, str]:
    """Return the server's own checksum of the stored bytes of every table: truth that owes nothing to the phase."""
    tables = fetch(
        end,
        "SELECT table_name FROM information_schema.tables"
        f" WHERE table_schema = '{schema}' AND table_type = 'BASE TABLE' ORDER BY 1",
    )
    quoted = [(name, name.replace("`", "``")) for (name,) in tables]
    return {name: fetch(end, f"CHECKSUM TABLE `{schema}`.`{inside}`")[0][1] for name, inside in quoted}


def filled(count: int, values: str) -> str:
    """Return a SELECT of `count` rows, with n from 1."""
    return (
        f"SELECT /*+ SET_VAR(cte_max_recursion_depth = {count + 1}) */ {values} FROM"
        f" (WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s) q"
    )


def _server(endpoint: MysqlEndpoint, secret: Path) -> dict[str, Any]:
    secret.write_text(endpoint.password, encoding="utf-8")
    return {
        "host": endpoint.host,
        "port": endpoint.port,
        "user": endpoint.user,
        "password": f"file:{secret}",
        "ca": str(endpoint.ca),
    }


def dying(die_at: int, delay: float) -> Watch:
    """Return a watcher that kills this process `delay` seconds after its `die_at`-th event.

    Without a delay that is just before the journal would keep the event.
    """
    seen = 0

    def watch(event: events.Event) -> None:
        nonlocal seen
        if not isinstance(event, events.EPHEMERAL):
            seen += 1
            if seen == die_at and delay:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
            elif seen == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    return watch


def main(file: Path, die_at: int, delay: float) -> None:
    """Run the phase and kill this process at or after an event."""
    Move(file).run(dying(die_at, delay))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
