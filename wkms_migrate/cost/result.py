"""All that a cost comparison says, in no language yet: one tree of frozen values that every format is written from.

`build.build` makes it. Amounts are `Decimal` in `CostReport.currency`, before tax unless said otherwise. A `Range`
holds every outcome from the best to the worst; None stands for what is not known, and is never to be shown as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date

    from wkms_migrate.cost.compare import Comparison
    from wkms_migrate.cost.estimate import Estimate
    from wkms_migrate.cost.fields import Area, Notice, Text
    from wkms_migrate.cost.guide import Guide
    from wkms_migrate.cost.prices import Commitment, Price
    from wkms_migrate.cost.quantities import Exchange, Quantity, Tax
    from wkms_migrate.cost.ranges import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedTotals:
    """Both monthly totals when everything that can be is bought for a term. None: a price for it is missing.

    `lines` are how many lines of either side have a price for the term; the others stay on demand.
    """

    commitment: Commitment
    baseline: Range | None
    target: Range | None
    lines: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaChange:
    """One bar of the waterfall: the known monthly cost of an area before and after; `change` is after - before."""

    area: Area
    baseline: Range
    target: Range
    complete: bool

    @property
    def change(self) -> Range:
        """How much dearer the area becomes (negative: cheaper), from the lowest to the highest."""
        return self.target - self.baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOffLine:
    """A cost that comes once: `amount` = `quantity` x `unit_price`, to the cent; both None when the price is missing.

    `price` is the row of a price list where the unit price is from one; None where it is an assumption or a total.
    `quantity` is the product of `factors` (numbers and names of quantities), of a tiered price the part above `above`;
    the unit price of a line `per` "so-far" is the sum of the lines before it, and its factors are percentages.
    """

    key: str
    text: Text
    basis: Text
    unit: str
    quantity: Range
    unit_price: Range | None
    price: Price | None
    amount: Range | None
    factors: tuple[str, ...] = ()
    per: Literal["price", "money", "baseline-month", "target-month", "so-far"] = "price"
    above: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOff:
    """The costs that come once, contingency as the last line, in the order to be shown."""

    lines: tuple[OneOffLine, ...]
    total: Range | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """What it costs to move the data by one way; `chosen` is the one that counts in `one_off`."""

    name: str
    title: Text
    chosen: bool
    lines: tuple[OneOffLine, ...]
    total: Range | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What was paid up to the end of a month after the cut-over; month 0 holds the one-off costs alone."""

    number: int
    baseline: Range
    target: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalCost:
    """Total cost of ownership over `months`; `discount_percent` a year is 0 for the nominal figure.

    `saving` reaches from (lowest baseline - highest target) to (highest baseline - lowest target).
    """

    months: int
    discount_percent: Decimal
    baseline: Range
    target: Range

    @property
    def saving(self) -> Range:
        """What is paid less when moving; negative when moving is dearer."""
        return self.baseline - self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """The first month at whose end moving has cost no more than staying; None: never within `horizon` months."""

    best: int | None
    base: int | None
    worst: int | None
    horizon: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The course of both ways over time; `months` runs from 0 to the horizon."""

    months: tuple[Month, ...]
    totals: tuple[TotalCost, ...]
    break_even: BreakEven

    def total(self, months: int, *, discounted: bool) -> TotalCost:
        """Return the total cost of 12 or 36 months."""
        return next(one for one in self.totals if one.months == months and bool(one.discount_percent) is discounted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One bar of the tornado: the nominal saving over the horizon when this alone is at `low`, and when at `high`.

    Values are in `unit`. `varied` says whether the range is that of the assumption, or a plain percentage around it.
    """

    name: str
    text: Text
    unit: str
    low: Decimal
    base: Decimal
    high: Decimal
    saving_at_low: Decimal
    saving_at_high: Decimal
    varied: Literal["range", "percent"]

    @property
    def swing(self) -> Decimal:
        """How far the saving moves in all."""
        return abs(self.saving_at_high - self.saving_at_low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Where the verdict on the goal turns, in the base case, when this quantity alone changes.

    `holds` says on which side of `value` the goal is met.
    """

    name: str
    text: Text
    unit: str
    base: Decimal
    value: Decimal
    holds: Literal["up-to", "from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What the result depends on: `drivers` by falling swing, around `saving` (base case, nominal, `months`)."""

    months: int
    saving: Decimal
    drivers: tuple[Driver, ...]
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """All that the report says.

    `scenarios` begins with the baseline and the target, then come all others of the same kind for comparison.
    `outlook` and `sensitivity` are None as long as the saving is withheld or a one-off price is missing.
    """

    as_of: date
    comparison: Comparison
    scenarios: tuple[Estimate, ...]
    like_for_like: Range | None
    commitments: tuple[CommittedTotals, ...]
    waterfall: tuple[AreaChange, ...]
    one_off: OneOff
    movers: tuple[Mover, ...]
    outlook: Outlook | None
    sensitivity: Sensitivity | None
    quantities: tuple[Quantity, ...]
    exchange: Exchange | None
    tax: Tax | None
    tax_included: bool
    cautions: tuple[Notice, ...]
    guide: Guide
    contradictions: tuple[Notice, ...]

    @property
    def currency(self) -> str:
        """The currency of every amount."""
        return self.comparison.baseline.currency

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Why a saving is withheld, then what to bear in mind; the guide's contradictions are apart."""
        return self.comparison.withheld + self.cautions

    @property
    def complete(self) -> bool:
        """False as long as anything that was asked for rests on a missing price."""
        return not self.comparison.withheld and self.one_off.total is not None

    def taxed(self, amount: Range) -> Range:
        """Return the amount with tax when `tax_included`, else as it is; every total to be shown goes through here."""
        if self.tax is None or not self.tax_included:
            return amount
        return amount.times(1 + self.tax.percent / 100).rounded()

    def exchanged(self, amount: Decimal) -> Decimal | None:
        """Return the amount in the second currency, in whole units; None without a dated rate."""
        return None if self.exchange is None else (amount * self.exchange.rate).quantize(Decimal(1), ROUND_HALF_UP)
