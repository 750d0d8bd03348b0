"""How figures are written. Both languages write them alike, so that a report can be checked against its translation."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wkms_migrate.cost.ranges import Range

SYMBOLS = {"USD": "$", "KRW": "₩"}
WITHOUT_CENTS = ("KRW",)
THOUSAND = 1000
SIGNIFICANT = Context(prec=5, rounding=ROUND_HALF_UP)


def money(value: Decimal, currency: str) -> str:
    """Write an amount to the cent: $1,234.50; currencies without cents in whole units."""
    return whole(value, currency) if currency in WITHOUT_CENTS else _signed(value, currency, "0.01")


def whole(value: Decimal, currency: str) -> str:
    """Write an amount in whole units: $1,235."""
    return _signed(value, currency, "1")


def unit_price(value: Decimal, currency: str) -> str:
    """Write a price per unit with five significant digits, and cents at least: $7.30 or $0.00014098."""
    units, _, fraction = number(value).partition(".")
    return f"{_symbol(currency)}{units}.{fraction:0<2}"


def number(value: Decimal) -> str:
    """Write a quantity with five significant digits, or all digits of its whole part: 22,500 or 0.675."""
    large = abs(value) >= Decimal(10) ** SIGNIFICANT.prec
    rounded = value.quantize(Decimal(1), ROUND_HALF_UP) if large else SIGNIFICANT.plus(value)
    return _trimmed(f"{rounded:,f}")


def ratio(value: Decimal) -> str:
    """Write a ratio with at most one decimal: 11.7."""
    rounded = value.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{'−' if rounded < 0 else ''}{_trimmed(f'{abs(rounded):f}')}"


def percent(value: Decimal) -> str:
    """Write a percentage with at most one decimal: 75.8%."""
    return f"{ratio(value)}%"


def span(value: Range, write: Callable[[Decimal], str]) -> str:
    """Write a range from its low to its high end, with air around the dash where a minus could be taken for it."""
    low, high = write(value.low), write(value.high)
    dash = " – " if min(value.low, value.high) < 0 else "–"
    return low if low == high else f"{low}{dash}{high}"


def seconds(value: float, lang: str = "en") -> str:
    """Write a duration: 8.4 s, 3:07 min or 2:15:09 h; in Korean 8.4초, 3분 7초 or 2시간 15분 9초."""
    if value < 60:  # noqa: PLR2004
        return f"{value:.1f}초" if lang == "ko" else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    if lang == "ko":
        return f"{hours}시간 {minutes}분 {rest}초" if hours else f"{minutes}분 {rest}초"
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def moment(value: float) -> str:
    """Write seconds since 1970 as a UTC time to the minute; nothing for 0."""
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M} UTC" if value else "–"


def size(value: float) -> str:
    """Write a number of bytes in the unit that suits: 812 B, 4.8 MB or 1.3 GB, of 1,000 each."""
    amount, unit = value, "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):  # noqa: B007 - the one it ends with is used
        if amount < THOUSAND:
            break
        amount /= THOUSAND
    return f"{round(amount):,} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"


def rate(value: float) -> str:
    """Write how many a second: 1,204 or 3.7."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"  # noqa: PLR2004


def short(text: str, length: int = 90) -> str:
    """Leave out the middle of a long name, so that a page stays readable; its ends tell it from others."""
    return text if len(text) <= length else f"{text[: length // 2]}…{text[-(length // 2 - 1) :]}"


def cell(text: object) -> str:
    """Write a text so that Markdown takes no part of it for a mark, on one line."""
    marked = re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", str(text))
    return " ".join(marked.split())


def _signed(value: Decimal, currency: str, step: str) -> str:
    rounded = value.quantize(Decimal(step), ROUND_HALF_UP)
    return f"{'−' if rounded < 0 else ''}{_symbol(currency)}{abs(rounded):,f}"


def _symbol(currency: str) -> str:
    return SYMBOLS.get(currency, f"{currency} ")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
