"""The bodies of large items that are kept outside their item: in parts of the table, or in S3."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field

import orjson

from wkms_migrate.clients import s3
from wkms_migrate.clients.crc64 import crc64
from wkms_migrate.clients.dynamodb import Dynamo
from wkms_migrate.config import Aws
from wkms_migrate.phases.cosmos.large import BODY, DamagedBodyError, Object, Place
from wkms_migrate.phases.cosmos.values import Attribute

CONTENT_TYPE = {"Content-Type": "application/zlib"}


@dataclass(slots=True)
class Bodies:
    """Reads and keeps bodies. Thread-safe; S3 is signed in to when the first object is asked for."""

    dynamo: Dynamo
    table: str
    aws: Aws
    stop: threading.Event
    _store: s3.S3 | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, place: Place) -> bytes:
        """Return a body. Raises `DamagedBodyError` when a part or the object is not there."""
        if place.parts:
            return b"".join(map(self._part, place.parts))
        store = self._s3()
        head = store.head(place.bucket, place.key)
        if head is None:
            raise DamagedBodyError(f"There is no object {place.key} in {place.bucket}.")
        body = bytearray(head.size)
        store.read(place.bucket, place.key, body)
        return bytes(body)

    def keep(self, kept: Object) -> None:
        """Put a body into S3; return when it is there."""
        self._s3().put(kept.bucket, kept.key, kept.body, crc64=crc64(kept.body), headers=CONTENT_TYPE)

    def close(self) -> None:
        """Let go of S3."""
        if self._store is not None:
            self._store.close()

    def _part(self, key: dict[str, Attribute]) -> bytes:
        asked = {"TableName": self.table, "Key": key, "ConsistentRead": True}
        found = self.dynamo.call("GetItem", orjson.dumps(asked)).get("Item")
        if found is None:
            raise DamagedBodyError(f"There is no part {orjson.dumps(key).decode()} in {self.table}.")
        return base64.b64decode(found[BODY]["B"])

    def _s3(self) -> s3.S3:
        with self._opening:
            if self._store is None:
                self._store = s3.connect(self.aws, self.stop)
            return self._store
