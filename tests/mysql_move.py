"""Runs the mysql phase of one configuration file; as a program of its own, so that a test can kill it anywhere."""

from __future__ import annotations

import os
import signal
import sys
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

    def run(self, watch: Watch = lambda event: None) -> RunState:
        """Run what is pending and return what the journal says then."""
        settings = config.load(self.file, {"mysql": MysqlSettings})
        run_dir = settings.runs_dir / settings.run_name
        with journal.Journal(run_dir) as book:

            def sink(event: events.Event) -> None:
                if not isinstance(event, events.EPHEMERAL):
                    book.append(event)
                watch(event)

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
        "azure": {"mysql": _server(pair.source, folder / "source.secret")},
        "aws": {"mysql": _server(pair.target, folder / "target.secret")},
        "phases": {"mysql": options},
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return Move(file)


def _server(endpoint: MysqlEndpoint, secret: Path) -> dict[str, Any]:
    secret.write_text(endpoint.password, encoding="utf-8")
    return {
        "host": endpoint.host,
        "port": endpoint.port,
        "user": endpoint.user,
        "password": f"file:{secret}",
        "ca": str(endpoint.ca),
    }


def main(file: Path, die_at: int) -> None:
    """Run the phase and kill this process with the `die_at`-th event that a journal keeps."""
    seen = 0

    def watch(event: events.Event) -> None:
        nonlocal seen
        if not isinstance(event, events.EPHEMERAL):
            seen += 1
        if seen == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    Move(file).run(watch)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
