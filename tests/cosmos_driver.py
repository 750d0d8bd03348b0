"""Runs the cosmos phase of one configuration file; as a program of its own, so that a test can kill it anywhere."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from endpoints import CosmosAccount

from wkms_migrate import config, engine, events, journal
from wkms_migrate.journal import RunState
from wkms_migrate.phases import cosmos
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import Context

Watch = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class Move:
    """A configuration of the phase that a test may run as often as it likes."""

    file: Path

    def run(self, watch: Watch | None = None) -> RunState:
        """Run what is pending and return what the journal says then."""
        context = self.context()
        with journal.Journal(context.run_dir) as book:

            def sink(event: events.Event) -> None:
                if not isinstance(event, events.EPHEMERAL):
                    book.append(event)
                if watch is not None:
                    watch(event)

            machine = engine.Engine(Context(context.settings, book.state, context.run_dir), sink, workers=2)
            machine.run([cosmos.PHASE])
            return book.state

    def context(self) -> Context:
        """Return a context as the phase gets it, outside any run."""
        settings = config.load(self.file, {"cosmos": CosmosSettings})
        run_dir = settings.runs_dir / settings.run_name
        return Context(settings, journal.load(run_dir), run_dir)

    def configure(self, **options: Any) -> None:
        """Change settings of the phase."""
        values = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        values["phases"]["cosmos"] |= options
        self.file.write_text(yaml.safe_dump(values), encoding="utf-8")


def prepare(
    source: CosmosAccount, endpoint_url: str, folder: Path, *, database: str, tables: Mapping[str, str], **options: Any
) -> Move:
    """Write a configuration of the phase, and a journal in which provision has put these tables out."""
    for name, secret in {"cosmos": source.key, "aws": "testing"}.items():
        (folder / f"{name}.secret").write_text(secret, encoding="ascii")
    testing = f"file:{folder / 'aws.secret'}"
    values = {
        "environment": "test",
        "runs_dir": str(folder / "runs"),
        "workers": 3,
        "azure": {
            "cosmos": {
                "endpoint": source.endpoint,
                "key": f"file:{folder / 'cosmos.secret'}",
                "database": database,
            }
        },
        "aws": {"endpoint_url": endpoint_url, "access_key_id": testing, "secret_access_key": testing},
        "phases": {"cosmos": options},
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    move = Move(file)
    with journal.Journal(move.context().run_dir) as book:
        step = {"phase": "provision", "step": "provision/apply", "digest": "1"}
        book.append(events.StepStarted(summary="", **step))
        book.append(events.StepDone(seconds=0, result={"wkms": {"tables": dict(tables)}}, **step))
    return move


def main(file: str, kill_at: int) -> None:
    """Run the phase; end this very process by SIGKILL at the n-th checkpoint."""
    left = kill_at

    def watch(event: events.Event) -> None:
        nonlocal left
        if isinstance(event, events.Checkpoint):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    Move(Path(file)).run(watch)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
