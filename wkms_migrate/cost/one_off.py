"""What it costs once to move: work, training, months paid twice, the data's way out, contingency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from wkms_migrate.cost.estimate import product
from wkms_migrate.cost.fields import Translated
from wkms_migrate.cost.prices import unknown
from wkms_migrate.cost.quantities import CONTINGENCY
from wkms_migrate.cost.ranges import Range, total
from wkms_migrate.cost.result import Mover, OneOff, OneOffLine
from wkms_migrate.cost.scenario import is_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wkms_migrate.cost.prices import Prices
    from wkms_migrate.cost.quantities import Assumptions, OneOffRow, Quantities

PERCENT = Decimal("0.01")
CONTINGENCY_TEXT = Translated(ko="예비비", en="Contingency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """One month's bill on either side, None while it is incomplete."""

    baseline: Range | None
    target: Range | None


def one_off(assumptions: Assumptions, prices: Prices, quantities: Quantities, months: Months) -> OneOff:
    """Return every one-off cost, those of the chosen mover among them, then the contingency on their sum."""
    chosen = [cost for mover in assumptions.movers if mover.name == assumptions.mover for cost in mover.costs]
    usable = _in_currency(prices, assumptions.currency)
    lines = _lines((*assumptions.one_off, *chosen), usable, quantities, months)
    if CONTINGENCY in quantities and lines:
        lines = (*lines, _contingency(quantities, _total(lines)))
    return OneOff(lines=lines, total=_total(lines))


def movers(assumptions: Assumptions, prices: Prices, quantities: Quantities, months: Months) -> tuple[Mover, ...]:
    """Return the price of each way to move the data."""
    found = []
    for row in assumptions.movers:
        lines = _lines(row.costs, _in_currency(prices, assumptions.currency), quantities, months)
        chosen = row.name == assumptions.mover
        found.append(Mover(name=row.name, title=row.title, chosen=chosen, lines=lines, total=_total(lines)))
    return tuple(found)


def _in_currency(prices: Prices, currency: str) -> Prices:
    """Leave out prices in another currency: nothing is converted, so they are as good as missing."""
    return {sku: price for sku, price in prices.items() if price.currency == currency}


def _lines(rows: Iterable[OneOffRow], prices: Prices, quantities: Quantities, months: Months) -> tuple[OneOffLine, ...]:
    return tuple(line for row in rows for line in _line(row, prices, quantities, months))


def _line(row: OneOffRow, prices: Prices, quantities: Quantities, months: Months) -> list[OneOffLine]:
    """Return the line, or one line per tier of its price that the quantity may reach."""
    names = tuple(factor for factor in row.quantity if not is_number(factor))
    number = Decimal(1)
    for factor in row.quantity:
        number *= Decimal(factor) if is_number(factor) else 1
    quantity = product(number, names, quantities)
    line = OneOffLine(
        key=row.key,
        text=row.text,
        basis=row.basis,
        unit=row.unit,
        quantity=quantity,
        unit_price=None,
        price=None,
        amount=None,
        factors=row.quantity,
        per=row.per,
    )
    if row.per == "price":
        return _tiers(replace(line, price=prices.get(row.sku) or unknown(row.sku)))
    each = {"money": Range.exactly(1), "baseline-month": months.baseline, "target-month": months.target}[row.per]
    return [line if each is None else replace(line, unit_price=each, amount=(quantity * each).rounded())]


def _tiers(line: OneOffLine) -> list[OneOffLine]:
    tiers = line.price.tiers if line.price else ()
    ceilings = [tier.above for tier in tiers[1:]] + [None]
    found = []
    for count, (tier, ceiling) in enumerate(zip(tiers, ceilings, strict=False), 1):
        if count == 1 or line.quantity.high > tier.above:
            share = line.quantity.clipped(tier.above, ceiling)
            key = line.key if len(tiers) == 1 else f"{line.key}/{count}"
            amount = (share * tier.price).rounded()
            above = tier.above if len(tiers) > 1 else None
            found.append(replace(line, key=key, quantity=share, unit_price=tier.price, amount=amount, above=above))
    return found or [line]


def _contingency(quantities: Quantities, sum_so_far: Range | None) -> OneOffLine:
    row = quantities[CONTINGENCY]
    share = row.value.times(PERCENT)
    return OneOffLine(
        key="contingency",
        text=CONTINGENCY_TEXT,
        basis=row.basis,
        unit="",
        quantity=share,
        unit_price=sum_so_far,
        price=None,
        amount=None if sum_so_far is None else (share * sum_so_far).rounded(),
        factors=(CONTINGENCY,),
        per="so-far",
    )


def _total(lines: tuple[OneOffLine, ...]) -> Range | None:
    amounts = [line.amount for line in lines]
    known = [amount for amount in amounts if amount is not None]
    return total(known) if len(known) == len(amounts) else None
