from __future__ import annotations

import random
from decimal import Decimal

import pytest
from cost_cases import BUNDLED
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.cost import inputs, outlook
from wkms_migrate.cost.ranges import Range

amounts = st.decimals(min_value=0, max_value=5_000, places=2)


def exact(value):
    return Range.exactly(Decimal(value))


def simulated(one_off, yearly):
    """Walk month by month until what was saved has made up for what was spent."""
    owed = one_off
    for month in range(1, 37):
        owed -= yearly[(month - 1) // 12]
        if owed <= 0:
            return month
    return None


def test_break_even_by_formula_is_that_of_the_simulation_in_10_000_cases():
    chance = random.Random(3)
    for _ in range(10_000):
        one_off = Decimal(chance.randrange(4_000_000)) / 100
        yearly = [Decimal(chance.randrange(-50_000, 200_000)) / 100 for _ in range(3)]
        assert outlook.break_even_month(one_off, yearly) == simulated(one_off, yearly), (one_off, yearly)


@given(st.integers(0, 400), st.tuples(*[st.integers(-5, 40)] * 3))
def test_break_even_at_round_numbers(one_off, yearly):
    assert outlook.break_even_month(Decimal(one_off), [Decimal(one) for one in yearly]) == simulated(one_off, yearly)


@pytest.mark.parametrize(
    ("one_off", "monthly", "month"),
    [("111", "385", 1), ("10111", "685", 15), ("10111", "385", 27), ("20111", "685", 30), ("20111", "385", None)],
)
def test_the_months_worked_out_by_hand(one_off, monthly, month):
    assert outlook.break_even_month(Decimal(one_off), [Decimal(monthly)] * 3) == month


def guide_at_its_midpoints():
    """20,000 of labour, 1 TB of egress, and two months of double running, on the guide's option 1."""
    guide = inputs.load(BUNDLED).guide
    now, managed = guide.table("6.1").sum().base, guide.table("6.2.1").sum().base
    one_off = exact(20_111 + 2 * managed)
    return outlook.outlook([exact(now)] * 3, [exact(managed)] * 3, one_off, Decimal(8))


def test_three_years_of_the_guide_are_dearer_than_staying():
    found = guide_at_its_midpoints()
    nominal, present = found.total(36, discounted=False), found.total(36, discounted=True)
    assert (nominal.baseline.base, nominal.target.base) == (42_480, 44_621)
    assert nominal.saving.base == -2_141
    assert (round(present.baseline.base), round(present.target.base)) == (37_811, 42_069)
    assert found.break_even.base is None


def test_totals_are_what_the_months_add_up_to():
    found = guide_at_its_midpoints()
    assert [month.number for month in found.months] == list(range(37))
    for term in (12, 36):
        total, month = found.total(term, discounted=False), found.months[term]
        assert (total.baseline, total.target) == (month.baseline, month.target)


@given(*(st.tuples(amounts, amounts, amounts) for _ in range(3)))
def test_the_months_of_break_even_lie_in_order(before, after, once):
    low, high = Range(*sorted(before)), Range(*sorted(after))
    turn = outlook.outlook([low] * 3, [high] * 3, Range(*sorted(once)), Decimal(0)).break_even
    months = [month or 37 for month in (turn.best, turn.base, turn.worst)]
    assert months == sorted(months)
