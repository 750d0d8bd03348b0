"""What the run's journal proves about the data: comparisons folded by phase. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wkms_migrate.phases import PHASES

if TYPE_CHECKING:
    from wkms_migrate.events import Verified
    from wkms_migrate.journal import RunState

MOVERS = frozenset({"mysql", "blob", "cosmos", "queue", "search"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One mover: its comparisons, and its steps that are neither done nor skipped. `ran`: it has steps at all."""

    phase: str
    ran: bool
    compared: int
    matching: int
    unfinished: tuple[str, ...]
    skipped: tuple[str, ...]


def proofs(state: RunState) -> list[Proof]:
    """Return the proof of every mover, in running order."""
    return [_proof(state, phase) for phase in PHASES if phase in MOVERS]


def _proof(state: RunState, phase: str) -> Proof:
    steps = {name: step for name, step in state.steps.items() if step.phase == phase}
    checks = list(comparisons(state, phase))
    return Proof(
        phase=phase,
        ran=bool(steps),
        compared=len(checks),
        matching=sum(check.ok for check in checks),
        unfinished=tuple(name for name, step in steps.items() if step.status not in {"done", "skipped"}),
        skipped=tuple(name for name, step in steps.items() if step.status == "skipped"),
    )


def comparisons(state: RunState, phase: str, check: str = "") -> Iterator[Verified]:
    """Yield the comparisons of a phase, of one kind where it is named."""
    for (step, _, kind), verified in state.verified.items():
        if step.startswith(f"{phase}/") and check in {"", kind}:
            yield verified
