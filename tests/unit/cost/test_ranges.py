from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.cost.ranges import Range, total

numbers = st.decimals(min_value=-10_000, max_value=10_000, places=4)
shares = st.fractions(min_value=0, max_value=1, max_denominator=64)


@st.composite
def ranges(draw):
    return Range(*sorted(draw(st.tuples(numbers, numbers, numbers))))


def inside(bounds, share):
    return bounds.low + (bounds.high - bounds.low) * Decimal(share.numerator) / Decimal(share.denominator)


@given(ranges(), ranges(), shares, shares)
def test_every_outcome_lies_within_the_sum_the_difference_and_the_product(a, b, at_a, at_b):
    x, y = inside(a, at_a), inside(b, at_b)
    slack = Decimal("1e-18")  # the sampled points themselves are rounded to 28 digits
    for result, value in ((a + b, x + y), (a - b, x - y), (a * b, x * y)):
        assert result.low - slack <= value <= result.high + slack


@given(ranges(), ranges())
def test_the_base_follows_plain_arithmetic(a, b):
    assert ((a + b).base, (a - b).base, (a * b).base) == (a.base + b.base, a.base - b.base, a.base * b.base)


@given(st.decimals(min_value=0, max_value=1000, places=2), st.decimals(min_value=0, max_value=500, places=2))
def test_the_shares_of_tiers_add_up_to_the_quantity(quantity, boundary):
    whole = Range.exactly(quantity)
    parts = [whole.clipped(Decimal(0), boundary), whole.clipped(boundary, None)]
    assert total(parts) == whole


def test_a_range_must_ascend():
    with pytest.raises(ValueError, match="ascend"):
        Range(Decimal(2), Decimal(1), Decimal(3))


def test_halves_are_rounded_up():
    assert Range.exactly(Decimal("0.125")).rounded() == Range.exactly(Decimal("0.13"))
    assert total([]) == Range.exactly(0)
