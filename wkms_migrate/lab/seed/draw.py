"""Drawing by numbers: the same values on every machine and Python version.

Only `random.Random.random` is used, the one method whose sequence Python promises to keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b, shake_256
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A stream of draws, named by labels; another name is another, independent stream."""

    __slots__ = ("_label", "_next")

    def __init__(self, *labels: str | int) -> None:
        self._label = "/".join(map(str, labels))
        seed = blake2b(self._label.encode(), digest_size=8).digest()
        self._next = Random(int.from_bytes(seed, "big")).random

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to limit - 1."""
        return int(self._next() * limit)

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self._next() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Return true in about this share of the calls."""
        return self._next() < share

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        return self._next()

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self._next() * len(items))]

    def bytes(self, size: int) -> bytes:
        """Return the first `size` bytes of this stream's noise; every call gives the same."""
        return shake_256(self._label.encode()).digest(size)
