from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.phases.cosmos import numbers

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.floats(allow_nan=False, allow_infinity=False).map(
    lambda value: Decimal(repr(value))
)


@settings(deadline=None)
@given(DECIMALS)
def test_the_canonical_text_is_the_same_number(number: Decimal) -> None:
    assert Decimal(numbers.canonical(number)) == number


@settings(deadline=None)
@given(DECIMALS, st.integers(0, 30))
def test_every_spelling_of_a_number_has_one_canonical_text(number: Decimal, zeros: int) -> None:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    respelled = Decimal((sign, (*digits, *([0] * zeros)), exponent - zeros))
    assert numbers.canonical(respelled) == numbers.canonical(number)


@settings(deadline=None)
@given(DECIMALS)
def test_what_is_storable_is_the_same_number(number: Decimal) -> None:
    text = numbers.storable(number)
    assert text is None or Decimal(text) == number


@settings(deadline=None)
@given(st.integers())
def test_integers_and_decimals_agree(number: int) -> None:
    assert (
        numbers.canonical(number) == numbers.canonical(Decimal(number)) == numbers.canonical(numbers.parse(str(number)))
    )


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("0.1", "0.1"),
        ("-0.0", "0"),
        ("1E+125", "1E+125"),
        ("9.99E+125", "9.99E+125"),
        ("1E+126", None),
        ("1E-130", "1E-130"),
        ("1E-131", None),
        ("5E-324", None),
        ("1" * 38, "1" * 38),
        ("1" * 39, None),
        ("1" + "0" * 100, "1E+100"),
        ("0." + "1" * 38, "0." + "1" * 38),
        ("NaN", None),
        ("-Infinity", None),
        ("123456789012345678901234567890.12345678", "123456789012345678901234567890.12345678"),
    ],
)
def test_the_limits_of_n(text: str, stored: str | None) -> None:
    assert numbers.storable(numbers.parse(text)) == stored


@pytest.mark.parametrize("text", ["0", "-1", "9" * 18, "-0", "1.10", "1e3", "9" * 19])
def test_parsing_keeps_the_digits(text: str) -> None:
    number = numbers.parse(text)
    assert Decimal(number) == Decimal(text)
    assert isinstance(number, int) == (text in ("0", "-1", "9" * 18))


def test_only_a_negative_zero_is_one() -> None:
    assert numbers.is_negative_zero(Decimal("-0.0"))
    assert not any(map(numbers.is_negative_zero, (0, Decimal("0.0"), Decimal(-1))))
