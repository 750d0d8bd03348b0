"""A plan as text, as JSON and as JUnit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wkms_migrate import events
from wkms_migrate.errors import NotKnownYet, WkmsError

if TYPE_CHECKING:
    from wkms_migrate.cli.options import Options
    from wkms_migrate.engine import PlannedPhase, PlannedStep
    from wkms_migrate.plan import Phase
    from wkms_migrate.session import Session


@dataclass(slots=True)
class PlanView:
    """Shows phases as they are planned and keeps them for the machine-readable forms."""

    options: Options
    pending: int = 0
    _phases: list[dict[str, object]] = field(default_factory=list)
    _errors: list[tuple[str, WkmsError]] = field(default_factory=list)

    def show(self, planned: PlannedPhase | tuple[Phase, WkmsError]) -> None:
        """Show one phase."""
        if isinstance(planned, tuple):
            self._show_error(*planned)
            return
        self.options.say(f"{planned.phase.name}: {planned.phase.summary}")
        steps = [self._show_step(planned.phase, step) for step in planned.steps]
        self.pending += len(planned.pending)
        self._phases.append({"phase": planned.phase.name, "summary": planned.phase.summary, "steps": steps})

    def _show_error(self, phase: Phase, error: WkmsError) -> None:
        self.options.say(f"{phase.name}: {phase.summary}\n  ? {error.message}")
        if error.hint:
            self.options.say(f"    → {error.hint}")
        told = {"error": error.message, "hint": error.hint}
        self._phases.append({"phase": phase.name, "summary": phase.summary, "steps": [], **told})
        if isinstance(error, NotKnownYet):
            self.pending += 1  # it will have steps as soon as the earlier phase is done
        else:
            self._errors.append((phase.name, error))

    def _show_step(self, phase: Phase, planned: PlannedStep) -> dict[str, object]:
        step = planned.step
        mark = "–" if step.skip else "+" if planned.pending else "="
        self.options.say(f"  {mark} {step.id}: {step.skip or step.summary}")
        preview = list(self._preview(phase, planned))
        for line in preview:
            self.options.say(f"      {line}")
        return {
            "id": step.id,
            "summary": step.summary,
            "pending": planned.pending,
            "skip": step.skip,
            "preview": preview,
        }

    def _preview(self, phase: Phase, planned: PlannedStep) -> Iterable[str]:
        if not planned.pending or planned.step.preview is None:
            return ()
        try:
            return list(planned.step.preview())
        except NotKnownYet as unknown:
            return (unknown.message,)
        except WkmsError as error:
            self._errors.append((phase.name, error))
            return (f"error: {error.message}", *([f"→ {error.hint}"] if error.hint else []))

    def as_data(self, session: Session) -> dict[str, object]:
        """Return the plan as JSON-ready data."""
        return {
            "environment": session.settings.environment,
            "run": session.run_dir.name,
            "pending": self.pending,
            "phases": self._phases,
        }

    def write_junit(self) -> None:
        """Write one case per phase that was planned, when a file was asked for."""
        if self.options.junit is None:
            return
        from wkms_migrate.ui.junit import Junit

        junit = Junit(self.options.junit)
        failed = dict(self._errors)
        for shown in self._phases:
            name = str(shown["phase"])
            junit(_case(name, failed.get(name)))
        junit.close()

    @property
    def first_error(self) -> WkmsError | None:
        """What made planning fail first."""
        return self._errors[0][1] if self._errors else None


def _case(phase: str, error: WkmsError | None) -> events.Event:
    step = f"{phase}/plan"
    if error is None:
        return events.StepDone(phase=phase, step=step, digest="", seconds=0.0, result={})
    return events.StepFailed(
        phase=phase, step=step, seconds=0.0, message=error.message, hint=error.hint, exit_code=error.exit_code
    )
