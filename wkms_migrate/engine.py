"""Plans phases and runs their steps. Knows no cloud, no terminal, no file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from wkms_migrate import events
from wkms_migrate.errors import Interrupted, UsageError, WkmsError
from wkms_migrate.plan import Context, Phase, Step, StepRun

if TYPE_CHECKING:
    from wkms_migrate.events import Emit, Event

WAKE_SECONDS = 0.2  # how soon a waiting engine notices that it is to stop


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step and whether it is still to be run."""

    step: Step
    pending: bool


@dataclass(frozen=True, slots=True)
class PlannedPhase:
    """A phase with its steps, as planned at this moment."""

    phase: Phase
    steps: tuple[PlannedStep, ...]

    @property
    def pending(self) -> tuple[Step, ...]:
        """The steps that are still to be run."""
        return tuple(planned.step for planned in self.steps if planned.pending)


def plan(phase: Phase, context: Context) -> PlannedPhase:
    """Plan one phase; changes nothing.

    A step is pending while it is not done with these very inputs. A step of a later stage is pending again when
    an earlier stage has something to do, because it reads what that stage writes.
    """
    steps = tuple(phase.plan(context))
    _check_ids(phase, steps)
    planned: list[PlannedStep] = []
    redo = False
    for _, stage in groupby(sorted(steps, key=_stage), key=_stage):
        members = list(stage)
        pending = [step.skip is None and (redo or not context.state.is_done(step.id, step.digest)) for step in members]
        planned += [PlannedStep(step, due) for step, due in zip(members, pending, strict=True)]
        redo = redo or any(pending)
    return PlannedPhase(phase, tuple(planned))


def _stage(step: Step) -> int:
    return step.stage


def _check_ids(phase: Phase, steps: Sequence[Step]) -> None:
    seen: set[str] = set()
    for step in steps:
        if not step.id.startswith(f"{phase.name}/"):
            raise UsageError(f"Step {step.id!r} must begin with {phase.name!r} and a slash.")
        if step.id in seen:
            raise UsageError(f"Phase {phase.name} yields step {step.id!r} twice.")
        seen.add(step.id)


class Engine:
    """Runs phases in order, the steps of a stage on `workers` threads, and stops at the first failure."""

    def __init__(
        self, context: Context, emit: Emit, *, workers: int = 1, clock: Callable[[], float] = time.time
    ) -> None:
        self.stopping = threading.Event()
        self.ran = 0
        self._context = context
        self._workers = workers
        self._clock = clock
        self._sink = emit
        self._failed = ""  # the first step that failed, for which the others are stopped
        self._emitting = threading.Lock()

    def emit(self, event: Event) -> None:
        """Pass an event on, stamped with the time, one at a time."""
        with self._emitting:
            self._sink(_stamped(event, self._clock()))

    def run(self, phases: Iterable[Phase]) -> None:
        """Run every pending step of these phases; each phase is planned when its turn comes."""
        for phase in phases:
            self._run_phase(phase)

    def _run_phase(self, phase: Phase) -> None:
        started = time.monotonic()
        self._check_stop()
        planned = plan(phase, self._context)
        self.emit(events.PhasePlanned(phase=phase.name, steps=len(planned.steps), pending=len(planned.pending)))
        for one in planned.steps:
            if one.step.skip is not None:
                self.emit(
                    events.StepSkipped(
                        phase=phase.name, step=one.step.id, summary=one.step.summary, reason=one.step.skip
                    )
                )
        for _, stage in groupby(planned.pending, key=_stage):
            self._run_stage(phase, list(stage))
        self.emit(events.PhaseDone(phase=phase.name, seconds=time.monotonic() - started))

    def _run_stage(self, phase: Phase, steps: list[Step]) -> None:
        with ThreadPoolExecutor(max_workers=min(self._workers, len(steps)), thread_name_prefix=phase.name) as pool:
            waiting = {pool.submit(self._run_step, phase, step) for step in steps}
            try:
                first = _first_failure(waiting)
            except BaseException:
                self.stopping.set()
                raise
            if first is not None:
                self.stopping.set()
                wait(waiting)
                raise first

    def _run_step(self, phase: Phase, step: Step) -> None:
        self._check_stop()
        self.emit(events.StepStarted(phase=phase.name, step=step.id, summary=step.summary, digest=step.digest))
        state = self._context.state.steps.get(step.id)
        cursors = dict(state.cursors) if state and state.digest == step.digest else {}
        run = StepRun(self._context, step, self.emit, self.stopping, cursors)
        started = time.monotonic()
        try:
            result = dict(step.run(run) or {})
            run.check_verified()
        except BaseException as error:
            if not isinstance(error, Interrupted):
                self._failed = self._failed or step.id
            self.emit(_failure(phase, step, time.monotonic() - started, error, self._failed))
            raise
        seconds = time.monotonic() - started
        self.ran += 1
        self.emit(events.StepDone(phase=phase.name, step=step.id, digest=step.digest, seconds=seconds, result=result))

    def _check_stop(self) -> None:
        if self.stopping.is_set():
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")


def _first_failure(waiting: set[Future[None]]) -> BaseException | None:
    """Wait until all are done or one failed. Wakes often, so that a signal is seen at once."""
    while waiting:
        done, waiting = wait(waiting, timeout=WAKE_SECONDS, return_when=FIRST_COMPLETED)
        failures = [error for future in done if (error := future.exception()) is not None]
        if failures:
            return next((error for error in failures if not isinstance(error, Interrupted)), failures[0])
    return None


def _failure(phase: Phase, step: Step, seconds: float, error: BaseException, failed: str) -> events.StepFailed:
    known = isinstance(error, WkmsError)
    message = str(error) if known else f"{type(error).__name__}: {error}"
    if failed and isinstance(error, Interrupted):
        message = f"Stopped, because {failed} failed."
    return events.StepFailed(
        phase=phase.name,
        step=step.id,
        seconds=seconds,
        message=message,
        hint=error.hint if isinstance(error, WkmsError) else "",
        exit_code=error.exit_code if isinstance(error, WkmsError) else 1,
    )


def _stamped(event: Event, now: float) -> Event:
    return msgspec.structs.replace(event, at=now)
