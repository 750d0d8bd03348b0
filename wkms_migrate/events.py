"""Every fact a run can state. Terminal, JSON lines, JUnit, report and resume all read this one stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

Json: TypeAlias = Any  # whatever JSON can hold; kept open because each step chooses its own shape

Severity = Literal["info", "warning", "error"]
FindingKind = Literal["note", "converted", "lost", "left", "risk"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """A fact with the UTC time it became true, in seconds since 1970."""

    at: float = 0.0


class RunStarted(Event, frozen=True, tag=True):
    """Someone began or went on with a run."""

    run: str
    environment: str
    version: str
    phases: tuple[str, ...]


class PhasePlanned(Event, frozen=True, tag=True):
    """A phase was planned: `pending` of its `steps` are to be run."""

    phase: str
    steps: int
    pending: int


class StepStarted(Event, frozen=True, tag=True):
    """A step began, or began again. `digest` is of its inputs; cursors of another digest are void."""

    phase: str
    step: str
    summary: str
    digest: str


class Checkpoint(Event, frozen=True, tag=True):
    """What a step needs in order to go on from here. Written only after the write that it speaks of has landed."""

    step: str
    key: str
    cursor: Json


class Progress(Event, frozen=True, tag=True):
    """How far a step is, in absolute numbers. Never journalled."""

    step: str
    done: int
    total: int | None = None
    unit: str = "rows"
    bytes: int = 0
    errors: int = 0
    item: str = ""


class Verified(Event, frozen=True, tag=True):
    """One comparison of source and target."""

    step: str
    object: str
    check: str
    source: str
    target: str
    ok: bool


class Finding(Event, frozen=True, tag=True):
    """Something a reader of the report should know: converted, lost, left behind, a risk, or a note."""

    step: str
    code: str
    text: str
    object: str = ""
    kind: FindingKind = "note"
    severity: Severity = "info"
    hint: str = ""


class Log(Event, frozen=True, tag=True):
    """A line of a program, or of a step, worth keeping in the log but not in the journal."""

    step: str
    text: str


class StepSkipped(Event, frozen=True, tag=True):
    """A step that cannot run here, with the reason. Never counted as done."""

    phase: str
    step: str
    summary: str
    reason: str


class StepDone(Event, frozen=True, tag=True):
    """A step ended well. `result` is what later phases and the report may read."""

    phase: str
    step: str
    digest: str
    seconds: float
    result: dict[str, Json]


class StepFailed(Event, frozen=True, tag=True):
    """A step ended badly, or was stopped (`exit_code` 130)."""

    phase: str
    step: str
    seconds: float
    message: str
    hint: str
    exit_code: int


class PhaseDone(Event, frozen=True, tag=True):
    """Every step of a phase is done or skipped."""

    phase: str
    seconds: float


class RunDone(Event, frozen=True, tag=True):
    """The command ended; `exit_code` as in the table of errors.py, `ran` steps were executed."""

    run: str
    exit_code: int
    ran: int
    seconds: float


AnyEvent: TypeAlias = (
    RunStarted
    | PhasePlanned
    | StepStarted
    | Checkpoint
    | Progress
    | Verified
    | Finding
    | Log
    | StepSkipped
    | StepDone
    | StepFailed
    | PhaseDone
    | RunDone
)
Emit: TypeAlias = Callable[[Event], None]

EPHEMERAL = (Progress, Log)  # told to readers, not kept in the journal
