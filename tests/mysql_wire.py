"""Rows as a MySQL server sends them."""

from __future__ import annotations

from collections.abc import Iterable


def packed(values: Iterable[bytes | None]) -> bytes:
    """Return a row: each column with its length in front, NULL as a byte of its own."""
    return b"".join(b"\xfb" if value is None else length(len(value)) + value for value in values)


def length(size: int) -> bytes:
    if size < 251:
        return bytes([size])
    if size < 1 << 16:
        return b"\xfc" + size.to_bytes(2, "little")
    if size < 1 << 24:
        return b"\xfd" + size.to_bytes(3, "little")
    return b"\xfe" + size.to_bytes(8, "little")
