"""One possible outcome instead of a range: the bill for exact quantities and prices, quick enough to try thousands."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, TypeAlias

from wkms_migrate.cost.ranges import CENT, ZERO
from wkms_migrate.cost.scenario import is_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wkms_migrate.cost.prices import Price, Prices
    from wkms_migrate.cost.scenario import Scenario

Values: TypeAlias = "Mapping[str, Decimal]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One line: number x named quantities, priced by tiers of (above, base price of one unit)."""

    number: Decimal
    names: tuple[str, ...]
    sku: str
    tiers: tuple[tuple[Decimal, Decimal], ...]

    def quantity(self, values: Values) -> Decimal:
        """Return the product of the factors."""
        quantity = self.number
        for name in self.names:
            quantity *= values[name]
        return quantity

    def amount(self, values: Values, markups: Values) -> Decimal:
        """Return what the line costs, each tier to the cent. `markups` multiply the price of a SKU."""
        quantity = self.quantity(values)
        markup = markups.get(self.sku, Decimal(1))
        cost = ZERO
        for number, (above, price) in enumerate(self.tiers):
            ceiling = self.tiers[number + 1][0] if number + 1 < len(self.tiers) else quantity
            share = max(min(quantity, ceiling) - above, ZERO)
            cost += (share * price * markup).quantize(CENT, ROUND_HALF_UP)
        return cost


def terms(scenario: Scenario, prices: Prices) -> tuple[Term, ...]:
    """Return the lines of a scenario whose every price is known."""
    return tuple(term(line.quantity, prices[line.sku]) for line in scenario.lines)


def term(factors: Iterable[str], price: Price | None) -> Term:
    """Return one line; without a price one unit costs 1."""
    number, names = Decimal(1), []
    for factor in factors:
        if is_number(factor):
            number *= Decimal(factor)
        else:
            names.append(factor)
    tiers = ((ZERO, Decimal(1)),) if price is None else tuple((tier.above, tier.price.base) for tier in price.tiers)
    return Term(number=number, names=tuple(names), sku=price.sku if price else "", tiers=tiers)


def bill(lines: Iterable[Term], values: Values, markups: Values) -> Decimal:
    """Return the sum of the lines."""
    return sum((line.amount(values, markups) for line in lines), ZERO)
