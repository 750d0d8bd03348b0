"""Content-MD5: what the uploader said of a blob, compared with what was read."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.blob.job import Job, ObjectFailed
from wkms_migrate.phases.blob.manifest import Md5

WAKE_SECONDS = 0.5


class Suspect(WkmsError):
    """Content does not match its stored MD5: damaged on its way, or stored so. Reading it again tells which."""

    def __init__(self, name: str, crc64: int) -> None:
        super().__init__(f"{name!r} does not match its Content-MD5.")
        self.crc64 = crc64


def md5_state(job: Job, blob: Blob, digest: bytes | None, crc64: int, suspect: int | None) -> Md5:
    """Say how the content stands to the stored Content-MD5. `digest` None: not computed.

    `suspect` is the CRC64 of an earlier reading that did not match: the same again means that the service holds
    exactly this, and the stored MD5 is wrong. Raises `Suspect` on a first mismatch, `ObjectFailed` on a sure one
    where `on_bad_md5` is fail.
    """
    if not blob.content_md5:
        return "missing"
    if digest is None:
        return "unread"
    if base64.b64encode(digest).decode() == blob.content_md5:
        return "match"
    if suspect != crc64:
        raise Suspect(blob.name, crc64)
    if job.settings.on_bad_md5 == "fail":
        raise ObjectFailed(
            f"{blob.name!r} does not match its stored Content-MD5, read twice alike (CRC64 {crc64:016x}).",
            hint="Its uploader stored a wrong MD5, or the content is damaged on Azure. Check the blob; "
            "phases.blob.on_bad_md5: warn copies it as it is.",
        )
    return "wrong"


def md5_of(blob: Blob, content: bytearray) -> bytes | None:
    """Return the MD5 of the whole content, None where the blob has no stored one to compare it with."""
    return hashlib.md5(content, usedforsecurity=False).digest() if blob.content_md5 else None


class OrderedMd5:
    """An MD5 over parts that arrive in any order: each waits for its turn."""

    def __init__(self) -> None:
        self._hash = hashlib.md5(usedforsecurity=False)
        self._next = 1
        self._turn = threading.Condition()

    def add(self, number: int, data: bytearray, abandoned: Callable[[], bool]) -> None:
        """Take in part `number` (from 1) after all before it; return early when the object is abandoned."""
        with self._turn:
            while self._next != number:
                if abandoned():
                    return
                self._turn.wait(WAKE_SECONDS)
            self._hash.update(data)
            self._next += 1
            self._turn.notify_all()

    def digest(self) -> bytes:
        """Return the digest of all parts."""
        return self._hash.digest()
