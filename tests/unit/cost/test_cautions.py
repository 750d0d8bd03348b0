from __future__ import annotations

from datetime import date, timedelta

from cost_cases import CASES, bill

from wkms_migrate.cost.cautions import cautions

PAGE = date(2026, 11, 1)  # the date of the newer source of the case


def codes(day):
    return [notice.code for notice in cautions((bill(CASES, "after"),), day, 90)]


def test_prices_grow_stale_after_the_given_days_and_not_before():
    assert codes(PAGE + timedelta(days=90)) == ["run-cost-only"]
    assert codes(PAGE + timedelta(days=91)) == ["run-cost-only", "stale-prices"]


def test_the_share_of_estimated_prices_is_a_number():
    notice = next(n for n in cautions((bill(CASES, "before"),), PAGE, 90) if n.code == "estimated-share")
    estimated, known = 120, bill(CASES, "before").known.base
    assert dict(notice.values)["percent"] == estimated / known * 100
