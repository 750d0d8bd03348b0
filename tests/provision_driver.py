"""Runs the provision phase of one configuration file in a process of its own, so that a test can end it at any time."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from wkms_migrate import config, engine, events, journal
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases import provision
from wkms_migrate.plan import Context


def say(line: str) -> None:
    """Write a line for the test that waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell(event: events.Event) -> None:
    """Print what a test waits for."""
    match event:
        case events.Progress():
            say(event.item)
        case events.StepFailed():
            say(f"failed: {event.message} | {event.hint}")
        case events.Log():
            say(f"log: {event.text}")
        case _:
            pass


def main(file: Path) -> int:
    settings = config.load(file, {"provision": provision.ProvisionSettings})
    with journal.Journal(settings.runs_dir / settings.run_name) as book:

        def sink(event: events.Event) -> None:
            if not isinstance(event, events.EPHEMERAL):
                book.append(event)
            tell(event)

        machine = engine.Engine(Context(settings, book.state, settings.runs_dir / settings.run_name), sink)
        signal.signal(signal.SIGINT, lambda *_: machine.stopping.set())
        try:
            machine.run([provision.PHASE])
        except WkmsError as error:
            return error.exit_code
        return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
