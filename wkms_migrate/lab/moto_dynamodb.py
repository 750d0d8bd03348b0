"""Makes moto's DynamoDB quick enough to read and write whole tables, and keeps what threads write side by side.

moto takes every attribute value through the model of the service, for every page of a scan it sorts, copies and
measures the table anew, and it measures an item again with every attribute: a table of 256-dimensional vectors is read
at a few dozen items a second. Three things take a shorter way here, with the same answers: a scan without a condition,
a batch of writes without binary values, and the making of an item.

Two threads that both write the first item of a hash key each make a group for it in moto, and the items of one group
are lost. `Groups` makes it once.
"""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from moto.dynamodb.models.dynamo_type import Item
    from moto.dynamodb.models.table import Table

PLAIN_SCAN: Final = frozenset({"TableName", "Segment", "TotalSegments", "ConsistentRead", "ExclusiveStartKey", "Limit"})
PAGE_BYTES: Final = 1_000_000
ITEM_BYTES: Final = 400 * 1024


class Groups(dict[Any, Any]):
    """The items of a table by hash key, in groups that are made where one is first asked for."""

    def __missing__(self, key: Any) -> Any:
        # A defaultdict hashes the key once more before it stores the group, and moto's keys are hashed in Python, where
        # another thread may come in between. setdefault hashes first, then looks and stores in one go.
        return self.setdefault(key, {})


def quicken() -> None:
    """Put the shorter ways and the groups into moto, in this process."""
    from moto.core.responses import ActionResult
    from moto.dynamodb.models.dynamo_type import Item
    from moto.dynamodb.models.table import Table
    from moto.dynamodb.responses import DynamoHandler

    whole_scan, whole_parse, make_table = DynamoHandler.scan, DynamoHandler.parse_parameters, Table.__init__

    class Written(ActionResult):  # type: ignore[misc] # moto has no types here
        """An answer that is JSON text already."""

        def execute_result(self, context: object) -> tuple[int, dict[str, str], bytes]:
            del context
            return 200, {"Content-Type": "application/x-amz-json-1.0"}, self.result

    def scan(handler: Any) -> Any:
        body = handler.body
        table = handler.dynamodb_backend.get_table(body["TableName"])
        if not set(body) <= PLAIN_SCAN or not _has_text_keys(table):
            return whole_scan(handler)
        return Written(orjson.dumps(_page(table, body), default=_plain))

    def parse_parameters(handler: Any, request: Any) -> None:
        if handler._get_action() == "BatchWriteItem" and b'"B":' not in request.data:  # noqa: SLF001
            handler.params = orjson.loads(request.data)
        else:
            whole_parse(handler, request)

    def table_with_groups(table: Any, *args: Any, **options: Any) -> None:
        make_table(table, *args, **options)
        table.items = Groups()

    Table.__init__ = table_with_groups
    DynamoHandler.scan = scan
    DynamoHandler.parse_parameters = parse_parameters
    Item.__init__ = _make


def _make(item: Any, hash_key: Any, range_key: Any, attrs: Mapping[str, Any]) -> None:
    """Make an item, and measure it once. Raises moto's error beyond 400 KB, the limit of the service."""
    from moto.dynamodb.exceptions import ItemSizeTooLarge
    from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict

    item.hash_key, item.range_key = hash_key, range_key
    item.attrs = LimitedSizeDict()
    dict.update(item.attrs, {name: DynamoType(value) for name, value in attrs.items()})
    if item.size() > ITEM_BYTES:
        raise ItemSizeTooLarge


def _has_text_keys(table: Table) -> bool:
    keys = {one["AttributeName"] for one in table.schema}
    return all(one["AttributeType"] == "S" for one in table.attr if one["AttributeName"] in keys)


def _page(table: Table, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of a scan: in the order of the keys, up to the asked number of items or 1 MB."""
    keyed = sorted(((_key(item), item) for item in _items(table)), key=_first)
    start = body.get("ExclusiveStartKey")
    first = bisect_right(keyed, _start(table, start), key=_first) if start else 0
    segments = (body.get("Segment"), body.get("TotalSegments"))
    found: list[Item] = []
    size = 0
    more = False
    for _, item in keyed[first:]:
        if not item.is_within_segment(segments):
            continue
        size += item.size()
        if len(found) == body.get("Limit") or (found and size > PAGE_BYTES):
            more = True
            break
        found.append(item)
    page: dict[str, Any] = {
        "Count": len(found),
        "ScannedCount": len(found),
        "Items": [dict(item.attrs) for item in found],
    }
    if more:
        page["LastEvaluatedKey"] = {name: found[-1].attrs[name] for name in _names(table)}
    return page


def _items(table: Table) -> list[Item]:
    """Return all items, in any order. A table without a sort key holds items where others hold groups of them."""
    held = list(table.items.values())
    return [item for group in held for item in list(group.values())] if table.range_key_attr else held


def _names(table: Table) -> list[str]:
    return [name for name in (table.hash_key_attr, table.range_key_attr) if name]


def _key(item: Item) -> tuple[str, str]:
    return item.hash_key.value, item.range_key.value if item.range_key else ""


def _start(table: Table, start: Mapping[str, Any]) -> tuple[str, str]:
    hash_text, *range_text = (start[name]["S"] for name in _names(table))
    return hash_text, range_text[0] if range_text else ""


def _first(pair: tuple[tuple[str, str], Item]) -> tuple[str, str]:
    return pair[0]


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else {value.type: value.value}
