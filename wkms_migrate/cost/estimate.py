from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from wkms_migrate.cost.prices import Commitment, Price, Prices, Tier, committed, near, unknown
from wkms_migrate.cost.ranges import ZERO, Range, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wkms_migrate.cost.fields import Area, Text
    from wkms_migrate.cost.quantities import Quantities
    from wkms_migrate.cost.scenario import Scenario, ScenarioLine

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One priced line: `amount` = `quantity` x `unit_price` a month, rounded to the cent; both None when missing.

    A tiered price makes one line per tier: that of the units above `above`. `problem` says what is wrong with the
    files when that is why there is no amount.
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
    problem: str = ""


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

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong in the files, each with its scenario and line."""
        return tuple(line.problem for line in self.lines if line.problem)

    def only(self, area: Area) -> Estimate:
        """Return the estimate of one area alone."""
        return replace(self, lines=tuple(line for line in self.lines if line.area == area))

    @property
    def estimated_percent(self) -> Decimal:
        """The part of the known base total that rests on estimated prices, in percent."""
        estimated = total([line.amount for line in self.lines if line.amount and line.price.status == "estimated"])
        return estimated.base / self.known.base * HUNDRED if self.known.base else ZERO


def estimate(
    scenario: Scenario,
    prices: Prices,
    quantities: Quantities,
    currency: str,
    commitment: Commitment = "on-demand",
) -> Estimate:
    """Price every line of a scenario.

    A line that names an unknown SKU or quantity, or a price in another currency or region, has no amount and states its
    problem: the rest is still worth reading, the total is not.
    """
    given = _Given(
        prices=prices,
        quantities=quantities,
        currency=currency,
        commitment=commitment,
        homes={} if scenario.regions else _homes(scenario, prices),
    )
    lines = [priced for line in scenario.lines for priced in _lines(line, scenario, given)]
    return Estimate(scenario=scenario, currency=currency, lines=tuple(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What lines are priced with; `homes` is the region of each provider, where the scenario names none."""

    prices: Prices
    quantities: Quantities
    currency: str
    commitment: Commitment
    homes: Mapping[str, str]


def _homes(scenario: Scenario, prices: Prices) -> dict[str, str]:
    """Return the region in which most lines of each provider are priced; of two as frequent, the first."""
    found = (prices[line.sku] for line in scenario.lines if line.sku in prices)
    regions = Counter((price.provider, price.region) for price in found)
    return dict(place for place, _ in reversed(regions.most_common()))


def product(numbers: Decimal, names: tuple[str, ...], quantities: Quantities) -> Range:
    """Multiply a number with the values of quantities."""
    quantity = Range.exactly(numbers)
    for name in names:
        quantity *= quantities[name].value
    return quantity


def _lines(line: ScenarioLine, scenario: Scenario, given: _Given) -> list[Line]:
    """Return the line, or one line per price tier that the quantity may reach."""
    where = f"Scenario {scenario.name}, line {line.key}"
    price = committed(given.prices, line.sku, given.commitment)
    strange = sorted(set(line.names()) - set(given.quantities))
    problem = (
        (price is None and f"{where}: no price list knows the SKU {line.sku} (near: {near(given.prices, line.sku)}).")
        or (strange and f"{where}: the quantity {', '.join(strange)} is unknown.")
        or _foreign(price, given.currency, where)
        or _elsewhere(price, scenario, given.homes, where)
        or ""
    )
    quantity = product(line.number(), () if strange else line.names(), given.quantities)
    price = price or unknown(line.sku)
    if problem or not price.tiers:
        return [replace(_line(line, price, quantity, None, line.key), problem=problem)]
    return _tiers(line, price, quantity)


def _foreign(price: Price | None, currency: str, where: str) -> str:
    if price is None or price.currency == currency:
        return ""
    return f"{where}: {price.sku} is priced in {price.currency}, the comparison is in {currency}; nothing is converted."


def _elsewhere(price: Price | None, scenario: Scenario, homes: Mapping[str, str], where: str) -> str:
    if price is None:
        return ""
    meant = scenario.regions or (homes.get(price.provider, price.region),)
    if price.region in meant:
        return ""
    return (
        f"{where}: {price.sku} is priced in {price.region}, the scenario is in {', '.join(meant)}; "
        f"if both are meant, name them under `regions`."
    )


def _tiers(line: ScenarioLine, price: Price, quantity: Range) -> list[Line]:
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
