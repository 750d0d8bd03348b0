from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeAlias

CENT = Decimal("0.01")
ZERO = Decimal(0)

Number: TypeAlias = Decimal | int


@dataclass(frozen=True, slots=True)
class Range:
    """A closed interval with its most likely value. Sums, differences and products contain every possible outcome."""

    low: Decimal
    base: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        if not self.low <= self.base <= self.high:
            raise ValueError(f"low {self.low}, base {self.base} and high {self.high} must ascend")

    @classmethod
    def exactly(cls, value: Number) -> Range:
        """Return the range that holds one value only."""
        number = Decimal(value)
        return cls(number, number, number)

    @property
    def exact(self) -> bool:
        """True when low and high are the same."""
        return self.low == self.high

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.base + other.base, self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        return Range(self.low - other.high, self.base - other.base, self.high - other.low)

    def __mul__(self, other: Range) -> Range:
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Range(min(corners), self.base * other.base, max(corners))

    def times(self, factor: Number) -> Range:
        """Return the range with every value multiplied by one number."""
        return self * Range.exactly(factor)

    def clipped(self, floor: Decimal, ceiling: Decimal | None) -> Range:
        """Return the part that lies above `floor` and below `ceiling`, measured from `floor` (a price tier's share)."""

        def share(value: Decimal) -> Decimal:
            top = value if ceiling is None else min(value, ceiling)
            return max(top - floor, ZERO)

        return Range(share(self.low), share(self.base), share(self.high))

    def rounded(self, step: Decimal = CENT) -> Range:
        """Return the range rounded half up to `step`."""
        return Range(*(value.quantize(step, ROUND_HALF_UP) for value in (self.low, self.base, self.high)))


def total(parts: list[Range]) -> Range:
    """Add ranges; nothing at all adds up to exactly 0."""
    return sum(parts, Range.exactly(0))
