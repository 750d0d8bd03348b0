"""Writes and deletes single items, each answered for by itself; for what is few: repairs and dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.phases.cosmos.ends import Ends
from wkms_migrate.phases.cosmos.items import Document, UnmappableError

REFUSED: Final = "refused"


def write(ends: Ends, document: Document) -> None:
    """Write a document to the table: what it is kept in beside its item first, then the item itself.

    Raises `UnmappableError` when it cannot be mapped, or the service refuses it.
    """
    mapped = ends.work.mapping.to_item(document)
    if mapped.object is not None:
        ends.bodies.keep(mapped.object)
    for item in (*mapped.parts, mapped.json):
        try:
            ends.dynamo.call("PutItem", b'{"TableName":%b,"Item":%b}' % (_table(ends), item))
        except ServiceError as error:
            if not error.code.endswith("ValidationException"):
                raise
            raise UnmappableError(REFUSED, error.message) from error


def delete(ends: Ends, key: Mapping[str, str]) -> None:
    """Delete the item with these values of the key attributes."""
    typed = orjson.dumps(ends.work.mapping.keys.typed(key))
    ends.dynamo.call("DeleteItem", b'{"TableName":%b,"Key":%b}' % (_table(ends), typed))


def _table(ends: Ends) -> bytes:
    return orjson.dumps(ends.work.table(ends.run.context))
