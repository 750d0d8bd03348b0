"""Runs the blob phase between two endpoints; as a program, in a process that a test can kill."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from wkms_migrate import config, engine, events, journal
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases import blob
from wkms_migrate.plan import Context

if TYPE_CHECKING:
    from doubles.strict_s3 import StrictS3
    from endpoints import StorageAccount


@dataclass(slots=True)
class Ran:
    """What one run said."""

    state: journal.RunState
    findings: list[events.Finding]
    verified: list[events.Verified]
    ran: int

    def codes(self) -> set[str]:
        return {finding.code for finding in self.findings}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where from and where to. `folder` gets configuration, secrets and the run."""

    folder: Path
    blob_endpoint: str
    account: str
    key: str
    s3_endpoint: str
    containers: dict[str, str]
    secret: str = "testing"

    def write(self, **options: object) -> Path:
        self.folder.mkdir(exist_ok=True)
        for name, value in {"azure": self.key, "aws": self.secret, "aws_id": "testing"}.items():
            (self.folder / name).write_text(value, encoding="utf-8")
        storage = {
            "account": self.account,
            "blob_endpoint": self.blob_endpoint,
            "key": f"file:{self.folder / 'azure'}",
        }
        values = {
            "environment": "test",
            "runs_dir": str(self.folder / "runs"),
            "azure": {"storage": storage},
            "aws": {
                "endpoint_url": self.s3_endpoint,
                "access_key_id": f"file:{self.folder / 'aws_id'}",
                "secret_access_key": f"file:{self.folder / 'aws'}",
            },
            "phases": {"blob": {"containers": list(self.containers), "buckets": self.containers, **options}},
        }
        path = self.folder / "test.yaml"
        path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
        return path

    def run(self, **options: object) -> Ran:
        return run(self.write(**options))

    def state(self) -> journal.RunState:
        return journal.load(self.folder / "runs" / "test")


def new_move(
    azurite: StorageAccount, target: StrictS3, containers: dict[str, str], folder: Path, *, through: str = ""
) -> Move:
    """A move from Azurite, or from what stands before it at `through`, into the double."""
    return Move(
        folder=folder / "move",
        blob_endpoint=through or azurite.blob_endpoint,
        account=azurite.account,
        key=azurite.key,
        s3_endpoint=target.endpoint,
        containers=containers,
    )


def run(path: Path, *, stoppable: bool = False) -> Ran:
    settings = config.load(path, {"blob": blob.BlobSettings}, environ={})
    run_dir = settings.runs_dir / settings.run_name
    findings: list[events.Finding] = []
    verified: list[events.Verified] = []

    with journal.Journal(run_dir) as book:

        def sink(event: events.Event) -> None:
            if not isinstance(event, events.EPHEMERAL):
                book.append(event)
            if isinstance(event, events.Finding):
                findings.append(event)
            if isinstance(event, events.Verified):
                verified.append(event)

        machine = engine.Engine(Context(settings, book.state, run_dir), sink)
        if stoppable:
            signal.signal(signal.SIGINT, lambda *_: machine.stopping.set())
        machine.run([blob.PHASE])
        return Ran(book.state, findings, verified, machine.ran)


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]), stoppable=True)
    except WkmsError as failure:
        sys.stderr.write(f"{failure}\n")
        sys.exit(failure.exit_code)
