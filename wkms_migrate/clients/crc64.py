"""CRC64NVME: the one checksum that both clouds compute themselves (Azure Storage calls it CRC64).

A checksum is an int of 64 bits; S3 writes it in base64 of its big-endian bytes, Azure in little-endian bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable


def crc64(data: bytes | bytearray | memoryview, before: int = 0) -> int:
    """Return the checksum of `data` following on from what `before` is the checksum of."""
    from awscrt import checksums

    return int(checksums.crc64nvme(data, before))


def combined(parts: Iterable[tuple[int, int]]) -> int:
    """Return the checksum of a whole from the (checksum, length in bytes) of its parts in order."""
    from awscrt import checksums

    whole = 0
    for checksum, length in parts:
        whole = checksums.combine_crc64nvme(whole, checksum, length)
    return whole


def to_base64(checksum: int) -> str:
    """Return the checksum as S3 writes it."""
    return base64.b64encode(checksum.to_bytes(8, "big")).decode()


def from_base64(text: str) -> int:
    """Read a checksum as S3 writes it. Raises `ValueError` when it is none."""
    raw = base64.b64decode(text, validate=True)
    if len(raw) != 8:  # noqa: PLR2004
        raise ValueError(f"{text!r} is not a CRC64NVME")
    return int.from_bytes(raw, "big")
