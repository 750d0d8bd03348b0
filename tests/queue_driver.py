"""Runs the queue phase between two endpoints; as a program, in a process that dies where a test wants it to."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from wkms_migrate import config, engine, events, journal
from wkms_migrate.clients.azure_queue import QueueService
from wkms_migrate.clients.sqs import SqsQueue
from wkms_migrate.phases import queue
from wkms_migrate.plan import Context

# Where a process can be made to die: before what call, on which class.
DEATHS: dict[str, tuple[type, str]] = {"after send": (SqsQueue, "send"), "before delete": (QueueService, "delete")}


@dataclass(slots=True)
class Ran:
    """What one run said."""

    state: journal.RunState
    findings: list[events.Finding]
    verified: list[events.Verified]
    ran: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where from and where to. `folder` gets configuration, secrets and the run; `targets` are URLs by queue.

    With `sas`, the file `sas` of the folder signs in to Azure, not the key; without `aws_keys`, whatever boto3 finds
    signs in to AWS.
    """

    folder: Path
    queue_endpoint: str
    account: str
    key: str
    aws_endpoint: str
    targets: dict[str, str]
    sas: bool = False
    aws_keys: bool = True

    def write(self, **options: object) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, value in {"azure": self.key, "aws": "testing"}.items():
            (self.folder / name).write_text(value, encoding="utf-8")
        way_in = {"sas": f"file:{self.folder}/sas"} if self.sas else {"key": f"file:{self.folder}/azure"}
        storage = {"account": self.account, "queue_endpoint": self.queue_endpoint, **way_in}
        names = ("access_key_id", "secret_access_key") if self.aws_keys else ()
        aws = {"endpoint_url": self.aws_endpoint} | dict.fromkeys(names, f"file:{self.folder}/aws")
        workers = options.pop("workers", len(self.targets))
        wishes = {"queues": list(self.targets), "targets": self.targets, "hidden_seconds": 2, **options}
        values = {
            "environment": "test",
            "workers": max(1, workers),
            "runs_dir": str(self.folder / "runs"),
            "azure": {"storage": storage},
            "aws": aws,
            "phases": {"queue": wishes},
        }
        path = self.folder / "test.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    def run(self, **options: object) -> Ran:
        return run(self.write(**options))

    def run_until_death(self, where: str, call: int, **options: object) -> None:
        """Run in a process that kills itself with SIGKILL at the n-th call."""
        argv = [sys.executable, __file__, str(self.write(**options)), where, str(call)]
        done = subprocess.run(argv, check=False, timeout=120, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr

    def state(self) -> journal.RunState:
        return journal.load(self.folder / "runs" / "test")


def run(path: Path, watch: Callable[[events.Event], None] | None = None, stop: threading.Event | None = None) -> Ran:
    """Run the phase; `watch` sees each event, `stop` asks it to end."""
    settings = config.load(path, {"queue": queue.QueueSettings}, environ={})
    run_dir = settings.runs_dir / settings.run_name
    findings: list[events.Finding] = []
    verified: list[events.Verified] = []

    with journal.Journal(run_dir) as book:

        def sink(event: events.Event) -> None:
            if watch:
                watch(event)
            if not isinstance(event, events.EPHEMERAL):
                book.append(event)
            if isinstance(event, events.Finding):
                findings.append(event)
            if isinstance(event, events.Verified):
                verified.append(event)

        machine = engine.Engine(Context(settings, book.state, run_dir), sink, workers=settings.workers)
        machine.stopping = stop or machine.stopping
        machine.run([queue.PHASE])
        return Ran(book.state, findings, verified, machine.ran)


def die_at(where: str, call: int) -> None:
    """Make this process kill itself at the n-th call: after it was made, or before, as `where` says."""
    owner, name = DEATHS[where]
    real: Callable[..., object] = getattr(owner, name)
    calls = itertools.count(1)  # one number per call, whichever lane makes it

    def deadly(*args: object) -> object:
        made = next(calls)
        if made == call and where.startswith("before"):
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(*args)
        if made == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, name, deadly)


if __name__ == "__main__":
    if sys.argv[2:]:
        die_at(sys.argv[2], int(sys.argv[3]))
    run(Path(sys.argv[1]))
