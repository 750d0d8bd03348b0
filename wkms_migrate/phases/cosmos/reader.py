"""Reads migrated items in the application. Standard library only: copy this file into it.

An item of boto3's Table resource is a dict of Python values, and so is the document that `Reader.document` makes of it:
numbers are Decimal, key texts are the values they stand for, compressed, split and offloaded bodies are put together.

    reader = Reader(hash_name="departmentId", range_name="id", table=table, s3=boto3.client("s3"))
    document = reader.document(table.get_item(Key={"departmentId": "인사팀", "id": "1"})["Item"])
    documents = [reader.document(item) for item in page["Items"] if not reader.is_part(item)]

Items that the application writes itself are read as they are. What it must know of keys is in docs/cosmos.md.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

BODY = "~wkms"
PREFIX = "~wkms:"
PART = "~p:"


class DamagedItemError(Exception):
    """A body is not the one that the item tells of."""


@dataclass(frozen=True)
class Reader:
    """Makes documents of one table's items. `table` and `s3` are boto3's; they are asked only for large items.

    `joined` names the key attributes that are no property of their own name, e.g. `pk` and `sk`.
    """

    hash_name: str
    range_name: str | None = None
    table: Any = None
    s3: Any = None
    expiry_name: str = "expireAt"
    joined: tuple[str, ...] = ()

    def document(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the document that an item is. Raises `DamagedItemError`."""
        if BODY in item:
            document: dict[str, Any] = json.loads(
                zlib.decompress(self._body(item)), parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal
            )
            return document
        keys = [name for name in (self.hash_name, self.range_name) if name is not None]
        found = {
            name.removeprefix(PREFIX): _plain(value)
            for name, value in item.items()
            if name not in (*keys, self.expiry_name)
        }
        for name in keys:
            if name not in self.joined and (value := _key(item[name])) is not _ABSENT:
                found[name] = value
        return found

    def is_part(self, item: dict[str, Any]) -> bool:
        """Say whether an item is a part of a large one: leave it out of what a query gives."""
        return str(item[self.range_name or self.hash_name]).startswith(PART)

    def _body(self, item: dict[str, Any]) -> bytes:
        told = item[BODY]
        if not isinstance(told, dict):
            return bytes(told).removeprefix(b"deflate:")
        if "parts" in told:
            body = b"".join(self._part(item, number) for number in range(int(told["parts"])))
        else:
            body = self.s3.get_object(Bucket=told["bucket"], Key=told["key"])["Body"].read()
        if sha256(body).hexdigest() != told["sha256"]:
            raise DamagedItemError(f"The body of {item[self.hash_name]} is not the one that was written.")
        return body

    def _part(self, item: dict[str, Any], number: int) -> bytes:
        last = self.range_name or self.hash_name
        name = f"{PART}{sha256(item[last].encode()).hexdigest()}:{number:04d}"
        found = self.table.get_item(Key={self.hash_name: item[self.hash_name], last: name}, ConsistentRead=True)
        if "Item" not in found:
            raise DamagedItemError(f"Part {number} of {item[last]} is not there.")
        return bytes(found["Item"][BODY])


_ABSENT = object()


def _key(value: Any) -> Any:
    """Return what a key stands for: a text that begins with ~ is a value of another type."""
    if not isinstance(value, str) or not value.startswith("~"):
        return value
    kind, _, rest = value[1:].partition(":")
    match kind:
        case "n":
            return Decimal(rest)
        case "b":
            return rest == "true"
        case "z":
            return None
        case "u":
            return _ABSENT
        case _:
            return rest


def _plain(value: Any) -> Any:
    """Return a value without the marks of what DynamoDB has no place for."""
    match value:
        case dict():
            return {name.removeprefix(PREFIX): _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case None | bool() | str() | Decimal():
            return value
        case _:
            return _marked(bytes(value))


def _marked(data: bytes) -> Any:
    mark, _, content = data.partition(b":")
    match mark:
        case b"number":
            return Decimal(content.decode())
        case b"json":
            return json.loads(content, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal)
        case b"f32":
            return [Decimal(f"{one:.9g}") for one in struct.unpack(f"<{len(content) // 4}f", content)]
        case _:
            return data
