"""A container in memory: items by key, and per partition-key range their order of creation and of change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import orjson

from wkms_migrate.lab.cosmos_double import epk, rid
from wkms_migrate.lab.cosmos_double.message import RefusalError

MAX_ITEM_BYTES: Final = 2 * 1024 * 1024
MAX_ID_BYTES: Final = 1023
MAX_KEY_BYTES: Final = 2048
SYSTEM: Final = ("_rid", "_self", "_etag", "_attachments", "_ts")

Parts: TypeAlias = tuple[epk.KeyPart, ...]
Identity: TypeAlias = tuple[str, str]  # effective partition key, id


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item as it is stored. `ttl` is its own property in seconds, None when it has none."""

    number: int
    lsn: int
    epk: str
    id: str
    etag: str
    ts: int
    ttl: int | None
    body: bytes


class Ordered:
    """Items in the order of a growing number; appending, leaving and paging are cheap."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._items: dict[int, Item] = {}

    def put(self, number: int, item: Item) -> None:
        """Put an item under its number: in place of what is there, else where the number belongs."""
        index = bisect_left(self._numbers, number)
        if index == len(self._numbers) or self._numbers[index] != number:
            self._numbers.insert(index, number)
        self._items[number] = item

    def get(self, number: int) -> Item | None:
        """Return the item under this number, or None."""
        return self._items.get(number)

    def drop(self, number: int) -> None:
        """Let the item under this number leave."""
        del self._items[number]
        if len(self._numbers) > 2 * len(self._items) + 1024:
            self._numbers = [known for known in self._numbers if known in self._items]

    def within(self, low: str, high: str) -> Ordered:
        """Return those items whose effective partition key lies in a half-open window."""
        part = Ordered()
        part._items = {number: item for number, item in self._items.items() if low <= item.epk < high}
        part._numbers = sorted(part._items)
        return part

    def after(self, number: int) -> Iterator[tuple[int, Item]]:
        """Yield (number, item) for all larger numbers."""
        for index in range(bisect_right(self._numbers, number), len(self._numbers)):
            item = self._items.get(self._numbers[index])
            if item is not None:
                yield self._numbers[index], item


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write of an item (`item` is what it became) or its end (`item` is what it was)."""

    lsn: int
    kind: Literal["create", "replace", "delete"]
    item: Item
    previous: int
    ts: int
    expired: bool = False


@dataclass(slots=True)
class Range:
    """A partition-key range (one physical partition): `low` inclusive, `high` exclusive.

    `born` is the number of the split that made it; `log` holds every change after `logged_from`, None when none is
    kept; `settling` is how many requests are still to be told that the split it came from is not over.
    """

    id: str
    low: str
    high: str
    lsn: int = 0
    parents: tuple[str, ...] = ()
    born: int = 0
    by_number: Ordered = field(default_factory=Ordered)
    by_lsn: Ordered = field(default_factory=Ordered)
    log: list[Change] = field(default_factory=list)
    logged_from: int | None = None
    settling: int = 0


class Container:
    """A container with its items. Not thread-safe: the server works on one request's storage at a time."""

    def __init__(self, rid: str, properties: Mapping[str, Any], ranges: int) -> None:
        self.rid = rid
        self.properties = dict(properties)
        self.programs: dict[str, list[dict[str, Any]]] = {}
        self.ranges = [Range(str(index), low, high) for index, (low, high) in enumerate(epk.equal_ranges(ranges))]
        self.items: dict[Identity, Item] = {}
        self.splits = 0
        self._number = 0
        paths = self.properties["partitionKey"]["paths"]
        self.paths: tuple[tuple[str, ...], ...] = tuple(_tokens(path) for path in paths)

    @property
    def default_ttl(self) -> int | None:
        """Seconds an item lives by default; -1 is for ever unless the item says otherwise; None is TTL off."""
        ttl = self.properties.get("defaultTtl")
        return ttl if isinstance(ttl, int) else None

    def parts_of(self, document: Mapping[str, Any]) -> Parts:
        """Return a document's partition key, level by level."""
        return tuple(_value_at(document, path) for path in self.paths)

    def range_of(self, key: str) -> Range:
        """Return the range that holds an effective partition key."""
        return self.ranges[bisect_right([one.low for one in self.ranges], key) - 1]

    def find(self, parts: Parts, id: str, now: float) -> Item | None:
        """Return an item by its key, or None; an expired one leaves."""
        item = self.items.get((epk.of(parts), id))
        return None if item is not None and self.is_expired(item, now) else item

    def named(self, name: str) -> str:
        """Return the id of the item that a path speaks of, be it by id or by resource id."""
        if not rid.is_item_of(name, self.rid):
            return name
        found = (one.by_number.get(rid.number_of(name)) for one in self.ranges)
        return next((item.id for item in found if item is not None), name)

    def is_expired(self, item: Item, now: float) -> bool:
        """Say whether an item's time to live is over."""
        default = self.default_ttl
        if default is None:
            return False
        ttl = default if item.ttl is None else item.ttl
        return ttl >= 0 and item.ts + ttl <= now

    def put(self, document: Mapping[str, Any], ts: int) -> Item:
        """Write a document, new or in place of the one with its key, and return it with its system properties."""
        key = epk.of(self.parts_of(document))
        known = self.items.get((key, document["id"]))
        if known is None:
            self._number += 1
        return self.place(self._sealed(document, known.number if known else self._number, ts), key)

    def _sealed(self, document: Mapping[str, Any], number: int, ts: int) -> dict[str, Any]:
        own = {name: value for name, value in document.items() if name not in SYSTEM}
        name = rid.item(self.rid, number)
        own["_rid"] = name
        own["_self"] = f"dbs/{rid.database_of(self.rid)}/colls/{self.rid}/docs/{name}/"
        lsn = self.range_of(epk.of(self.parts_of(document))).lsn + 1
        own["_etag"] = f'"{number:08x}-0000-{lsn & 0xFFFF:04x}-{lsn >> 16:04x}-{ts:012x}"'
        own["_attachments"] = "attachments/"
        own["_ts"] = ts
        return own

    def place(self, sealed: Mapping[str, Any], key: str) -> Item:
        """Put a document that has its system properties where it belongs: into its range, at the end of the feed."""
        home = self.range_of(key)
        home.lsn += 1
        number = rid.number_of(sealed["_rid"])
        ttl = sealed.get("ttl")
        item = Item(
            number=number,
            lsn=home.lsn,
            epk=key,
            id=sealed["id"],
            etag=sealed["_etag"],
            ts=sealed["_ts"],
            ttl=ttl if isinstance(ttl, int) and not isinstance(ttl, bool) else None,
            body=orjson.dumps(sealed),
        )
        known = self.items.get((key, item.id))
        if known is not None:
            home.by_lsn.drop(known.lsn)
        if home.logged_from is not None:
            previous = known.lsn if known else 0
            change = Change(
                lsn=home.lsn, kind="replace" if known else "create", item=item, previous=previous, ts=item.ts
            )
            home.log.append(change)
        self._number = max(self._number, number)
        self.items[key, item.id] = item
        home.by_number.put(number, item)
        home.by_lsn.put(item.lsn, item)
        return item

    def drop(self, item: Item, ts: int, *, expired: bool = False) -> None:
        """Let an item leave. Only the feed of all versions tells of it."""
        home = self.range_of(item.epk)
        home.lsn += 1
        if home.logged_from is not None:
            gone = Change(lsn=home.lsn, kind="delete", item=item, previous=item.lsn, ts=ts, expired=expired)
            home.log.append(gone)
        home.by_number.drop(item.number)
        home.by_lsn.drop(item.lsn)
        del self.items[item.epk, item.id]

    def keep_all(self, *, on: bool) -> None:
        """Keep every change from now on, or keep none."""
        for one in self.ranges:
            one.log.clear()
            one.logged_from = one.lsn if on else None

    def expired(self, now: float) -> list[Item]:
        """Return the items whose time is over."""
        return [item for item in self.items.values() if self.is_expired(item, now)]

    def split(self, id: str, cut: str, settling: int) -> None:
        """Put two new ranges in the place of one; both go on where it was in the feed."""
        index = next(index for index, one in enumerate(self.ranges) if one.id == id)
        parent = self.ranges[index]
        if not parent.low < cut < parent.high:
            raise RefusalError(400, "BadRequest", f"{cut} does not cut range {id}.")
        self.splits += 1
        first = 1 + max(int(one.id) for one in self.ranges)
        windows = ((parent.low, cut), (cut, parent.high))
        self.ranges[index : index + 1] = [
            Range(
                str(first + place),
                low,
                high,
                lsn=parent.lsn,
                parents=(*parent.parents, parent.id),
                born=self.splits,
                by_number=parent.by_number.within(low, high),
                by_lsn=parent.by_lsn.within(low, high),
                log=[change for change in parent.log if low <= change.item.epk < high],
                logged_from=parent.logged_from,
                settling=settling,
            )
            for place, (low, high) in enumerate(windows)
        ]


def check_document(document: object, size: int) -> Mapping[str, Any]:
    """Refuse what the service refuses in an item: its size, shape and id."""
    if size > MAX_ITEM_BYTES:
        raise RefusalError(413, "RequestEntityTooLarge", f"An item holds at most 2 MB; this one is {size} bytes.")
    if not isinstance(document, dict):
        raise RefusalError(400, "BadRequest", "An item must be a JSON object.")
    name = document.get("id")
    if not isinstance(name, str) or not name or len(name.encode()) > MAX_ID_BYTES:
        raise RefusalError(400, "BadRequest", "The property id must be a string of 1 to 1023 bytes.")
    if any(sign in name for sign in "/\\?#"):
        raise RefusalError(400, "BadRequest", "The property id must not hold any of / \\ ? #.")
    return document


def check_parts(parts: Sequence[epk.KeyPart]) -> None:
    """Refuse a partition key value that is longer than the service takes."""
    if any(isinstance(part, str) and len(part.encode()) > MAX_KEY_BYTES for part in parts):
        raise RefusalError(400, "BadRequest", f"A partition key value holds at most {MAX_KEY_BYTES} bytes.")


def _tokens(path: str) -> tuple[str, ...]:
    return tuple(token.strip('"') for token in path.strip("/").split("/"))


def _value_at(document: Mapping[str, Any], path: Sequence[str]) -> epk.KeyPart:
    value: Any = document
    for token in path:
        if not isinstance(value, dict) or token not in value:
            return epk.UNDEFINED
        value = value[token]
    return epk.UNDEFINED if isinstance(value, (dict, list)) else value
