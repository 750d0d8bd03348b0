"""Runs `mysql dump` and `mysql load` of one configuration file; as a program of its own, so that a test can kill it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mysql_move
import yaml
from endpoints import AwsEndpoint, MysqlPair

from wkms_migrate import config, engine, events, journal
from wkms_migrate.journal import RunState
from wkms_migrate.phases.mysql import dump, load
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import Context, Phase

Watch = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class Halves:
    """A configuration with a place for a dump; each half may be run as often as a test likes."""

    file: Path
    place: str

    def dump(self, watch: Watch | None = None, *, side: dump.Side = "source", **settings: object) -> RunState:
        """Dump what the settings say into the place."""
        return self._run(dump.phase(self.place, side), f"dump-{side}", watch, settings)

    def load(
        self, watch: Watch | None = None, *, run: str = "load", only: Sequence[str] = (), **settings: object
    ) -> RunState:
        """Load the place's dump, or `only` some of its schemas, into the target."""
        return self._run(load.phase(self.place, only), run, watch, settings)

    def state(self, name: str) -> RunState:
        """Return what the journal of a half says: `dump-source` or `load`."""
        return journal.load(self.file.parent / "runs" / name)

    def _run(self, phase: Phase, name: str, watch: Watch | None, flags: dict[str, object]) -> RunState:
        settings = config.load(
            self.file,
            {"mysql": MysqlSettings},
            flags={f"phases.mysql.{key}": value for key, value in flags.items()},
        )
        run_dir = settings.runs_dir / name
        with journal.Journal(run_dir) as book:

            def sink(event: events.Event) -> None:
                if watch:
                    watch(event)
                if not isinstance(event, events.EPHEMERAL):
                    book.append(event)

            engine.Engine(Context(settings, book.state, run_dir), sink, workers=2).run([phase])
            return book.state


def prepare(
    pair: MysqlPair, folder: Path, *, place: str | None = None, s3: AwsEndpoint | None = None, **options: object
) -> Halves:
    """Write a configuration into `folder`; the dump lies in a folder beside it unless a place is named."""
    file = mysql_move.prepare(pair, folder, **options).file
    if s3:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        secret = folder / "aws.secret"
        secret.write_text(s3.secret_access_key, encoding="ascii")
        values["aws"] |= {
            "endpoint_url": s3.endpoint_url,
            "region": s3.region,
            "access_key_id": f"file:{secret}",
            "secret_access_key": f"file:{secret}",
        }
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return Halves(file, place or str(folder / "dump"))


def main(file: Path, place: str, half: str, die_at: int, delay: float = 0.0) -> None:
    """Run a half and kill this process at or after an event."""
    getattr(Halves(file, place), half)(mysql_move.dying(die_at, delay))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), *map(float, sys.argv[5:]))
