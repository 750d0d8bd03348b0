"""Waiting for a server that went away under a step, and beginning anew what may be begun anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from wkms_migrate import retry
from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import Partial, TransientError
from wkms_migrate.plan import Context, StepRun

if TYPE_CHECKING:
    from tenacity import Retrying

# A managed server that fails over to its standby is away for one or two minutes.
PATIENCE_SECONDS = 180.0
ATTEMPTS = 60
RESTARTS = 5  # of one step: a server that the step itself brings down each time is no accident

Result = TypeVar("Result")
Work = Callable[[StepRun], Result]
End = Callable[[Context], Session]  # servers.source or servers.target


def patient(work: Work[Result], *ends: End) -> Work[Result]:
    """Return a step's work that waits for those of its `ends` that went away, and is then done anew.

    For work that looks first what is there already and states every comparison anew. Each go has the checkpoints of
    those before. However long it went well before, the wait begins when it fails.
    """

    def again(run: StepRun) -> Result:
        for _ in range(RESTARTS):
            try:
                return work(run)
            except (TransientError, Partial) as error:  # Partial: a snapshot was lost with its connections
                run.check_stop()
                run.log(f"Waiting until the server answers, then once more: {error.message}")
                run.mismatches.clear()
                for end in ends:
                    _wait(run, end)
                run = replace(run, cursors=dict(run.context.state.steps[run.step.id].cursors))
        return work(run)

    return again


def patient_once_met(work: Work[Result], *ends: End) -> Work[Result]:
    """Return what `patient` does, for the first step of all: an end that does not answer at all is told at once."""
    waiting = patient(work, *ends)

    def met(run: StepRun) -> Result:
        for end in ends:
            end(run.context).close()
        return waiting(run)

    return met


def policy(run: StepRun) -> Retrying:
    """Return how long one piece of a step is tried again while a server is away."""
    return retry.policy(attempts=ATTEMPTS, seconds=PATIENCE_SECONDS, stop=run.stopping)


def _wait(run: StepRun, end: End) -> None:
    """Return when a server answers. Raises `TransientError` with what to do when it stays away."""
    try:
        policy(run)(lambda: end(run.context).close())
    except TransientError as error:
        raise TransientError(
            error.message, hint=f"{error.hint} When it answers, run the same command again: it goes on.".lstrip()
        ) from error
