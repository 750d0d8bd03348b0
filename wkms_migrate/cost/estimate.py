from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from wkms_migrate.cost.prices import Price, Prices, Tier, find
from wkms_migrate.cost.ranges import ZERO, Range, total
from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from wkms_migrate.cost.fields import Area, Text
    from wkms_migrate.cost.quantities import Quantities, Quantity
    from wkms_migrate.cost.scenario import Scenario, ScenarioLine

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One priced line: `amount` = `quantity` x `unit_price` a month, rounded to the cent; both None when missing.

    A tiered price makes one line per tier: that of the units above `above`.
    """

    key: str
    area: Area
    spec: Text
    charge: Literal["fixed", "usage"]
    price: Price
    quantity: Range
    factors: tuple[str, ...]
    above: Decimal | None
    unit_price: Range | None
    amount: Range | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The monthly bill of one scenario."""

    scenario: Scenario
    currency: str
    lines: tuple[Line, ...]

    @property
    def missing(self) -> tuple[Line, ...]:
        """The lines whose price is not known."""
        return tuple(line for line in self.lines if line.amount is None)

    @property
    def known(self) -> Range:
        """The sum of the lines whose price is known: a part of the bill, not the bill."""
        return total([line.amount for line in self.lines if line.amount is not None])

    @property
    def total(self) -> Range | None:
        """The monthly total, or None as long as one price is missing."""
        return None if self.missing else self.known

    def only(self, area: Area) -> Estimate:
        """Return the estimate of one area alone."""
        return replace(self, lines=tuple(line for line in self.lines if line.area == area))

    @property
    def estimated_percent(self) -> Decimal:
        """The part of the known base total that rests on estimated prices, in percent."""
        estimated = total([line.amount for line in self.lines if line.amount and line.price.status == "estimated"])
        return estimated.base / self.known.base * HUNDRED if self.known.base else ZERO


def estimate(scenario: Scenario, prices: Prices, quantities: Quantities, currency: str) -> Estimate:
    """Price every line of a scenario.

    Raises:
        ConfigError: a line names an unknown SKU or quantity, or its price is in another currency.

    """
    lines = [priced for line in scenario.lines for priced in _price(line, scenario, prices, quantities)]
    for line in lines:
        if line.price.currency != currency:
            raise ConfigError(
                f"Scenario {scenario.name}, line {line.key}: {line.price.sku} is priced in {line.price.currency}, "
                f"the comparison is in {currency}.",
                hint=f"Give the price in {currency}, with the rate and its date in its basis. Nothing is converted.",
            )
    return Estimate(scenario=scenario, currency=currency, lines=tuple(lines))


def _price(line: ScenarioLine, scenario: Scenario, prices: Prices, quantities: Quantities) -> list[Line]:
    """Return the line, or one line per price tier that the quantity may reach."""
    where = f"Scenario {scenario.name}, line {line.key}"
    price = find(prices, line.sku, where)
    quantity = Range.exactly(line.number())
    for name in line.names():
        quantity *= _quantity(quantities, name, where).value
    if not price.tiers:
        return [_line(line, price, quantity, None, line.key)]
    ceilings = [tier.above for tier in price.tiers[1:]] + [None]
    priced = []
    for number, (tier, ceiling) in enumerate(zip(price.tiers, ceilings, strict=True), 1):
        key = line.key if len(price.tiers) == 1 else f"{line.key}/{number}"
        if number == 1 or quantity.high > tier.above:
            priced.append(_line(line, price, quantity.clipped(tier.above, ceiling), tier, key))
    return priced


def _line(line: ScenarioLine, price: Price, quantity: Range, tier: Tier | None, key: str) -> Line:
    return Line(
        key=key,
        area=line.area,
        spec=line.spec,
        charge=line.charge,
        price=price,
        quantity=quantity,
        factors=line.quantity,
        above=tier.above if tier and len(price.tiers) > 1 else None,
        unit_price=tier.price if tier else None,
        amount=(quantity * tier.price).rounded() if tier else None,
    )


def _quantity(quantities: Quantities, name: str, where: str) -> Quantity:
    if name not in quantities:
        raise ConfigError(
            f"{where}: the quantity {name} is unknown.",
            hint=f"Define it in config/assumptions.yaml, or use one of: {', '.join(sorted(quantities))}.",
        )
    return quantities[name]
