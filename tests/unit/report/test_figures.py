from __future__ import annotations

from decimal import Decimal

import pytest

from wkms_migrate.cost.ranges import Range
from wkms_migrate.report import figures


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1234.5", "$1,234.50"), ("0.005", "$0.01"), ("-271", "−$271.00"), ("-0.001", "$0.00"), ("0", "$0.00")],
)
def test_money_has_cents_and_its_sign_in_front(value, expected):
    assert figures.money(Decimal(value), "USD") == expected


def test_won_have_no_cents():
    assert figures.money(Decimal("123456.7"), "KRW") == "₩123,457"
    assert figures.money(Decimal("1.5"), "EUR") == "EUR 1.50"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.052", "$0.052"), ("7.3", "$7.30"), ("0.00014098", "$0.00014098"), ("161.7775", "$161.78"), ("0", "$0.00")],
)
def test_unit_prices_keep_the_digits_that_matter(value, expected):
    assert figures.unit_price(Decimal(value), "USD") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("730", "730"),
        ("22500", "22,500"),
        ("201345", "201,345"),
        ("0.0675", "0.0675"),
        ("1.100", "1.1"),
        ("1E+3", "1,000"),
    ],
)
def test_quantities_are_grouped_and_trimmed(value, expected):
    assert figures.number(Decimal(value)) == expected


def test_a_range_is_written_once_when_it_is_exact():
    assert figures.span(Range.exactly(Decimal("40.04")), figures.percent) == "40%"
    assert figures.span(Range(Decimal(-5), Decimal(1), Decimal("9.96")), figures.percent) == "−5% – 10%"


@pytest.mark.parametrize(
    ("value", "english", "korean"),
    [
        (0.04, "0.0 s", "0.0초"),
        (59.94, "59.9 s", "59.9초"),
        (60, "1:00 min", "1분 0초"),
        (187.4, "3:07 min", "3분 7초"),
        (8109, "2:15:09 h", "2시간 15분 9초"),
    ],
)
def test_durations(value, english, korean):
    assert (figures.seconds(value), figures.seconds(value, "ko")) == (english, korean)


def test_moments_are_utc():
    assert figures.moment(1795348800.0) == "2026-11-22 12:00 UTC"
    assert figures.moment(0) == "–"
