"""From the files to everything a cost comparison says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wkms_migrate.cost import audit, cautions, inputs, lifecycle, one_off, outlook, quantities, sensitivity
from wkms_migrate.cost.compare import Comparison, compare
from wkms_migrate.cost.estimate import estimate
from wkms_migrate.cost.fields import AREAS, Notice
from wkms_migrate.cost.prices import COMMITMENTS, longest_terms
from wkms_migrate.cost.quantities import Quantity, after_years
from wkms_migrate.cost.ranges import Range
from wkms_migrate.cost.result import AreaChange, CommittedTotals, CostReport, OneOff, Outlook, Sensitivity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from wkms_migrate.cost.estimate import Estimate
    from wkms_migrate.cost.inputs import Inputs
    from wkms_migrate.cost.prices import Commitment
    from wkms_migrate.cost.quantities import Quantities
    from wkms_migrate.cost.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: which scenarios, on which day, with tax or without."""

    baseline: str
    target: str
    as_of: date
    tax: bool = False


def build(folder: Path, question: Question, measured: Mapping[str, Decimal] | None = None) -> CostReport:
    """Compare two scenarios of `folder` (as bundled: `config/`).

    `measured` holds quantities that the assess phase found; they replace the assumed ones.

    Raises:
        ConfigError: a file is faulty.
        UsageError: a scenario of that name does not exist, or is the quoted guide.

    """
    return answer(inputs.load(folder), question, measured or {})


def answer(read: Inputs, question: Question, measured: Mapping[str, Decimal]) -> CostReport:
    """Compare two scenarios of what was read; an unknown SKU or quantity makes its side incomplete, see `problems`."""
    report = _Work(read, question, quantities.of(read.assumptions, measured)).report()
    return replace(report, cautions=(*_inventory(report, measured), *report.cautions))


def _inventory(report: CostReport, measured: Mapping[str, Decimal]) -> tuple[Notice, ...]:
    """Say that the inventory was empty, or how much of what is computed with it told."""
    if not measured:
        return ()
    if not any(measured.values()):
        return (Notice(code="empty-inventory"),)
    known = sum(quantity.origin == "measured" for quantity in report.quantities)
    return (
        Notice(code="measured-part", severity="info", values=(("measured", known), ("all", len(report.quantities)))),
    )


class _Work:
    """The steps of one comparison, each from the same inputs."""

    def __init__(self, read: Inputs, question: Question, found: Quantities) -> None:
        self.read = read
        self.question = question
        self.found = found
        self.notices: list[Notice] = []
        self.pair = (self._due(question.baseline), self._due(question.target))

    def report(self) -> CostReport:
        """Return everything there is to say."""
        read, assumptions = self.read, self.read.assumptions
        before, after = self.pair
        comparison = compare(self._bill(before), self._bill(after), assumptions.saving_goal_percent)
        bills = (comparison.baseline, comparison.target, *self._others())
        months = one_off.Months(baseline=comparison.baseline.total, target=comparison.target.total)
        once = one_off.one_off(assumptions, read.prices, self.found, months)
        return CostReport(
            as_of=self.question.as_of,
            comparison=comparison,
            scenarios=bills,
            like_for_like=_like_for_like(comparison),
            commitments=self._commitments(),
            waterfall=_waterfall(comparison),
            one_off=once,
            movers=one_off.movers(assumptions, read.prices, self.found, months),
            outlook=self._outlook(comparison, once),
            sensitivity=self._sensitivity(comparison, once),
            quantities=self._used(),
            exchange=assumptions.exchange,
            tax=assumptions.tax,
            tax_included=self.question.tax and assumptions.tax is not None,
            cautions=(
                *self.notices,
                *cautions.cautions(bills[:2], self.question.as_of, assumptions.stale_after_days, once),
            ),
            guide=read.guide,
            contradictions=audit.audit(read.guide),
        )

    def _due(self, name: str) -> Scenario:
        """Return a scenario with the surcharges of its day."""
        ends = self.read.lifecycle.by_id()
        scenario, notices = lifecycle.surcharged(self.read.scenario(name), ends, self.question.as_of)
        self.notices += notices
        return scenario

    def _bill(self, scenario: Scenario, years: int = 0, commitment: Commitment = "on-demand") -> Estimate:
        grown = after_years(self.found, years)
        return estimate(scenario, self.read.prices, grown, self.read.assumptions.currency, commitment)

    def _others(self) -> tuple[Estimate, ...]:
        asked = {scenario.name for scenario in self.pair}
        ends = self.read.lifecycle.by_id()
        others = (one for name, one in sorted(self.read.scenarios.items()) if name not in asked)
        return tuple(self._bill(lifecycle.surcharged(one, ends, self.question.as_of)[0]) for one in others)

    def _commitments(self) -> tuple[CommittedTotals, ...]:
        found = []
        for commitment in COMMITMENTS:
            before, after = (self._bill(scenario, commitment=commitment) for scenario in self.pair)
            lines = (_for_a_term(before), _for_a_term(after))
            found.append(CommittedTotals(commitment=commitment, baseline=before.total, target=after.total, lines=lines))
        return tuple(found)

    def _outlook(self, comparison: Comparison, once: OneOff) -> Outlook | None:
        if comparison.withheld or once.total is None:
            return None
        before, after = ([self._bill(one, year).known for year in range(outlook.YEARS)] for one in self.pair)
        return outlook.outlook(before, after, once.total, self.read.assumptions.discount_percent)

    def _sensitivity(self, comparison: Comparison, once: OneOff) -> Sensitivity | None:
        if comparison.withheld or once.total is None:
            return None
        assumptions = self.read.assumptions
        chosen = [cost for mover in assumptions.movers if mover.name == assumptions.mover for cost in mover.costs]
        rows = (*assumptions.one_off, *chosen)
        prices = self.read.prices
        case, committed = (
            sensitivity.Case.of(self.pair, rows, book, self.found) for book in (prices, longest_terms(prices))
        )
        return sensitivity.sensitivity(case, committed, prices, self.found, assumptions.saving_goal_percent)

    def _used(self) -> tuple[Quantity, ...]:
        assumptions = self.read.assumptions
        rows = (*assumptions.one_off, *(cost for mover in assumptions.movers for cost in mover.costs))
        used = {name for scenario in self.pair for line in scenario.lines for name in line.names()}
        used |= {factor for row in rows for factor in row.quantity}
        used |= {quantities.CONTINGENCY} if rows else set()
        used |= {quantities.GROWTH} if any(self.found[name].grows for name in used if name in self.found) else set()
        return tuple(quantity for name, quantity in self.found.items() if name in used)


def _for_a_term(bill: Estimate) -> int:
    return sum("@" in line.price.sku for line in bill.lines)


def _like_for_like(comparison: Comparison) -> Range | None:
    """Return the saving when both sides turn out the same way: low with low, base with base, high with high."""
    before, after = comparison.baseline.total, comparison.target.total
    if comparison.withheld or before is None or after is None:
        return None
    paired = (before.low - after.low, before.base - after.base, before.high - after.high)
    return Range(min(paired), paired[1], max(paired))


def _waterfall(comparison: Comparison) -> tuple[AreaChange, ...]:
    changes = []
    for area in AREAS:
        before, after = comparison.baseline.only(area), comparison.target.only(area)
        if before.lines or after.lines:
            complete = not (before.missing or after.missing)
            changes.append(AreaChange(area=area, baseline=before.known, target=after.known, complete=complete))
    return tuple(changes)
