"""Runs the items of one step on a few threads and stops at the first failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from wkms_migrate.plan import StepRun

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(run: StepRun, workers: int, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return the results in the order of the items. The first failure cancels what has not begun and is raised."""

    def checked(item: Item) -> Result:
        run.check_stop()
        return function(item)

    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix=run.step.id) as pool:
        futures = [pool.submit(checked, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def workers_of(run: StepRun, configured: int | None) -> int:
    """Return the number of threads: the phase's own, else the one of the whole configuration."""
    return configured or int(run.context.settings.workers)


def yielding(run: StepRun, step: str, workers: int) -> Callable[[], AbstractContextManager[object]]:
    """Return turns for `workers` threads, of which only half get theirs while another step runs.

    For work in small parts beside one that cannot be divided, such as an index: left half of the processors, that ends
    sooner, and with it both.
    """
    half = threading.BoundedSemaphore(max(1, workers // 2))

    def turn() -> AbstractContextManager[object]:
        other = run.context.state.steps.get(step)
        return half if other is not None and other.status == "running" else nullcontext()

    return turn
