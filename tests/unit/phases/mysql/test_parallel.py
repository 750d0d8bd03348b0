from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wkms_migrate.journal import RunState, StepState
from wkms_migrate.phases.mysql.parallel import yielding

SECONDS = 20


def at_once(run: Any, workers: int, expected: int) -> int:
    """Return how many of `workers` threads hold a turn at the same time, waiting until `expected` do."""
    turn = yielding(run, "mysql/indexes", workers)
    inside, told, leave = [0, 0], threading.Condition(), threading.Event()

    def work() -> None:
        with turn():
            with told:
                inside[0] += 1
                inside[1] = max(inside)
                told.notify()
            leave.wait(SECONDS)
            with told:
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    with told:
        assert told.wait_for(lambda: inside[0] >= expected, SECONDS)
    leave.set()
    for thread in threads:
        thread.join(SECONDS)
    return inside[1]


@pytest.mark.parametrize(("status", "expected"), [("running", 2), ("done", 4), (None, 4)])
def test_half_of_the_threads_wait_while_the_other_step_runs(tmp_path: Path, status: str | None, expected: int):
    state = RunState()
    if status:
        state.steps["mysql/indexes"] = StepState(phase="mysql", summary="", status=status)
    run = SimpleNamespace(context=SimpleNamespace(state=state, run_dir=tmp_path))
    assert at_once(run, 4, expected) == expected


def test_one_thread_always_goes_on():
    steps = {"mysql/indexes": StepState(phase="mysql", summary="", status="running")}
    run = SimpleNamespace(context=SimpleNamespace(state=RunState(steps=steps)))
    assert at_once(run, 1, 1) == 1
