"""One file of a dump: LOAD DATA lines as `rows.lines` makes them, in one zstd frame, and what proves it whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, cast

import zstandard

from wkms_migrate.clients.crc64 import crc64, to_base64
from wkms_migrate.errors import WkmsError

LEVEL = 3  # zstd's own default: quicker than a network, and about as small as gzip's best
BLOCK_BYTES = 512 * 1024  # below the smallest max_allowed_packet that servers are run with (1 MiB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written. `size` in bytes, `sha256` in hex, `crc64` (CRC64NVME) in base64 as S3 shows it."""

    size: int
    sha256: str
    crc64: str


class Sums:
    """Adds up what goes by."""

    def __init__(self) -> None:
        self.size = 0
        self.crc64 = 0
        self._sha256 = hashlib.sha256()

    def add(self, data: bytes | memoryview) -> None:
        """Take the next bytes in."""
        self.size += len(data)
        self.crc64 = crc64(data, self.crc64)
        self._sha256.update(data)

    def written(self) -> Written:
        """Return the sums of all there was."""
        return Written(size=self.size, sha256=self._sha256.hexdigest(), crc64=to_base64(self.crc64))


def compressed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks as one zstd frame, with its own checksum; nothing is kept but what zstd needs."""
    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
    for block in blocks:
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


def decompressed(file: str, packed: Iterable[bytes], expected: Written) -> Iterator[bytes]:
    """Yield the lines of a file in blocks that servers take, and raise at its end unless it is what was written.

    Whoever takes the blocks must not keep what they became before the end was reached without a failure.
    """
    source = _Pieces(packed)
    try:
        reader = cast("IO[bytes]", source)  # of a file, only `read` is asked for
        with zstandard.ZstdDecompressor().stream_reader(reader) as unpacked:
            while block := unpacked.read(BLOCK_BYTES):
                yield block
    except zstandard.ZstdError as error:
        raise damaged(file, str(error)) from error
    source.drain()
    if (found := source.sums.written()) != expected:
        raise damaged(file, f"it has {found.size:,} bytes and SHA-256 {found.sha256}")


class _Pieces:
    """Pieces as a file to read, summed up on their way."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.sums = Sums()
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""
        if not self._left:
            piece = next(self._pieces, b"")
            self.sums.add(piece)
            self._left = memoryview(piece)
        given, self._left = self._left[:size], self._left[size:]
        return bytes(given)

    def drain(self) -> None:
        """Sum up what is left, such as bytes behind the end of the frame."""
        for piece in self._pieces:
            self.sums.add(piece)


def damaged(file: str, what: str) -> WkmsError:
    """Return the failure of a file that is not as it was written."""
    return WkmsError(
        f"{file} is not the file that the manifest names: {what}.",
        hint="It was cut off or changed. Copy it again from where the dump was made, or dump again.",
    )
