"""What the result depends on: one input at a time moved from its lowest to its highest, the others at their base."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Literal

from wkms_migrate.cost import point
from wkms_migrate.cost.fields import Translated
from wkms_migrate.cost.outlook import HORIZON, YEAR, YEARS
from wkms_migrate.cost.quantities import CONTINGENCY, GROWTH, Quantity
from wkms_migrate.cost.ranges import CENT, ZERO, Range
from wkms_migrate.cost.result import Driver, Sensitivity, Threshold

if TYPE_CHECKING:
    from collections.abc import Callable

    from wkms_migrate.cost.point import Term, Values
    from wkms_migrate.cost.prices import Price, Prices
    from wkms_migrate.cost.quantities import OneOffRow, Quantities
    from wkms_migrate.cost.scenario import Scenario

SPREAD = Decimal("0.2")  # how far an exact quantity is moved either way
REACH = Decimal(20)  # thresholds are searched up to this many times the base value
STEPS = 40  # halvings of the search; leaves 20 / 2^40 of the base value
PERCENT = Decimal("0.01")
COMMITMENT = Translated(ko="약정 기간(없음~3년)", en="Commitment (none to 3 years)")
DIGITS = 6  # significant digits of a threshold, rounded to the side where the goal is met


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Two priced scenarios and the one-off costs as functions of exact quantities and price markups."""

    baseline: tuple[Term, ...]
    target: tuple[Term, ...]
    one_off: tuple[tuple[OneOffRow, Term], ...]
    growing: frozenset[str]

    @classmethod
    def of(
        cls,
        scenarios: tuple[Scenario, Scenario],
        one_off: tuple[OneOffRow, ...],
        prices: Prices,
        quantities: Quantities,
    ) -> Case:
        """Return the case; every price must be known."""
        rows = tuple((row, point.term(row.quantity, prices[row.sku] if row.sku else None)) for row in one_off)
        return cls(
            baseline=point.terms(scenarios[0], prices),
            target=point.terms(scenarios[1], prices),
            one_off=rows,
            growing=frozenset(name for name, quantity in quantities.items() if quantity.grows),
        )

    def part(self, name: str) -> Case:
        """Return the lines that a quantity or the price of a SKU has a say in."""

        def concerned(lines: tuple[Term, ...]) -> tuple[Term, ...]:
            return tuple(line for line in lines if name == line.sku or name in line.names)

        return replace(self, baseline=concerned(self.baseline), target=concerned(self.target))

    def monthly(self, values: Values, markups: Values) -> tuple[Decimal, Decimal]:
        """Return both monthly bills."""
        return point.bill(self.baseline, values, markups), point.bill(self.target, values, markups)

    def saving(self, values: Values, markups: Values) -> Decimal:
        """Return the nominal saving over the horizon, one-off costs taken off."""
        grown, saved = dict(values), ZERO
        before, after = self.monthly(values, markups)
        once = self._once(values, markups, before, after)
        growth = 1 + values.get(GROWTH, ZERO) * PERCENT
        for year in range(YEARS):
            if year:
                grown |= {name: grown[name] * growth for name in self.growing}
                before, after = self.monthly(grown, markups)
            saved += (before - after) * YEAR
        return saved - once

    def _once(self, values: Values, markups: Values, before: Decimal, after: Decimal) -> Decimal:
        each = {"baseline-month": before, "target-month": after}
        once = ZERO
        for row, term in self.one_off:
            if row.per in each:
                once += (term.quantity(values) * each[row.per]).quantize(CENT, ROUND_HALF_UP)
            else:
                once += term.amount(values, markups)
        return once + (once * values.get(CONTINGENCY, ZERO) * PERCENT).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """Something that can be moved: how it is named, its range, and how a value of it is set."""

    name: str
    quantity: Quantity
    set: Callable[[Decimal], tuple[Values, Values]]


def sensitivity(
    case: Case, committed: Case, prices: Prices, quantities: Quantities, goal_percent: Decimal
) -> Sensitivity:
    """Return the drivers by falling swing, and where the verdict on the goal turns.

    `committed` is the same case with everything bought for the longest term that there is a price for.
    """
    values = {name: quantity.value.base for name, quantity in quantities.items()}
    inputs = _inputs(case, prices, quantities, values)
    found_drivers = [*(_driver(case, one) for one in inputs), _commitment(case, committed, values)]
    drivers = sorted(found_drivers, key=lambda driver: (-driver.swing, driver.name))
    found = (_threshold(case, one, goal_percent) for one in inputs)
    return Sensitivity(
        months=HORIZON,
        saving=case.saving(values, {}),
        drivers=tuple(driver for driver in drivers if driver.swing),
        thresholds=tuple(threshold for threshold in found if threshold is not None),
    )


def _inputs(case: Case, prices: Prices, quantities: Quantities, values: Values) -> list[_Input]:
    terms = (*case.baseline, *case.target, *(term for _, term in case.one_off))
    names = {name for term in terms for name in term.names} | {GROWTH, CONTINGENCY}
    skus = sorted({term.sku for term in terms if term.sku and not prices[term.sku].tiers[-1].price.exact})

    def quantity(name: str) -> _Input:
        return _Input(name=name, quantity=quantities[name], set=lambda value: ({**values, name: value}, {}))

    def price(sku: str) -> _Input:
        row = prices[sku]
        base = row.tiers[-1].price.base
        return _Input(name=sku, quantity=_as_quantity(row), set=lambda value: (values, {sku: value / base}))

    return [quantity(name) for name, row in quantities.items() if name in names and not row.constant] + [
        price(sku) for sku in skus
    ]


def _as_quantity(price: Price) -> Quantity:
    return Quantity(
        name=price.sku,
        value=price.tiers[-1].price,
        unit=f"{price.currency} / {price.unit}",
        text=Translated(ko=f"{price.service} 단가", en=f"Price of {price.service}"),
        basis=Translated(ko=price.basis, en=price.basis),
        origin="assumed",
    )


def _driver(case: Case, one: _Input) -> Driver:
    value = one.quantity.value
    varied: Literal["range", "percent"] = "percent" if value.exact else "range"
    moved = value if varied == "range" else value * Range(1 - SPREAD, Decimal(1), 1 + SPREAD)
    return Driver(
        name=one.name,
        text=one.quantity.text,
        unit=one.quantity.unit,
        low=moved.low,
        base=moved.base,
        high=moved.high,
        saving_at_low=case.saving(*one.set(moved.low)),
        saving_at_high=case.saving(*one.set(moved.high)),
        varied=varied,
    )


def _commitment(case: Case, committed: Case, values: Values) -> Driver:
    return Driver(
        name="commitment",
        text=COMMITMENT,
        unit="year",
        low=ZERO,
        base=ZERO,
        high=Decimal(YEARS),
        saving_at_low=case.saving(values, {}),
        saving_at_high=committed.saving(values, {}),
        varied="range",
    )


def _threshold(case: Case, one: _Input, goal_percent: Decimal) -> Threshold | None:
    """Return where the goal is just met when `one` alone changes, or None when it never turns.

    Halves the stretch between the base value and 0, or `REACH` times the base value, whichever turns the verdict.
    """
    base, part = one.quantity.value.base, case.part(one.name)
    whole, own = case.monthly(*one.set(base)), part.monthly(*one.set(base))
    fixed_before, fixed_after = whole[0] - own[0], whole[1] - own[1]

    def met(value: Decimal) -> bool:
        before, after = part.monthly(*one.set(value))
        before, after = before + fixed_before, after + fixed_after
        return before - after >= before * goal_percent * PERCENT

    now = met(base)
    far = next((end for end in (ZERO, base * REACH) if met(end) is not now), None)
    if far is None:
        return None
    near = base
    for _ in range(STEPS):
        middle = (near + far) / 2
        near, far = (middle, far) if met(middle) is now else (near, middle)
    inside, outside = (near, far) if now else (far, near)
    upward = inside < outside
    return Threshold(
        name=one.name,
        text=one.quantity.text,
        unit=one.quantity.unit,
        base=base,
        value=Context(prec=DIGITS, rounding=ROUND_FLOOR if upward else ROUND_CEILING).create_decimal(inside),
        holds="up-to" if upward else "from",
    )
