"""How much of everything the system uses: assumed in `config/assumptions.yaml`, or measured by the assess phase."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field

from wkms_migrate.cost.fields import STRICT, Amount, Text
from wkms_migrate.cost.ranges import Range
from wkms_migrate.cost.scenario import Factor, is_number
from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

GROWTH = "usage_growth_percent"  # the quantity by which those that grow do so each year
CONTINGENCY = "contingency_percent"  # the quantity that is added to all one-off costs

Per = Literal["price", "money", "baseline-month", "target-month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedRow:
    """One assumption. `basis` says why this figure.

    `grows`: it rises by the yearly growth of use. `constant`: it is so by definition, so nothing is tried on it.
    """

    __pydantic_config__ = STRICT

    unit: str
    text: Text
    basis: Text
    base: Amount
    low: Amount | None = None
    high: Amount | None = None
    grows: bool = False
    constant: bool = False

    def __post_init__(self) -> None:
        self.range()

    def range(self) -> Range:
        """Return the figure; without low or high it is exact on that side."""
        low = self.base if self.low is None else self.low
        high = self.base if self.high is None else self.high
        return Range(low, self.base, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The rate at which totals are shown in a second currency: `rate` of `currency` for one of the base currency."""

    __pydantic_config__ = STRICT

    currency: str
    rate: Amount
    source: str
    date: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """Value added tax: added to every total when the reader asks for it, never part of a saving in percent."""

    __pydantic_config__ = STRICT

    text: Text
    percent: Amount
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOffRow:
    """A cost that comes once: the product of `quantity` times what one unit costs.

    One unit costs the price of `sku` (per: price), one unit of money (per: money), or a whole monthly bill.
    """

    __pydantic_config__ = STRICT

    key: str
    text: Text
    basis: Text
    unit: str
    quantity: Annotated[tuple[Factor, ...], Field(min_length=1)]
    per: Per
    sku: str = ""

    def __post_init__(self) -> None:
        if (self.per == "price") != bool(self.sku):
            raise ValueError(f"{self.key}: a SKU goes with `per: price`, and only with it")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoverRow:
    """One way to move the data, and what it costs once."""

    __pydantic_config__ = STRICT

    name: str
    title: Text
    costs: tuple[OneOffRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """The whole of `config/assumptions.yaml`."""

    __pydantic_config__ = STRICT

    currency: str
    saving_goal_percent: Amount
    stale_after_days: int
    quantities: dict[str, AssumedRow]
    version: int = 1
    discount_percent: Amount = Decimal(0)
    exchange: Exchange | None = None
    tax: Tax | None = None
    one_off: tuple[OneOffRow, ...] = ()
    movers: tuple[MoverRow, ...] = ()
    mover: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.saving_goal_percent < Decimal(100):
            raise ValueError("saving_goal_percent must lie between 0 and 100")
        names = [mover.name for mover in self.movers]
        if self.mover not in (names or [""]):
            raise ValueError(f"mover must be one of {', '.join(names) or 'none, as there are no movers'}")
        rows = (*self.one_off, *(cost for mover in self.movers for cost in mover.costs))
        for row in rows:
            if strange := [name for name in row.quantity if not is_number(name) and name not in self.quantities]:
                raise ValueError(f"{row.key} names the quantity {', '.join(strange)}, which the file does not define")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A monthly quantity that scenario lines are multiplied with."""

    name: str
    value: Range
    unit: str
    text: Text
    basis: Text
    origin: Literal["assumed", "measured"]
    grows: bool = False
    constant: bool = False


Quantities: TypeAlias = dict[str, Quantity]


def of(assumptions: Assumptions, measured: Mapping[str, Decimal]) -> Quantities:
    """Return every quantity by name; what was measured takes the place of what is assumed."""
    assumed = {
        name: Quantity(
            name=name,
            value=row.range(),
            unit=row.unit,
            text=row.text,
            basis=row.basis,
            origin="assumed",
            grows=row.grows,
            constant=row.constant,
        )
        for name, row in assumptions.quantities.items()
    }
    if unknown := sorted(set(measured) - set(assumed)):
        raise ConfigError(
            f"The inventory measures {', '.join(unknown)}, which config/assumptions.yaml does not know.",
            hint="Add these quantities to config/assumptions.yaml.",
        )
    found = {
        name: replace(assumed[name], value=Range.exactly(value), origin="measured") for name, value in measured.items()
    }
    return assumed | found


def growth(quantities: Quantities) -> Range:
    """Return the factor by which growing quantities rise from one year to the next."""
    if GROWTH not in quantities:
        return Range.exactly(1)
    return quantities[GROWTH].value.times(Decimal("0.01")) + Range.exactly(1)


def after_years(quantities: Quantities, years: int) -> Quantities:
    """Return the quantities as they are `years` years later."""
    factor = Range.exactly(1)
    for _ in range(years):
        factor *= growth(quantities)
    return {
        name: replace(quantity, value=quantity.value * factor) if quantity.grows else quantity
        for name, quantity in quantities.items()
    }
