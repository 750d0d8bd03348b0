from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from wkms_migrate.cost.fields import Notice
from wkms_migrate.cost.ranges import ZERO, Range

if TYPE_CHECKING:
    from wkms_migrate.cost.estimate import Estimate

HUNDRED = Decimal(100)

Verdict = Literal["met", "missed", "open", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two estimates side by side. Nothing is said of a saving as long as `withheld` gives a reason not to."""

    baseline: Estimate
    target: Estimate
    goal_percent: Decimal
    withheld: tuple[Notice, ...]
    saving: Range | None
    percent: Range | None
    headroom: Range | None

    @property
    def verdict(self) -> Verdict:
        """Whether the saving reaches the goal: surely, surely not, or depending on where in its range it lies."""
        if self.percent is None:
            return "unknown"
        if self.percent.low >= self.goal_percent:
            return "met"
        return "missed" if self.percent.high < self.goal_percent else "open"


def compare(baseline: Estimate, target: Estimate, goal_percent: Decimal) -> Comparison:
    """Compare two estimates.

    The saving lies between (lowest baseline - highest target) and (highest baseline - lowest target).
    `headroom` is what may be spent each month outside of both totals, the same on either side, with the whole
    bill still `goal_percent` lower: saving / goal - baseline.
    """
    withheld = (*_incomplete(baseline), *_incomplete(target), *_unlike(baseline, target))
    before, after = baseline.total, target.total
    if withheld or before is None or after is None or before.low == ZERO:
        return Comparison(
            baseline=baseline,
            target=target,
            goal_percent=goal_percent,
            withheld=withheld or (Notice(code="nothing-to-save"),),
            saving=None,
            percent=None,
            headroom=None,
        )
    return Comparison(
        baseline=baseline,
        target=target,
        goal_percent=goal_percent,
        withheld=(),
        saving=before - after,
        percent=Range(
            _percent(before.low, after.high), _percent(before.base, after.base), _percent(before.high, after.low)
        ),
        headroom=_headroom(before, after, goal_percent),
    )


def _percent(before: Decimal, after: Decimal) -> Decimal:
    return (before - after) / before * HUNDRED


def _headroom(before: Range, after: Range, goal_percent: Decimal) -> Range:
    goal = goal_percent / HUNDRED

    def spare(paid: Decimal, due: Decimal) -> Decimal:
        return (paid - due) / goal - paid

    return Range(spare(before.low, after.high), spare(before.base, after.base), spare(before.high, after.low)).rounded()


def _incomplete(estimate: Estimate) -> tuple[Notice, ...]:
    if not estimate.missing:
        return ()
    return (
        Notice(
            code="price-missing",
            values=(
                ("scenario", estimate.scenario.title),
                ("count", len(estimate.missing)),
                ("lines", len(estimate.lines)),
                ("skus", ", ".join(sorted({line.price.sku for line in estimate.missing}))),
            ),
        ),
    )


def _unlike(baseline: Estimate, target: Estimate) -> tuple[Notice, ...]:
    one_sided = baseline.scenario.areas() ^ target.scenario.areas()
    return (Notice(code="unlike-scope", values=(("areas", tuple(sorted(one_sided))),)),) if one_sided else ()
