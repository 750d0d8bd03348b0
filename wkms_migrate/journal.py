"""The durable half of the event stream: JSON lines, one lock, and the state they fold to.

`runs/<name>/journal.jsonl` is the only input of resume. A line that was cut off by a crash can only be the last
one; it is dropped when the run is opened for writing.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import msgspec

from wkms_migrate import events
from wkms_migrate.errors import Interrupted, Locked, WkmsError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from wkms_migrate.events import Json

JOURNAL = "journal.jsonl"
LOCK = "lock"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(events.AnyEvent)
_DURABLE = (events.StepDone, events.Checkpoint, events.StepStarted)


@dataclass(slots=True)
class StepState:
    """What the journal knows of one step."""

    phase: str = ""
    summary: str = ""
    digest: str = ""
    status: str = "pending"  # pending | running | stopped | failed | skipped | done
    seconds: float = 0.0
    reason: str = ""
    result: dict[str, Json] = field(default_factory=dict)
    cursors: dict[str, Json] = field(default_factory=dict)
    finished_at: float = 0.0


@dataclass(slots=True)
class RunState:
    """The fold of a journal: which steps are done, where each cursor stands, what was found and verified."""

    run: str = ""
    environment: str = ""
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int | None = None
    steps: dict[str, StepState] = field(default_factory=dict)
    findings: dict[tuple[str, str, str], events.Finding] = field(default_factory=dict)
    verified: dict[tuple[str, str, str], events.Verified] = field(default_factory=dict)

    def is_done(self, step: str, digest: str) -> bool:
        """Say whether a step is done with these very inputs."""
        known = self.steps.get(step)
        return known is not None and known.status == "done" and known.digest == digest

    def outputs(self, phase: str) -> dict[str, Json]:
        """Return the merged results of a phase's done steps."""
        merged: dict[str, Json] = {}
        for state in self.steps.values():
            if state.phase == phase and state.status == "done":
                merged |= state.result
        return merged

    def apply(self, event: events.Event) -> None:
        """Take one event in."""
        match event:
            case events.RunStarted():
                self.run, self.environment = event.run, event.environment
                self.started_at = self.started_at or event.at
                self.exit_code = None
            case events.RunDone():
                self.exit_code, self.finished_at = event.exit_code, event.at
            case events.Finding():
                self.findings[event.step, event.code, event.object] = event
            case events.Verified():
                self.verified[event.step, event.object, event.check] = event
            case _:
                self._apply_to_step(event)

    def _apply_to_step(self, event: events.Event) -> None:
        match event:
            case events.StepStarted():
                self._start(event)
            case events.Checkpoint():
                self.steps.setdefault(event.step, StepState()).cursors[event.key] = event.cursor
            case events.StepDone():
                self._finish(event)
            case events.StepFailed():
                state = self.steps.setdefault(event.step, StepState(phase=event.phase))
                state.status = "stopped" if event.exit_code == Interrupted.exit_code else "failed"
                state.reason, state.seconds, state.finished_at = event.message, event.seconds, event.at
            case events.StepSkipped():
                self.steps[event.step] = StepState(
                    phase=event.phase, summary=event.summary, status="skipped", reason=event.reason
                )
            case _:
                pass

    def _start(self, event: events.StepStarted) -> None:
        known = self.steps.get(event.step)
        cursors = known.cursors if known and known.digest == event.digest else {}
        if not cursors:
            self._forget(event.step)
        self.steps[event.step] = StepState(
            phase=event.phase, summary=event.summary, digest=event.digest, status="running", cursors=cursors
        )

    def _forget(self, step: str) -> None:
        self.findings = {key: value for key, value in self.findings.items() if key[0] != step}
        self.verified = {key: value for key, value in self.verified.items() if key[0] != step}

    def _finish(self, event: events.StepDone) -> None:
        state = self.steps.setdefault(event.step, StepState(phase=event.phase))
        state.status, state.digest, state.reason = "done", event.digest, ""
        state.seconds, state.result, state.finished_at = event.seconds, event.result, event.at


def fold(stream: Iterable[events.Event]) -> RunState:
    """Fold events into the state of the run."""
    state = RunState()
    for event in stream:
        state.apply(event)
    return state


def replay(run_dir: Path) -> Iterator[events.Event]:
    """Read a run's events in order, without a lock. A last line without its newline is not yet a fact."""
    path = run_dir / JOURNAL
    if not path.exists():
        return
    with path.open("rb", buffering=1 << 20) as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            yield _decode(line, path, number)


def load(run_dir: Path) -> RunState:
    """Return the state of a run; an empty one where nothing has run yet."""
    return fold(replay(run_dir))


def _decode(line: bytes, path: Path, number: int) -> events.Event:
    try:
        event: events.Event = _decoder.decode(line)
    except msgspec.DecodeError as error:
        raise WkmsError(
            f"{path} line {number} is not an event: {error}.",
            hint="The journal was edited or belongs to another version. Choose a new run with --run NAME.",
        ) from error
    return event


class Journal:
    """An open journal. Holds the run's lock; `append` returns when the fact is as durable as it must be."""

    def __init__(self, run_dir: Path) -> None:
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(run_dir / LOCK)
            _drop_torn_tail(run_dir / JOURNAL)
            self.state = load(run_dir)
            self._file = (run_dir / JOURNAL).open("ab", buffering=0)
        except OSError as error:
            raise _unwritable(run_dir, error) from error
        self._run_dir = run_dir

    def append(self, event: events.Event) -> None:
        """Write one event; checkpoints and ends of steps are synced to the disk before this returns."""
        try:
            self._file.write(_encoder.encode(event) + b"\n")
            if isinstance(event, _DURABLE):
                os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self._run_dir, error) from error
        self.state.apply(event)

    def close(self) -> None:
        """Give the lock back."""
        self._file.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _unwritable(run_dir: Path, error: OSError) -> WkmsError:
    return WkmsError(
        f"The run folder {run_dir} cannot be written: {error.strerror or error}.",
        hint="Free space, fix the permissions, or set runs_dir in the configuration; then run the same command again.",
    )


def _lock(path: Path) -> LockFile:
    file = LockFile(path)
    file.acquire()
    return file


class LockFile:
    """An advisory lock that names its holder; the kernel releases it when the holder dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+", encoding="utf-8")

    def acquire(self) -> None:
        """Take the lock or raise `Locked`, saying who holds it and since when."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise Locked(
                f"The run {self._path.parent.name} is in use by {holder}.",
                hint="Wait for it to end, or use another run with --run NAME.",
            ) from error
        self._file.seek(0)
        self._file.truncate()
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime())
        self._file.write(f"process {os.getpid()} on {socket.gethostname()} since {since}\n")
        self._file.flush()

    def close(self) -> None:
        """Release the lock."""
        self._file.close()


def _drop_torn_tail(path: Path) -> None:
    """Cut off a last line that a crash left without its newline, so that the next append starts a line."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        position = end
        while position > 0:
            start = max(0, position - (1 << 16))
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                position = start + newline + 1
                break
            position = start
        if position < end:
            file.truncate(position)
