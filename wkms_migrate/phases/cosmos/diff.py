"""Where two documents differ, by JSON path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Final

from wkms_migrate.phases.cosmos import numbers
from wkms_migrate.phases.cosmos.keys import ABSENT

SHOWN: Final = 80  # characters of a value


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which two documents differ: its JSON path, and what each has there."""

    path: str
    source: str
    target: str


def differences(source: Any, target: Any, path: str = "$") -> Iterator[Difference]:
    """Yield every place in which two JSON values differ, as deep in them as it can be told."""
    if isinstance(source, dict) and isinstance(target, dict):
        for name in sorted({*source, *target}):
            yield from differences(source.get(name, ABSENT), target.get(name, ABSENT), _step(path, name))
    elif isinstance(source, list) and isinstance(target, list):
        for index, (left, right) in enumerate(zip_longest(source, target, fillvalue=ABSENT)):
            yield from differences(left, right, f"{path}[{index}]")
    elif not _same(source, target):
        yield Difference(path, shown(source), shown(target))


def shown(value: Any) -> str:
    """Return a value as JSON, shortened; `(absent)` for what is not there."""
    if value is ABSENT:
        return "(absent)"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=_number)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _same(left: Any, right: Any) -> bool:
    if _is_number(left) and _is_number(right):
        return numbers.canonical(left) == numbers.canonical(right)
    return type(left) is type(right) and bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _number(value: Decimal) -> Any:
    return float(value) if value == Decimal(repr(float(value))) else str(value)


def _step(path: str, name: str) -> str:
    return f"{path}.{name}" if name.isidentifier() else f"{path}[{json.dumps(name, ensure_ascii=False)}]"
