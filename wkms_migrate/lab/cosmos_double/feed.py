"""Pages of items: read feed, queries and the change feed, within a range, part of one, or a partition key."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from wkms_migrate.lab.cosmos_double import epk
from wkms_migrate.lab.cosmos_double.container import Change, Container, Item, Range
from wkms_migrate.lab.cosmos_double.message import NOT_MODIFIED, RefusalError, Reply, Request
from wkms_migrate.lab.cosmos_double.sql import Query

PAGE_BYTES: Final = 4 * 1024 * 1024
PAGE_ITEMS: Final = 100
SCANNED: Final = 20_000  # changes looked at for one page; what is left is for the next, even if nothing was found
GONE: Final = 1002
SPLITTING: Final = 1007
WHOLE: Final = Query()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where to look: ranges in order, and a half-open window of effective partition keys within them."""

    ranges: Sequence[Range]
    low: str = epk.MIN
    high: str = epk.MAX

    def holds(self, item: Item) -> bool:
        """Say whether an item lies in the window."""
        return self.low <= item.epk < self.high


@dataclass(slots=True)
class Page:
    """What goes out in one reply: JSON texts, and the number of the last item looked at."""

    texts: list[bytes]
    size: int = 0
    last: int = 0
    full: bool = False

    def add(self, text: bytes, limit: int) -> bool:
        """Take a text in when it fits; the first always does."""
        if self.texts and (len(self.texts) >= limit or self.size + len(text) > PAGE_BYTES):
            self.full = True
            return False
        self.texts.append(text)
        self.size += len(text)
        return True


def scope_of(request: Request, container: Container, parts: Sequence[epk.KeyPart] | None) -> Scope:
    """Return the part of a container that a request speaks of: by partition key, by range and window, or all of it."""
    if parts is not None:
        key = epk.of(parts)
        low, high = epk.prefix_range(key)
        ranges = [one for one in container.ranges if one.low < high and low < one.high]
        return Scope(ranges=ranges, low=low, high=high)
    name = request.header("x-ms-documentdb-partitionkeyrangeid")
    if name is None:
        return Scope(ranges=container.ranges)
    found = [one for one in container.ranges if one.id == name.rpartition(",")[2]]
    if not found:
        raise RefusalError(410, "Gone", f"There is no partition key range {name}.", substatus=GONE)
    if found[0].settling:
        found[0].settling -= 1
        raise RefusalError(410, "Gone", f"The split that made range {name} is not over.", substatus=SPLITTING)
    low = request.header("x-ms-start-epk") or found[0].low
    return Scope(ranges=found, low=low, high=request.header("x-ms-end-epk") or found[0].high)


def query(request: Request, container: Container, scope: Scope, asked: Query, now: float) -> Reply:
    """Answer a query or a read feed: in order of creation, range after range, with a token while there is more."""
    index, since = _position(request, container, scope)
    limit = _limit(request)
    page = Page([])
    count = 0
    while index < len(scope.ranges) and not page.full:
        for number, item in scope.ranges[index].by_number.after(since):
            if not scope.holds(item) or container.is_expired(item, now):
                continue
            values = list(_selected(item, asked))
            if asked.count:
                count += len(values)
            elif not all(page.add(text, limit) for text in values):
                break
            page.last = number
        else:
            index, since, page.last = index + 1, 0, 0
    if asked.count:
        page.add((b'[{"item":%d}]' if asked.partial else b"%d") % count, limit)
    place = scope.ranges[index].id if page.full else ""
    headers = {"x-ms-continuation": f"+RID:~{container.rid}#R:{place}#N:{page.last}"} if page.full else {}
    return _reply(container, page, "Documents", headers)


def changes(request: Request, container: Container, scope: Scope, now: float) -> Reply:
    """Answer a change-feed request on one range: the latest version of what changed after the position, or 304."""
    if len(scope.ranges) != 1:
        raise RefusalError(400, "BadRequest", "The change feed is read one partition key range at a time.")
    (one,) = scope.ranges
    since, oldest = _since(request, one), _start(request)

    def texts() -> Iterator[tuple[int, bytes | None]]:
        for lsn, item in one.by_lsn.after(since):
            visible = scope.holds(item) and item.ts >= oldest and not container.is_expired(item, now)
            yield lsn, item.body[:-1] + b',"_lsn":%d}' % lsn if visible else None

    return _fed(request, container, one, since, texts())


def all_changes(request: Request, container: Container, scope: Scope) -> Reply:
    """Answer a request for all versions and deletes of one range after a position, or 304."""
    (one,) = scope.ranges
    since = _since(request, one)
    if one.logged_from is None or since < one.logged_from or not request.header("if-none-match"):
        raise RefusalError(
            400, "BadRequest", "All versions and deletes need continuous backup, and begin now or at a token since."
        )

    def texts() -> Iterator[tuple[int, bytes | None]]:
        for change in one.log[bisect_right(one.log, since, key=lambda known: known.lsn) :]:
            yield change.lsn, _version(container, change) if scope.holds(change.item) else None

    return _fed(request, container, one, since, texts())


def _version(container: Container, change: Change) -> bytes:
    """Write a change in the wire format 2021-09-15."""
    metadata: dict[str, Any] = {"lsn": change.lsn, "crts": change.ts, "operationType": change.kind}
    if change.kind != "create":
        metadata["previousImageLSN"] = change.previous
    if change.kind != "delete":
        return orjson.dumps({"current": orjson.Fragment(change.item.body), "metadata": metadata})
    document = orjson.loads(change.item.body)
    parts = zip(container.paths, container.parts_of(document), strict=True)
    metadata["id"] = change.item.id
    metadata["partitionKey"] = {path[-1]: part for path, part in parts if part is not epk.UNDEFINED}
    if change.expired:
        metadata["timeToLiveExpired"] = True
    return orjson.dumps({"current": {}, "metadata": metadata})


def _fed(
    request: Request, container: Container, one: Range, since: int, texts: Iterable[tuple[int, bytes | None]]
) -> Reply:
    """Fill a page of a change feed; a page may end without having found anything, and is then no 304."""
    limit, page, last = _limit(request), Page([]), since
    page.last = one.lsn
    for looked, (lsn, text) in enumerate(texts, 1):
        if (text is not None and not page.add(text, limit)) or looked > SCANNED:
            page.last = last
            break
        last = lsn
    headers = {"etag": f'"{page.last}"', "lsn": str(one.lsn)}
    if not page.texts and page.last == one.lsn:
        return Reply(status=NOT_MODIFIED, headers=headers)
    return _reply(container, page, "Documents", headers)


def listing(name: str, rid: str, values: Iterable[Any]) -> Reply:
    """Return a feed of few things (databases, containers, ranges) in one page."""
    found = list(values)
    body = orjson.dumps({"_rid": rid, name: found, "_count": len(found)})
    return Reply(body=body, headers={"x-ms-item-count": str(len(found))})


def _selected(item: Item, asked: Query) -> Iterator[bytes]:
    if asked.is_plain:
        yield item.body
        return
    document = orjson.loads(item.body)
    if not asked.matches(document):
        return
    if asked.columns is None:
        yield item.body
        return
    yield from map(orjson.dumps, asked.project(document))


def _reply(container: Container, page: Page, name: str, headers: dict[str, str]) -> Reply:
    body = b'{"_rid":"%s","%s":[%s],"_count":%d}' % (
        container.rid.encode(),
        name.encode(),
        b",".join(page.texts),
        len(page.texts),
    )
    # About what a page costs on the service with default indexing: a start, and one unit per KB or so of items.
    charge = round(2.0 + page.size / 1024, 2)
    return Reply(body=body, charge=charge, headers={"x-ms-item-count": str(len(page.texts)), **headers})


def _limit(request: Request) -> int:
    wanted = int(request.header("x-ms-max-item-count") or PAGE_ITEMS)
    return wanted if wanted > 0 else PAGE_BYTES


def _position(request: Request, container: Container, scope: Scope) -> tuple[int, int]:
    token = request.header("x-ms-continuation")
    if not token:
        return 0, 0
    prefix, _, rest = token.partition("#R:")
    place, _, number = rest.partition("#N:")
    if prefix != f"+RID:~{container.rid}" or not (place.isdigit() and number.isdigit()):
        raise RefusalError(400, "BadRequest", "The continuation token does not belong to this container.")
    found = [index for index, one in enumerate(scope.ranges) if one.id == place]
    if not found:
        raise RefusalError(410, "Gone", f"There is no partition key range {place}.", substatus=GONE)
    return found[0], int(number)


def _start(request: Request) -> float:
    text = request.header("if-modified-since")
    return parsedate_to_datetime(text).timestamp() if text else 0.0


def _since(request: Request, one: Range) -> int:
    position = request.header("if-none-match")
    if not position:
        return 0
    if position == "*":
        return one.lsn
    digits = position.strip('"')
    if not digits.isdigit():
        raise RefusalError(400, "BadRequest", f"{position} is no position in the change feed.")
    return int(digits)
