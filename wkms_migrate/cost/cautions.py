from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from wkms_migrate.cost.fields import Notice

if TYPE_CHECKING:
    from datetime import date

    from wkms_migrate.cost.estimate import Estimate
    from wkms_migrate.cost.result import OneOff


def cautions(
    estimates: tuple[Estimate, ...], as_of: date, stale_after_days: int, once: OneOff | None = None
) -> tuple[Notice, ...]:
    """Return what a reader of these estimates must bear in mind on the day `as_of`."""
    found = [notice for estimate in estimates for notice in _of_one(estimate, as_of, stale_after_days)]
    return (*_one_off(once), *(notice for notice in found if notice is not None))


def _one_off(once: OneOff | None) -> tuple[Notice, ...]:
    if once is None or not once.lines:
        return (Notice(code="run-cost-only"),)
    missing = sorted(line.price.sku for line in once.lines if line.price and line.amount is None)
    return (Notice(code="one-off-missing", values=(("skus", ", ".join(missing)),)),) if missing else ()


def _of_one(estimate: Estimate, as_of: date, stale_after_days: int) -> tuple[Notice | None, ...]:
    problems = tuple(
        Notice(code="faulty-line", values=(("scenario", estimate.scenario.title), ("problem", problem)))
        for problem in estimate.problems
    )
    return (*problems, _estimated(estimate), _stale(estimate, as_of, stale_after_days))


def _estimated(estimate: Estimate) -> Notice | None:
    if not estimate.estimated_percent:
        return None
    return Notice(
        code="estimated-share",
        values=(("scenario", estimate.scenario.title), ("percent", estimate.estimated_percent)),
    )


def _stale(estimate: Estimate, as_of: date, days: int) -> Notice | None:
    oldest_allowed = as_of - timedelta(days=days)
    dates = [line.price.source.date for line in estimate.lines if line.price.source]
    stale = [date for date in dates if date < oldest_allowed]
    if not stale:
        return None
    return Notice(
        code="stale-prices",
        values=(
            ("scenario", estimate.scenario.title),
            ("count", len(stale)),
            ("lines", len(estimate.lines)),
            ("oldest", min(stale)),
            ("days", days),
        ),
    )
