"""The migration report: what a run moved, proved, changed and left; from the folded journal to HTML and JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from wkms_migrate.report import files, run_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from wkms_migrate.events import Finding, Json, Verified
    from wkms_migrate.journal import RunState, StepState

SCHEMA_VERSION = 1
COUNTED = ("rows", "objects", "items", "messages")  # checks whose target value is a number of moved things

Outcome = Literal["proved", "unproved", "failed", "stopped", "open", "empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step: `status` as in the journal, `seconds` of its last run."""

    id: str
    summary: str
    status: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRow:
    """One phase and its steps; a phase that never ran has none and is pending."""

    name: str
    status: str
    seconds: float
    steps: tuple[StepRow, ...]
    checks: int
    checks_ok: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One figure of the system: its goal and what was measured, as text with their unit.

    Without a `threshold` no goal is set, and the figure is for information.
    """

    name_ko: str
    name_en: str
    threshold: float | None
    goal: str
    measured: str
    ok: bool

    def name(self, lang: str) -> str:
        """Return the name in `lang`, "ko" or "en"."""
        return self.name_ko if lang == "ko" else self.name_en


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """All that the report says, in no language yet."""

    run: str
    environment: str
    as_of: date
    started_at: float
    finished_at: float
    outcome: Outcome
    phases: tuple[PhaseRow, ...]
    checks: tuple[Verified, ...]
    findings: tuple[Finding, ...]
    kpis: tuple[Kpi, ...]

    @property
    def seconds(self) -> float:
        """The time spent in steps, in seconds."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def counts(self) -> dict[str, int]:
        """How much was found alike on both ends, by what was counted."""
        counted: dict[str, int] = {}
        for check in self.checks:
            if check.ok and check.check in COUNTED and check.target.isdecimal():
                counted[check.check] = counted.get(check.check, 0) + int(check.target)
        return counted

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)


def build(state: RunState, as_of: date, phases: Sequence[str] = ()) -> RunReport:
    """Report on a run as its journal has it. `phases` gives the running order and adds those that never ran.

    KPIs come from the result of the verify phase: `kpis`, a list of mappings with names, goal, measured and ok.
    """
    seen = dict.fromkeys((*phases, *(step.phase for step in state.steps.values() if step.phase)))
    rows = tuple(_phase(state, name) for name in seen)
    checks = tuple(sorted(state.verified.values(), key=lambda check: (check.ok, check.step, check.object, check.check)))
    kpis = tuple(_kpi(kpi) for kpi in state.outputs("verify").get("kpis", ()))
    return RunReport(
        run=state.run,
        environment=state.environment,
        as_of=as_of,
        started_at=state.started_at,
        finished_at=state.finished_at,
        outcome=_outcome(state, rows, kpis),
        phases=rows,
        checks=checks,
        findings=tuple(sorted(state.findings.values(), key=lambda found: (found.kind, found.step, found.object))),
        kpis=kpis,
    )


def write(report: RunReport, out_dir: Path, langs: Sequence[str]) -> list[Path]:
    """Write `run.json` and one `run.<lang>.html` per language into `out_dir`; return their paths."""
    texts = {"run.json": json.dumps(document(report), ensure_ascii=False, indent=1) + "\n"}
    texts |= {f"run.{lang}.html": run_page.render(report, lang) for lang in langs}
    return files.write(out_dir, texts)


def document(report: RunReport) -> dict[str, Any]:
    """Return the report as plain values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "report": "run",
        "run": report.run,
        "environment": report.environment,
        "as_of": report.as_of.isoformat(),
        "started_at": report.started_at,
        "finished_at": report.finished_at,
        "outcome": report.outcome,
        "seconds": report.seconds,
        "counts": report.counts,
        "phases": [asdict(phase) for phase in report.phases],
        "checks": [
            {"step": c.step, "object": c.object, "check": c.check, "source": c.source, "target": c.target, "ok": c.ok}
            for c in report.checks
        ],
        "findings": [
            {
                "kind": f.kind,
                "severity": f.severity,
                "code": f.code,
                "step": f.step,
                "object": f.object,
                "text": f.text,
                "hint": f.hint,
            }
            for f in report.findings
        ],
        "kpis": [asdict(kpi) for kpi in report.kpis],
    }


def _phase(state: RunState, name: str) -> PhaseRow:
    steps = {step: known for step, known in state.steps.items() if known.phase == name}
    checks = [check for check in state.verified.values() if check.step in steps]
    return PhaseRow(
        name=name,
        status=_status([known.status for known in steps.values()]),
        seconds=sum(known.seconds for known in steps.values()),
        steps=tuple(_step(step, known) for step, known in steps.items()),
        checks=len(checks),
        checks_ok=sum(check.ok for check in checks),
    )


def _step(step: str, known: StepState) -> StepRow:
    return StepRow(id=step, summary=known.summary, status=known.status, seconds=known.seconds, reason=known.reason)


def _kpi(found: Mapping[str, Json]) -> Kpi:
    return Kpi(**{field.name: found[field.name] for field in fields(Kpi)})


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
