from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.phases.verify import kpi
from wkms_migrate.phases.verify.kpi import GOALS, Measured

SMALL, ENTERPRISE = GOALS["small"], GOALS["enterprise"]


def table(goals=SMALL, **changes):
    facts = {"seconds": [0.1] * 100, "refused": 0, "unavailable": 0, "at_once": 20} | changes
    return {one.id: one for one in kpi.of_answers(Measured(**facts), goals)}


def test_a_good_system_meets_the_small_goals_and_too_few_at_once_miss_the_enterprise_ones():
    assert all(one.ok for one in table().values())
    assert [name for name, one in table(ENTERPRISE).items() if not one.ok] == ["at_once"]


@pytest.mark.parametrize(
    ("goals", "changes", "missed"),
    [
        (SMALL, {"seconds": [3.0] * 10}, set()),
        (SMALL, {"seconds": [3.001] * 10}, {"response_mean"}),
        (SMALL, {"seconds": [0.1] * 199, "unavailable": 1}, set()),
        (SMALL, {"seconds": [0.1] * 198, "unavailable": 2}, {"availability"}),
        (ENTERPRISE, {"seconds": [0.1] * 999, "refused": 1, "unavailable": 1, "at_once": 100}, {"error_rate"}),
        (ENTERPRISE, {"seconds": [0.1] * 2_000, "refused": 2, "at_once": 100}, set()),
        (SMALL, {"seconds": [], "unavailable": 10}, {"response_mean", "availability"}),
        (SMALL, {"at_once": 19}, {"at_once"}),
    ],
)
def test_goals(goals, changes, missed):
    assert {name for name, one in table(goals, **changes).items() if not one.ok} == missed


def test_a_missed_goal_is_not_rounded_into_a_met_one():
    missed = table(seconds=[3.0001] * 10)["response_mean"]
    assert missed.value_text == "3.0001 s"
    assert missed.goal_text == "≤ 3 s"


def test_one_difference_among_many_is_a_miss():
    assert kpi.of_data(100_000, 100_000).ok
    assert not kpi.of_data(99_999, 100_000).ok


def test_nothing_compared_is_no_match():
    nothing = kpi.of_data(0, 0)
    assert not nothing.ok
    assert nothing.value is None


def test_the_result_has_both_languages_value_and_threshold():
    result = table()["availability"].as_result()
    assert result == {
        "id": "availability",
        "name_ko": "가용성",
        "name_en": "Availability",
        "value": 100.0,
        "unit": "%",
        "threshold": 99.5,
        "ok": True,
        "goal": "≥ 99.5 %",
        "measured": "100 %",
    }


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_percentile_is_the_least_value_that_bounds_its_share(values, share):
    ordered = sorted(values)
    found = kpi.percentile(ordered, share)
    assert sum(value <= found for value in ordered) >= share * len(ordered)
    assert sum(value < found for value in ordered) < share * len(ordered)
