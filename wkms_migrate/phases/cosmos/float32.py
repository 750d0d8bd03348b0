"""32-bit floats: their bytes, and the fewest decimal digits that name each."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Final

from wkms_migrate.phases.cosmos import numbers
from wkms_migrate.phases.cosmos.numbers import Number

_DIGITS: Final = (7, 8, 9)  # nine are always enough
_ONE: Final = struct.Struct("f")


def packed(vector: Sequence[Number]) -> bytes | None:
    """Return numbers as 32-bit floats, little endian; None when one is too large for them."""
    try:
        made = struct.pack(f"<{len(vector)}f", *vector)
    except OverflowError:
        return None
    return made if all(map(math.isfinite, _floats(made))) else None


def texts(data: bytes) -> list[str]:
    """Return the fewest digits that name each float, in the one form that equal numbers share."""
    return [_shortest(one) for one in _floats(data)]


def _floats(data: bytes) -> Iterable[float]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def _shortest(value: float) -> str:
    for digits in _DIGITS:
        text = f"{value:.{digits}g}"
        if _ONE.unpack(_ONE.pack(float(text)))[0] == value:
            break
    return numbers.canonical(numbers.parse(text))
