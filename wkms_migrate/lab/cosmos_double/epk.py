"""Effective partition keys: where in the hash space an item lives (partition key version 2, `Hash` and `MultiHash`).

A value is written as a type byte and its bytes, hashed with MurmurHash3 (x64, 128 bits), read big-endian, with the two
top bits cleared, in upper-case hexadecimal. A hierarchical key is the concatenation of one hash per level. This is what
azure-cosmos computes on the client side (`azure.cosmos.partition_key`), and the tests compare with it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

MIN: Final = ""
MAX: Final = "FF"
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_C1: Final = 0x87C37B91114253D5
_C2: Final = 0x4CF5AD432745937F


class Undefined:
    """The value of a partition key path that the item does not have."""


UNDEFINED: Final = Undefined()
KeyPart: TypeAlias = str | float | bool | Undefined | None


def of(parts: Sequence[KeyPart]) -> str:
    """Return the effective partition key of the levels given; a prefix of the levels gives a prefix of the key."""
    return "".join(_hash(_encoded(part)) for part in parts)


def prefix_range(epk: str) -> tuple[str, str]:
    """Return the half-open range of all keys that begin with `epk`."""
    return epk, epk + MAX


def equal_ranges(count: int) -> list[tuple[str, str]]:
    """Cut the hash space into `count` half-open ranges of equal width."""
    cuts = [f"{0x40 * 2**120 * index // count:032X}" for index in range(1, count)]
    return list(zip([MIN, *cuts], [*cuts, MAX], strict=True))


def middle(low: str, high: str) -> str:
    """Return the key in the middle of a half-open range."""
    return f"{(_place(low) + _place(high)) // 2:032X}"


def width(low: str, high: str) -> int:
    """Return how wide a half-open range is."""
    return _place(high) - _place(low)


def _place(key: str) -> int:
    return min(0x40 << 120, int(key[:32].ljust(32, "0"), 16))


def _encoded(part: KeyPart) -> bytes:
    match part:
        case None:
            return b"\x01"
        case bool():
            return b"\x03" if part else b"\x02"
        case str():
            return b"\x08" + part.encode() + b"\xff"
        case Undefined():
            return b"\x00"
        case _:
            return b"\x05" + struct.pack("<d", float(part))


@lru_cache(maxsize=65536)
def _hash(data: bytes) -> str:
    h1 = h2 = 0
    blocks = len(data) // 16
    for k1, k2 in struct.iter_unpack("<QQ", data[: blocks * 16]):
        h1 = (_rotate(h1 ^ _mix1(k1), 27) + h2) * 5 + 0x52DCE729 & _MASK
        h2 = (_rotate(h2 ^ _mix2(k2), 31) + h1) * 5 + 0x38495AB5 & _MASK
    tail = data[blocks * 16 :].ljust(16, b"\x00")
    k1, k2 = struct.unpack("<QQ", tail)
    h1 ^= _mix1(k1) ^ len(data)
    h2 ^= _mix2(k2) ^ len(data)
    h1 = h1 + h2 & _MASK
    h2 = h2 + h1 & _MASK
    h1, h2 = _finish(h1), _finish(h2)
    h1 = h1 + h2 & _MASK
    h2 = h2 + h1 & _MASK
    return f"{(h2 << 64 | h1) & ~(0b11 << 126):032X}"


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _mix1(block: int) -> int:
    return _rotate(block * _C1 & _MASK, 31) * _C2 & _MASK


def _mix2(block: int) -> int:
    return _rotate(block * _C2 & _MASK, 33) * _C1 & _MASK


def _finish(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33
