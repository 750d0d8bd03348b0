"""The kinds of value that the price, scenario and assumption files are made of."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict

STRICT = ConfigDict(extra="forbid")

Area = Literal[
    "compute",
    "database",
    "nosql",
    "nosql-storage",
    "cache",
    "search",
    "ai",
    "storage",
    "queue",
    "network",
    "backup",
    "monitoring",
]
AREAS: tuple[Area, ...] = get_args(Area)
Status = Literal["list", "billed", "estimated", "quoted", "missing"]


def _amount(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        # pydantic turns a ValueError, and no TypeError, into a problem with its place
        raise ValueError(  # noqa: TRY004
            f'write the number in quotes, as "{value}", so that no digit is lost'
        )
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a decimal number") from None
    if not number.is_finite() or number < 0:
        raise ValueError(f"{value} must be 0 or more")
    return number


def _text(value: Any) -> Any:
    return {"ko": value, "en": value} if isinstance(value, str) else value


Amount = Annotated[Decimal, BeforeValidator(_amount)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """The same words in both languages. In a file a plain string stands for words that need no translation."""

    __pydantic_config__ = STRICT

    ko: str
    en: str

    def to(self, lang: str) -> str:
        """Return the words in `lang`, "ko" or "en"."""
        return self.ko if lang == "ko" else self.en


Text = Annotated[Translated, BeforeValidator(_text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a figure comes from, and of which day it is."""

    __pydantic_config__ = STRICT

    title: str
    date: dt.date
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the reader must know. The words for `code` are in the message catalogue; `values` fill them in."""

    code: str
    severity: Literal["info", "warning"] = "warning"
    values: tuple[tuple[str, Any], ...] = ()
