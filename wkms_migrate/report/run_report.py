"""The migration report: what a run moved, proved, changed and left, from its journal alone; in no language yet."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from wkms_migrate.report import recorded
from wkms_migrate.report.run_facts import SEVERITIES, FindingGroup, Kpi, Moved, check_groups, finding_groups, moved

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from wkms_migrate.events import Finding, FindingKind, Verified
    from wkms_migrate.journal import RunState, StepState
    from wkms_migrate.report.recorded import Attempt, Recorded
    from wkms_migrate.report.run_facts import CheckGroup

KINDS: tuple[FindingKind, ...] = ("lost", "left", "risk", "converted", "note")  # what asks for a decision comes first

Outcome = Literal["proved", "unproved", "failed", "stopped", "open", "empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step: `status` as in the journal, `seconds` of all its `attempts` together."""

    id: str
    summary: str
    status: str
    seconds: float
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRow:
    """One phase and its steps; one that never ran has none and is pending. `seconds`: some step of it was running."""

    name: str
    status: str
    seconds: float
    steps: tuple[StepRow, ...]
    checks: int
    checks_ok: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Downtime:
    """For how long the system could not be written: `measured` over the cut-over, or `bound`, or `unknown`.

    Without a cut-over the bound is the time from the first step that moved data to the last that compared it:
    what a freeze of the source over the whole move would have cost.
    """

    kind: Literal["measured", "bound", "unknown"]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which journal the report is made from: `sha256` of its bytes, `events` in it, `commands` that wrote it."""

    sha256: str
    events: int
    commands: int
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """All that the report says. Times are seconds since 1970, durations seconds."""

    run: str
    environment: str
    as_of: date
    started_at: float
    finished_at: float
    outcome: Outcome
    seconds: float
    downtime: Downtime
    phases: tuple[PhaseRow, ...]
    moved: tuple[Moved, ...]
    checks: tuple[Verified, ...]
    findings: tuple[Finding, ...]
    kpis: tuple[Kpi, ...]
    provenance: Provenance

    @property
    def counts(self) -> dict[str, int]:
        """How much was found alike on both ends, by what was counted."""
        counted: dict[str, int] = {}
        for phase in self.moved:
            if phase.count is not None:
                counted[phase.unit] = counted.get(phase.unit, 0) + phase.count
        return counted

    @property
    def checks_ok(self) -> int:
        """How many comparisons agree."""
        return sum(check.ok for check in self.checks)

    @property
    def done(self) -> int:
        """How many phases are done."""
        return sum(phase.status == "done" for phase in self.phases)

    def status(self, phase: str) -> str:
        """Return how far a phase is."""
        return next((row.status for row in self.phases if row.name == phase), "pending")

    @property
    def check_groups(self) -> tuple[CheckGroup, ...]:
        """Comparisons by phase and kind."""
        return check_groups(self.checks)

    @property
    def pressing(self) -> tuple[FindingGroup, ...]:
        """The findings that ask for a decision: lost, left, or worse than a note."""
        found = [group for kind in KINDS for group in self.groups(kind)]
        asking = [group for group in found if group.severity != "info" or group.kind in {"lost", "left"}]
        return tuple(sorted(asking, key=lambda group: SEVERITIES.index(group.severity)))

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def groups(self, kind: str) -> tuple[FindingGroup, ...]:
        """Return the findings of one kind by code, the gravest first."""
        return finding_groups(self.of_kind(kind))


def build(journal: Recorded, as_of: date, phases: Sequence[str] = ()) -> RunReport:
    """Report on a run as its journal has it. `phases` gives the running order and adds those that never ran."""
    state = journal.state
    seen = dict.fromkeys((*phases, *(step.phase for step in state.steps.values() if step.phase)))
    rows = tuple(_phase(journal, name) for name in seen)
    checks = tuple(sorted(state.verified.values(), key=lambda check: (check.ok, check.step, check.object, check.check)))
    goals = _kpis(state)
    amounts = moved(checks, {phase.name: phase.seconds for phase in rows})
    return RunReport(
        run=state.run,
        environment=state.environment,
        as_of=as_of,
        started_at=state.started_at,
        finished_at=state.finished_at,
        outcome=_outcome(state, rows, goals),
        seconds=recorded.busy(journal.attempts),
        downtime=_downtime(journal.attempts, {amount.phase for amount in amounts}),
        phases=rows,
        moved=amounts,
        checks=checks,
        findings=tuple(sorted(state.findings.values(), key=lambda found: (found.kind, found.step, found.object))),
        kpis=goals,
        provenance=Provenance(
            sha256=journal.sha256, events=journal.events, commands=journal.commands, versions=journal.versions
        ),
    )


def _phase(journal: Recorded, name: str) -> PhaseRow:
    state = journal.state
    steps = {step: known for step, known in state.steps.items() if known.phase == name}
    attempts = [attempt for attempt in journal.attempts if attempt.phase == name]
    checks = [check for check in state.verified.values() if check.step in steps]
    return PhaseRow(
        name=name,
        status=_status([known.status for known in steps.values()]),
        seconds=recorded.busy(attempts),
        steps=tuple(_step(step, known, attempts) for step, known in steps.items()),
        checks=len(checks),
        checks_ok=sum(check.ok for check in checks),
    )


def _step(step: str, known: StepState, attempts: Iterable[Attempt]) -> StepRow:
    own = [attempt.seconds for attempt in attempts if attempt.step == step]
    return StepRow(
        id=step,
        summary=known.summary,
        status=known.status,
        seconds=sum(own),
        attempts=len(own),
        reason=known.reason,
    )


def _downtime(attempts: Sequence[Attempt], movers: set[str]) -> Downtime:
    cutover = [attempt for attempt in attempts if attempt.phase == "cutover"]
    spans = cutover or [attempt for attempt in attempts if attempt.phase in movers]
    if not spans:
        return Downtime(kind="unknown")
    seconds = max(span.ended for span in spans) - min(span.began for span in spans)
    return Downtime(kind="measured" if cutover else "bound", seconds=seconds)


def _kpis(state: RunState) -> tuple[Kpi, ...]:
    """Read the goals that the verify phase measured; a step that missed one failed, and left them at its checkpoint."""
    found = [
        kpi
        for step in state.steps.values()
        if step.phase == "verify"
        for kpi in (step.result.get("kpis") if step.status == "done" else step.cursors.get("kpis")) or ()
    ]
    return tuple(Kpi(**{field.name: kpi[field.name] for field in fields(Kpi)}) for kpi in found)


def _status(statuses: Sequence[str]) -> str:
    """Return the status that a phase as a whole has: the worst of its steps'."""
    for status in ("failed", "stopped", "running", "pending", "skipped"):
        if status in statuses:
            return status
    return "done" if statuses else "pending"


def _outcome(state: RunState, phases: Sequence[PhaseRow], kpis: Sequence[Kpi]) -> Outcome:
    if not state.steps:
        return "empty"
    if not all(check.ok for check in state.verified.values()) or not all(kpi.ok for kpi in kpis):
        return "unproved"
    statuses = {phase.status for phase in phases}
    if "failed" in statuses:
        return "failed"
    if statuses & {"stopped", "running"}:
        return "stopped"
    return "proved" if statuses == {"done"} and state.verified else "open"
