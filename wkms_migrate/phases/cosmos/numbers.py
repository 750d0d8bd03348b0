"""Numbers as text: the one canonical form that both ends are compared by, and what DynamoDB's N can hold.

A number is an `int` of at most 18 digits or a `Decimal` with the digits that were sent. DynamoDB holds 38 significant
digits from 1E-130 to 9.99...E+125 and no negative zero (its developer guide, "Data types").
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final, TypeAlias

Number: TypeAlias = int | Decimal

INT_DIGITS: Final = 18
INT_LIMIT: Final = 10**INT_DIGITS
MAX_DIGITS: Final = 38
MIN_EXPONENT: Final = -130
MAX_EXPONENT: Final = 125
LARGEST: Final = Decimal((0, (9,) * MAX_DIGITS, MAX_EXPONENT - MAX_DIGITS + 1))
SMALLEST: Final = Decimal((0, (1,), MIN_EXPONENT))
_ROUNDING: Final = Context(prec=MAX_DIGITS, rounding=ROUND_HALF_EVEN, Emin=-1000, Emax=1000)


def parse(text: str) -> Number:
    """Read a number as it is written."""
    if "." in text:
        return Decimal(text)
    if len(text) <= INT_DIGITS and text.lstrip("-").isdecimal() and text != "-0":
        return int(text)
    return Decimal(text)


def is_plain(text: str) -> bool:
    """Say whether the text of a Decimal is canonical and storable as it is; most fractions are."""
    return "." in text and text[-1] != "0" and len(text) <= MAX_DIGITS and "E" not in text


def canonical(number: Number) -> str:
    """Return the text that every spelling of a number has in common; valid JSON, except for NaN and infinities."""
    if isinstance(number, int):
        if abs(number) < INT_LIMIT:
            return str(number)
        number = Decimal(number)
    text = str(number)
    return text if is_plain(text) or not number.is_finite() else _normalized(number)


def storable(number: Number) -> str | None:
    """Return the text for DynamoDB's N, or None when it cannot hold the number."""
    if isinstance(number, int):
        return str(number)
    text = str(number)
    if is_plain(text):
        return text
    if not number.is_finite():
        return None
    if not number:
        return "0"
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    fits = len(digits) <= MAX_DIGITS and MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT
    return _normalized(number) if fits else None


def _normalized(number: Decimal) -> str:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    shown = "".join(map(str, digits)).lstrip("0")
    stripped = shown.rstrip("0")
    exponent += len(shown) - len(stripped)
    if not stripped:
        return "0"
    if exponent >= 0 and len(stripped) + exponent <= INT_DIGITS:
        return f"{'-' if sign else ''}{stripped}{'0' * exponent}"
    return str(Decimal((sign, tuple(map(int, stripped)), exponent)))


def is_negative_zero(number: Number) -> bool:
    """Say whether a number is a zero whose sign DynamoDB drops."""
    return isinstance(number, Decimal) and not number and number.is_signed()


def clamped(number: Number) -> Number:
    """Return the nearest number that DynamoDB's N holds; what is no number at all as it is."""
    if storable(number) is not None or (isinstance(number, Decimal) and not number.is_finite()):
        return number
    wanted = Decimal(number)
    if wanted.adjusted() > MAX_EXPONENT:
        return LARGEST.copy_sign(wanted)
    if wanted.adjusted() < MIN_EXPONENT:
        return SMALLEST.copy_sign(wanted) if abs(wanted) > SMALLEST / 2 else 0
    rounded = _ROUNDING.create_decimal(wanted)
    return rounded if rounded.adjusted() <= MAX_EXPONENT else LARGEST.copy_sign(wanted)


def all_clamped(value: Any) -> Any:
    """Return a JSON value with every number clamped."""
    match value:
        case dict():
            return {name: all_clamped(inner) for name, inner in value.items()}
        case list():
            return [all_clamped(inner) for inner in value]
        case Decimal():
            return clamped(value)
        case _:
            return value
