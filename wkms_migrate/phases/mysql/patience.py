"""Waiting for a server that went away under a step, and beginning anew what may be begun anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from wkms_migrate import retry
from wkms_migrate.errors import TransientError
from wkms_migrate.phases.mysql import servers
from wkms_migrate.plan import Context, StepRun

# A managed server that fails over to its standby is away for one or two minutes.
PATIENCE_SECONDS = 180.0
ATTEMPTS = 60
RESTARTS = 5  # of one step: a server that the step itself brings down each time is no accident

Result = TypeVar("Result")


def patient(work: Callable[[StepRun], Result]) -> Callable[[StepRun], Result]:
    """Return a step's work that waits for a server which went away, and is then done anew.

    For work that looks first what is there already and states every comparison anew. However long it went well before,
    the wait begins when it fails.
    """

    def again(run: StepRun) -> Result:
        for _ in range(RESTARTS):
            try:
                return work(run)
            except TransientError as error:
                run.check_stop()
                run.log(f"{error.message}; waiting for the servers, then once more.")
                run.mismatches.clear()
                _wait(run)
        return work(run)

    return again


def _wait(run: StepRun) -> None:
    """Return when the target answers. Raises `TransientError` with what to do when it stays away."""
    waiting = retry.policy(attempts=ATTEMPTS, seconds=PATIENCE_SECONDS, stop=run.stopping)
    try:
        waiting(_greet, run.context)
    except TransientError as error:
        raise TransientError(
            error.message, hint=f"{error.hint} When it answers, run the same command again: it goes on."
        ) from error


def _greet(context: Context) -> None:
    servers.target(context).close()
