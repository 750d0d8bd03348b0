"""How much of everything the system uses: assumed in `config/assumptions.yaml`, or measured by the assess phase."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

from wkms_migrate.cost.fields import STRICT, Amount, Text
from wkms_migrate.cost.ranges import Range
from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedRow:
    """One assumption. `basis` says why this figure."""

    __pydantic_config__ = STRICT

    unit: str
    text: Text
    basis: Text
    base: Amount
    low: Amount | None = None
    high: Amount | None = None

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
class Assumptions:
    """The whole of `config/assumptions.yaml`."""

    __pydantic_config__ = STRICT

    currency: str
    saving_goal_percent: Amount
    stale_after_days: int
    quantities: dict[str, AssumedRow]
    exchange: Exchange | None = None
    tax: Tax | None = None

    def __post_init__(self) -> None:
        if not 0 < self.saving_goal_percent < Decimal(100):
            raise ValueError("saving_goal_percent must lie between 0 and 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A monthly quantity that scenario lines are multiplied with."""

    name: str
    value: Range
    unit: str
    text: Text
    basis: Text
    origin: Literal["assumed", "measured"]


Quantities: TypeAlias = dict[str, Quantity]


def of(assumptions: Assumptions, measured: Mapping[str, Decimal]) -> Quantities:
    """Return every quantity by name; what was measured takes the place of what is assumed."""
    assumed = {
        name: Quantity(name=name, value=row.range(), unit=row.unit, text=row.text, basis=row.basis, origin="assumed")
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
