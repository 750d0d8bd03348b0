"""Where a dump lies: a folder, or a prefix in an S3 bucket. A file appears under its name only when it is whole."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wkms_migrate.clients import s3
from wkms_migrate.clients.crc64 import crc64, from_base64
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.errors import Refused, UsageError, WkmsError
from wkms_migrate.phases.mysql.dump_file import Sums, Written
from wkms_migrate.plan import Context

READ_BYTES = 1 << 20
PART_BYTES = 8 << 20
PARTS_OF_ONE_SIZE = 1000  # then they grow, for S3 takes 10,000 parts: about 430 GiB in one file
SCHEME = "s3://"


class Store(Protocol):
    """What a dump asks of the place where it lies. Names have forward slashes and are relative to it."""

    @property
    def where(self) -> str:
        """The place, for messages."""

    def prepare(self) -> None:
        """Make the place ready to be written, or raise what is in the way."""

    def write(self, name: str, blocks: Iterable[bytes]) -> Written:
        """Store a file; under its name it is there as a whole or not at all."""

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None when it is not there."""

    def holds(self, name: str, written: Written) -> bool:
        """Say whether this very file is there."""

    def get(self, name: str) -> bytes | None:
        """Return a small file, None when it is not there."""

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file in pieces."""


@contextmanager
def opened(place: str, context: Context) -> Iterator[Store]:
    """Give the store that a command's argument names; its connections are closed at the end."""
    if not place.startswith(SCHEME):
        yield Folder(Path(place))
        return
    bucket, _, prefix = place.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise UsageError(f"{place} names no bucket.", hint="Write s3://BUCKET/PREFIX.")
    with closing(s3.connect(context.settings.aws)) as client:
        yield Bucket(client, bucket, prefix.strip("/"))


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine, readable by its owner alone."""

    path: Path

    @property
    def where(self) -> str:
        """The place, for messages."""
        return str(self.path)

    def prepare(self) -> None:
        """Make the folder."""
        with self._told(""):
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, name: str, blocks: Iterable[bytes]) -> Written:
        """Write beside the name, sync, and move into place."""
        path = self.path / name
        part = path.with_name(f"{path.name}.part")
        sums = Sums()
        try:
            with self._told(name):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with open(part, "wb", opener=_private) as file:
                    for block in blocks:
                        sums.add(block)
                        file.write(block)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
                _sync(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return sums.written()

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None when it is not there."""
        path = self.path / name
        return path.stat().st_size if path.is_file() else None

    def holds(self, name: str, written: Written) -> bool:
        """Compare size, then every byte by its sums."""
        if self.size(name) != written.size:
            return False
        sums = Sums()
        for piece in self.read(name):
            sums.add(piece)
        return sums.written() == written

    def get(self, name: str) -> bytes | None:
        """Return a small file, None when it is not there."""
        path = self.path / name
        return path.read_bytes() if path.is_file() else None

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file in pieces."""
        try:
            with (self.path / name).open("rb") as file:
                while piece := file.read(READ_BYTES):
                    yield piece
        except OSError as error:
            raise WkmsError(
                f"{self.path / name} cannot be read: {error.strerror}.", hint="Is the whole dump in this folder?"
            ) from error

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WkmsError(
                f"{self.path / name} cannot be written: {error.strerror}.",
                hint="Free space there, or make it writable; then run the same command again: it goes on.",
            ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Bucket:
    """A prefix in a bucket. Files of more than one part are multipart uploads, which appear only when completed."""

    def __init__(self, client: s3.S3, bucket: str, prefix: str) -> None:
        self._s3 = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @property
    def where(self) -> str:
        """The place, for messages."""
        return f"{SCHEME}{self._bucket}/{self._prefix}".rstrip("/")

    def prepare(self) -> None:
        """Check that the bucket is there, and give back the parts of uploads that an earlier attempt began."""
        try:
            begun = list(self._s3.uploads(self._bucket))
        except ServiceError as error:
            raise Refused(
                f"The bucket {self._bucket} cannot be used: {error.message}",
                hint="Make the bucket, or allow s3:ListBucketMultipartUploads, s3:GetObject and s3:PutObject on it.",
            ) from error
        for key, upload in begun:
            if key.startswith(f"{self._prefix}rows/"):
                self._s3.abort_upload(self._bucket, key, upload)

    def write(self, name: str, blocks: Iterable[bytes]) -> Written:
        """Send a file in one request if it is small, else in parts; the service compares the checksum of each."""
        key = self._prefix + name
        sums = Sums()
        sizes = (PART_BYTES * (1 + number // PARTS_OF_ONE_SIZE) for number in range(10_000))
        parts = _parts(_counted(blocks, sums), sizes)
        first, second = next(parts), next(parts, None)
        if second is None:
            self._s3.put(self._bucket, key, first, crc64=crc64(first), headers={})
        else:
            self._upload(key, itertools.chain((first, second), parts), sums)
        return sums.written()

    def _upload(self, key: str, parts: Iterator[bytes], sums: Sums) -> None:
        upload = self._s3.start_upload(self._bucket, key, {})
        stored: list[s3.Part] = []
        try:
            for number, part in enumerate(parts, 1):
                checksum = crc64(part)
                etag = self._s3.put_part(self._bucket, key, upload, number, memoryview(part), crc64=checksum)
                stored.append(s3.Part(number, etag, checksum, len(part)))
            self._s3.finish_upload(self._bucket, key, upload, stored, crc64=sums.crc64, headers={})
        except BaseException:
            self._s3.abort_upload(self._bucket, key, upload)
            raise

    def size(self, name: str) -> int | None:
        """Return an object's size in bytes, None when it is not there."""
        head = self._s3.head(self._bucket, self._prefix + name)
        return head.size if head else None

    def holds(self, name: str, written: Written) -> bool:
        """Compare size and the checksum that the service computed itself; nothing is read."""
        head = self._s3.head(self._bucket, self._prefix + name)
        return head is not None and (head.size, head.crc64) == (written.size, from_base64(written.crc64))

    def get(self, name: str) -> bytes | None:
        """Return a small object, None when it is not there."""
        return None if self.size(name) is None else b"".join(self.read(name))

    def read(self, name: str) -> Iterator[bytes]:
        """Yield an object in pieces, each asked for again by itself when the connection breaks."""
        size = self.size(name)
        if size is None:
            raise WkmsError(f"{self.where}/{name} is not there.", hint="Is the whole dump under this prefix?")
        for offset in range(0, size, PART_BYTES):
            piece = bytearray(min(PART_BYTES, size - offset))
            self._s3.read(self._bucket, self._prefix + name, piece, offset)
            yield bytes(piece)


def _counted(blocks: Iterable[bytes], sums: Sums) -> Iterator[bytes]:
    for block in blocks:
        sums.add(block)
        yield block


def _parts(blocks: Iterable[bytes], sizes: Iterable[int]) -> Iterator[bytes]:
    """Yield what the blocks hold in parts of these sizes; the last is shorter, the only one perhaps empty."""
    wanted = iter(sizes)
    held = bytearray()
    size = next(wanted)
    for block in blocks:
        held += block
        while len(held) > size:
            yield bytes(held[:size])
            del held[:size]
            size = next(wanted)
    yield bytes(held)
