"""Both ways over time: what has been paid month by month after the cut-over, total cost, and when moving pays back."""

from __future__ import annotations

from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING

from wkms_migrate.cost.ranges import Range
from wkms_migrate.cost.result import BreakEven, Month, Outlook, TotalCost

if TYPE_CHECKING:
    from collections.abc import Sequence

HORIZON = 36  # months
TERMS = (12, 36)
YEAR = 12
YEARS = HORIZON // YEAR


def outlook(baseline: Sequence[Range], target: Sequence[Range], one_off: Range, discount_percent: Decimal) -> Outlook:
    """Return the course over 36 months from the monthly bills of each year (3 each) and the one-off costs.

    One-off costs fall before month 1. Discounted, the bill of month m is divided by (1 + rate) to the power of m/12.
    """
    months = _months(baseline, target, one_off)
    rates = (Decimal(0), discount_percent) if discount_percent else (Decimal(0),)
    totals = tuple(
        TotalCost(
            months=term,
            discount_percent=rate,
            baseline=present_value(baseline, term, rate),
            target=one_off + present_value(target, term, rate),
        )
        for term in TERMS
        for rate in rates
    )
    return Outlook(months=months, totals=totals, break_even=_break_even(baseline, target, one_off))


def present_value(bills: Sequence[Range], months: int, discount_percent: Decimal) -> Range:
    """Return the sum of the bills of the first `months` months, each discounted to the day of the cut-over."""
    rate = 1 + discount_percent / 100
    value = Range.exactly(0)
    for month in range(1, months + 1):
        bill = bills[(month - 1) // YEAR]
        value += bill if rate == 1 else bill.times(rate ** -(Decimal(month) / YEAR))
    return value.rounded()


def break_even_month(one_off: Decimal, savings: Sequence[Decimal]) -> int | None:
    """Return the first month at whose end the savings have made up for `one_off`; None: not within the years given.

    `savings` holds what is saved in each month of year 1, 2, 3. Solved year by year, no month is walked through.
    """
    owed = one_off
    for year, saving in enumerate(savings):
        if owed <= saving:
            return year * YEAR + 1
        if saving > 0 and (needed := ceil(owed / saving)) <= YEAR:
            return year * YEAR + needed
        owed -= saving * YEAR
    return None


def _months(baseline: Sequence[Range], target: Sequence[Range], one_off: Range) -> tuple[Month, ...]:
    months = [Month(number=0, baseline=Range.exactly(0), target=one_off)]
    for number in range(1, HORIZON + 1):
        year, last = (number - 1) // YEAR, months[-1]
        months.append(Month(number=number, baseline=last.baseline + baseline[year], target=last.target + target[year]))
    return tuple(months)


def _break_even(baseline: Sequence[Range], target: Sequence[Range], one_off: Range) -> BreakEven:
    savings = [before - after for before, after in zip(baseline, target, strict=True)]
    return BreakEven(
        best=break_even_month(one_off.low, [saving.high for saving in savings]),
        base=break_even_month(one_off.base, [saving.base for saving in savings]),
        worst=break_even_month(one_off.high, [saving.low for saving in savings]),
        horizon=HORIZON,
    )
