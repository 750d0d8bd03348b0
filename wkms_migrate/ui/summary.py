"""The table at the end of a run, and the same facts as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TextIO

from wkms_migrate.ui.text import duration

if TYPE_CHECKING:
    from wkms_migrate.journal import RunState

HEADINGS = {
    "en": ("Phase", "State", "Steps", "Verified", "Findings", "Time"),
    "ko": ("단계", "상태", "작업", "검증", "발견 사항", "시간"),
}
STATES = {
    "en": {
        "done": "done",
        "failed": "failed",
        "skipped": "skipped",
        "pending": "pending",
        "running": "cut off",
        "stopped": "stopped",
    },
    "ko": {
        "done": "완료",
        "failed": "실패",
        "skipped": "건너뜀",
        "pending": "대기",
        "running": "끊김",
        "stopped": "중단됨",
    },
}


@dataclass(frozen=True, slots=True)
class Row:
    """What a run did in one phase."""

    phase: str
    state: str
    steps: int
    steps_done: int
    checks: int
    checks_ok: int
    warnings: int
    seconds: float
    reason: str


def rows(state: RunState, phases: Sequence[str]) -> list[Row]:
    """Return one row per phase, in running order."""
    return [_row(state, phase) for phase in phases]


def _row(state: RunState, phase: str) -> Row:
    steps = {name: step for name, step in state.steps.items() if step.phase == phase}
    checks = [check for check in state.verified.values() if check.step in steps]
    findings = [one for one in state.findings.values() if one.step in steps and one.severity != "info"]
    return Row(
        phase=phase,
        state=_phase_state([step.status for step in steps.values()]),
        steps=len(steps),
        steps_done=sum(step.status == "done" for step in steps.values()),
        checks=len(checks),
        checks_ok=sum(check.ok for check in checks),
        warnings=len(findings),
        seconds=_covered([(step.finished_at - step.seconds, step.finished_at) for step in steps.values()]),
        reason=next((step.reason for step in steps.values() if step.reason), ""),
    )


def _covered(intervals: Sequence[tuple[float, float]]) -> float:
    """Return how long at least one of these intervals lasted: steps of a stage run at the same time."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _phase_state(statuses: Sequence[str]) -> str:
    for status in ("failed", "running", "stopped", "pending", "skipped"):
        if status in statuses:
            return status
    return "done" if statuses else "pending"


def as_data(state: RunState, phases: Sequence[str]) -> dict[str, object]:
    """Return the summary as JSON-ready data."""
    return {
        "run": state.run,
        "environment": state.environment,
        "exit_code": state.exit_code,
        "phases": [asdict(row) for row in rows(state, phases)],
    }


def show(state: RunState, phases: Sequence[str], lang: str, stream: TextIO) -> None:
    """Draw the table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{state.run}", title_justify="left")
    for number, heading in enumerate(HEADINGS[lang]):
        table.add_column(heading, justify="left" if number < 2 else "right")  # noqa: PLR2004 - two columns of text
    styles = {"done": "green", "failed": "red", "skipped": "yellow", "stopped": "yellow"}
    for row in rows(state, phases):
        table.add_row(
            row.phase,
            STATES[lang][row.state],
            f"{row.steps_done}/{row.steps}",
            f"{row.checks_ok}/{row.checks}" if row.checks else "–",
            str(row.warnings) if row.warnings else "–",
            duration(row.seconds) if row.seconds else "–",
            style=styles.get(row.state),
        )
    console = Console(file=stream, highlight=False)
    console.print(table)
    for row in rows(state, phases):
        if row.reason:
            console.print(f"{row.phase}: {row.reason}", markup=False)
