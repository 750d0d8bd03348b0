from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.cost.ranges import Range
from wkms_migrate.report import charts

values = st.decimals(min_value=0, max_value=10**9, places=2)


@st.composite
def items(draw):
    bounds = Range(*sorted(draw(st.tuples(values, values, values))))
    return charts.Item(value=bounds, text="x", tone="plain")


@given(st.lists(items(), min_size=1, max_size=8))
def test_bars_are_in_proportion_and_stay_inside(given_items):
    chart = charts.chart("t", "d", [("row", [item]) for item in given_items])
    top = max(item.value.high for item in given_items)
    bars = [row.bars[0] for row in chart.rows]
    for bar in bars:
        assert 0 <= bar.low <= bar.width <= bar.high <= charts.PLOT
        assert bar.y + bar.height <= chart.height
        assert abs(bar.width - bar.item.value.base * charts.PLOT / max(top, Decimal(1))) <= 1
    assert all(charts.LABELS <= tick.x <= charts.LABELS + charts.PLOT for tick in chart.ticks)
    assert all(lower.y + lower.height <= upper.y for lower, upper in pairwise(bars))


@given(st.decimals(min_value=1, max_value=10**9, places=2))
def test_grid_lines_are_round_and_few(top):
    marks = charts.round_values(top)
    assert marks[0] == 0
    assert 2 < len(marks) <= charts.TICKS + 1
    assert marks[-1] <= top
    assert str(marks[1].normalize().as_tuple().digits) in {"(1,)", "(2,)", "(5,)"}


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("Azure today (lower bound)", "Azure today (lower bound)"),
        ("현재 Azure(최소 추정)", "현재 Azure(최소 추정)"),
        ("a" * 27, "a" * 27),
        ("a" * 28, "a" * 26 + "…"),
        ("가" * 14, "가" * 12 + "…"),
    ],
)
def test_a_name_too_long_for_its_room_is_cut(label, shown):
    assert charts.Row(label=label, y=0, bars=()).short_label == shown
