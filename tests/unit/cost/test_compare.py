from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from cost_cases import BUNDLED, CASES, comparison
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.cost import compare, inputs
from wkms_migrate.cost.ranges import Range
from wkms_migrate.cost.scenario import AreaNote

PAIR = ("azure-floor", "aws-vm")
HUNDRED = Decimal(100)


def used_skus():
    read = inputs.load(BUNDLED)
    return sorted({line.sku for name in PAIR for line in read.scenarios[name].lines})


@pytest.mark.parametrize("sku", used_skus())
def test_each_price_lost_makes_the_total_incomplete_and_withholds_the_saving(sku):
    book = dict(inputs.load(BUNDLED).prices)
    book[sku] = replace(book[sku], tiers=(), status="missing", source=None)
    result = comparison(BUNDLED, *PAIR, prices=book)
    assert None in (result.baseline.total, result.target.total)
    assert (result.saving, result.percent, result.headroom, result.verdict) == (None, None, None, "unknown")
    assert sku in dict(result.withheld[0].values)["skus"]


def test_with_all_prices_there_is_a_saving():
    result = comparison(BUNDLED, *PAIR)
    assert result.withheld == ()
    assert result.saving.base == result.baseline.total.base - result.target.total.base


def test_the_saving_reaches_from_worst_to_best():
    result = comparison(CASES, "before", "after")
    before, after = result.baseline.total, result.target.total
    assert result.saving == Range(before.low - after.high, before.base - after.base, before.high - after.low)
    assert result.percent.low == (before.low - after.high) / before.low * HUNDRED


amounts = st.decimals(min_value=1, max_value=5_000, places=2)


@st.composite
def totals(draw):
    return Range(*sorted(draw(st.tuples(amounts, amounts, amounts))))


@given(totals(), totals(), st.integers(min_value=1, max_value=99))
def test_at_the_headroom_the_whole_bill_meets_the_goal_exactly(before, after, goal):
    spare = compare._headroom(before, after, Decimal(goal))
    whole = (before.base - after.base) / goal * HUNDRED
    assert abs(spare.base + before.base - whole) <= Decimal("0.01")


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [("40", "41", "met"), ("39.99", "40", "open"), ("10", "39.99", "missed")]
)
def test_the_verdict_turns_at_the_goal(low, high, verdict):
    result = comparison(CASES, "before", "after")
    percent = Range(Decimal(low), Decimal(low), Decimal(high))
    assert replace(result, percent=percent, goal_percent=Decimal(40)).verdict == verdict


def test_totals_of_different_scope_are_not_compared():
    result = comparison(CASES, "before", "narrow")
    assert result.saving is None
    assert [notice.code for notice in result.withheld] == ["unlike-scope"]
    assert dict(result.withheld[0].values)["areas"] == ("database",)


def test_a_baseline_that_may_be_free_gives_no_percentage():
    result = comparison(CASES, "before", "after")
    free = tuple(replace(line, amount=Range.exactly(0)) for line in result.baseline.lines)
    again = compare.compare(replace(result.baseline, lines=free), result.target, Decimal(40))
    assert [notice.code for notice in again.withheld] == ["nothing-to-save"]
    assert again.percent is None


def test_bundled_scenarios_leave_out_the_same_areas():
    read = inputs.load(BUNDLED)
    outside = {name: {note.area for note in one.outside} for name, one in read.scenarios.items()}
    assert len(set(map(frozenset, outside.values()))) == 1
    assert all(isinstance(note, AreaNote) and note.reason.ko for one in read.scenarios.values() for note in one.outside)
