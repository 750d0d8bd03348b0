"""The formulas of the cost workbook: quantities, price tiers and yearly growth, as formulas and as values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from wkms_migrate.cost.quantities import GROWTH
from wkms_migrate.cost.ranges import Range
from wkms_migrate.cost.scenario import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wkms_migrate.cost.estimate import Line
    from wkms_migrate.cost.prices import Price
    from wkms_migrate.cost.quantities import Quantity

End = Literal["low", "base", "high"]
ENDS: tuple[End, ...] = ("low", "base", "high")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def reference(sheet: str, column: int, row: int) -> str:
    """Return a cell of a sheet as formulas name it; column and row count from 0."""
    return f"'{sheet}'!${LETTERS[column]}${row + 1}"


def here(column: int, row: int) -> str:
    """Return a cell of the same sheet."""
    return f"{LETTERS[column]}{row + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """Where the quantities stand: sheet, first of the columns low, base, high, and row of each by its name."""

    sheet: str
    column: int
    rows: Mapping[str, int]
    quantities: Mapping[str, Quantity]

    @classmethod
    def at(cls, sheet: str, column: int, first_row: int, quantities: Sequence[Quantity]) -> Assumed:
        """Return the places of quantities that are written one under the other."""
        return cls(
            sheet=sheet,
            column=column,
            rows={quantity.name: first_row + index for index, quantity in enumerate(quantities)},
            quantities={quantity.name: quantity for quantity in quantities},
        )

    def knows(self, factors: Sequence[str]) -> bool:
        """Tell whether every factor is a number or stands in the sheet."""
        return bool(factors) and all(is_number(factor) or factor in self.rows for factor in factors)

    def cell(self, name: str, end: End) -> str:
        """Return the cell of one end of a quantity."""
        return reference(self.sheet, self.column + ENDS.index(end), self.rows[name])

    def product(self, factors: Sequence[str], end: End, years: int = 0) -> str:
        """Return the product of factors as a formula, `years` years of growth later."""
        parts = [factor if is_number(factor) else self.cell(factor, end) for factor in factors]
        if exponent := self._growing(factors) * years:
            parts.append(f"(1+{self.cell(GROWTH, end)}/100)^{exponent}")
        return "*".join(parts)

    def value(self, factors: Sequence[str], years: int = 0) -> Range:
        """Return the product of factors, `years` years of growth later."""
        product = Range.exactly(1)
        for factor in factors:
            product *= Range.exactly(Decimal(factor)) if is_number(factor) else self.quantities[factor].value
        if GROWTH in self.quantities:
            growth = self.quantities[GROWTH].value.times(Decimal("0.01")) + Range.exactly(1)
            for _ in range(self._growing(factors) * years):
                product *= growth
        return product

    def _growing(self, factors: Sequence[str]) -> int:
        grown = (self.quantities.get(factor) for factor in factors)
        return sum(quantity is not None and quantity.grows for quantity in grown) if GROWTH in self.rows else 0


def clipped(formula: str, price: Price | None, above: Decimal | None) -> str:
    """Return the part of a quantity that falls into the price tier which begins above `above`."""
    if price is None or above is None:
        return formula
    ceiling = ceiling_of(price, above)
    top = formula if ceiling is None else f"MIN({formula},{ceiling})"
    return f"MAX({top}-{above},0)"


def ceiling_of(price: Price, above: Decimal) -> Decimal | None:
    """Return where the price tier ends that begins above `above`; None: it does not end."""
    return next((tier.above for tier in price.tiers if tier.above > above), None)


def later(line: Line, assumed: Assumed, years: int) -> Range | None:
    """Return the monthly amount of a line `years` years later."""
    if line.unit_price is None:
        return None
    quantity = assumed.value(line.factors, years)
    if line.above is not None:
        quantity = quantity.clipped(line.above, ceiling_of(line.price, line.above))
    return (quantity * line.unit_price).rounded()
