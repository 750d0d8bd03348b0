"""Items that the table has and the container has no more, and what is left of large items that changed.

Deletions do not show in the feed of latest versions. Once the source is no longer written, they are the difference of
the keys on both ends. Guards: the source must have been read whole, and only a small share may be gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson

from wkms_migrate.clients import cosmos_keys
from wkms_migrate.clients.azure_cosmos import Database
from wkms_migrate.clients.dynamodb import Dynamo, Item
from wkms_migrate.clients.dynamodb_write import Writer
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused, TransientError, WkmsError
from wkms_migrate.phases.cosmos import large
from wkms_migrate.phases.cosmos.items import ItemMap, Mapped
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.keys import ID, Keys, KeyTooLongError, KeyTypeError, Path
from wkms_migrate.phases.cosmos.large import BODY
from wkms_migrate.plan import StepRun

KEYS_AT_ONCE: Final = 2_000_000  # in memory; a larger table is compared in several passes over both ends
NAMED: Final = 10
MAX_GET: Final = 100  # keys of one BatchGetItem

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """How many items of the table were looked at, and how many of them were deleted."""

    seen: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """Finds the parts that large items have in a table."""

    dynamo: Dynamo
    table: str
    mapping: ItemMap

    def stale(self, put: Mapping[Key, Mapped], away: Mapping[Key, Item]) -> list[Item]:
        """Return the keys of the parts that nothing points at any more once these items are written or deleted."""
        if self.mapping.large_items != "split":
            return []
        keys = self.mapping.keys
        asked = [keys.typed(dict(zip(keys.names, key, strict=True))) for key in (*put, *away)]
        stale: list[Item] = []
        for head in self._heads(asked):
            texts = self.mapping.key_texts(head)
            now = put.get(tuple(texts.values()))
            stale += self._parts(head, keys, texts)[len(now.parts) if now else 0 :]
        return stale

    @staticmethod
    def _parts(head: Item, keys: Keys, texts: Mapping[str, str]) -> list[Item]:
        facts = head.get(BODY, {}).get("M", {})
        return list(large.place_of(facts, keys, texts).parts) if "parts" in facts else []

    def _heads(self, keys: list[Item]) -> Iterator[Item]:
        """Yield what the table has of these items: their keys, and where their bodies are."""
        names = {f"#{number}": name for number, name in enumerate((*self.mapping.keys.names, BODY))}
        shape = {"ExpressionAttributeNames": names, "ProjectionExpression": ", ".join(names), "ConsistentRead": True}
        while keys:
            asked, keys = keys[:MAX_GET], keys[MAX_GET:]
            body = orjson.dumps({"RequestItems": {self.table: {**shape, "Keys": asked}}})
            answer = self.dynamo.call("BatchGetItem", body)
            yield from answer["Responses"].get(self.table, ())
            left = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
            if len(left) == len(asked):
                raise TransientError(f"DynamoDB reads nothing of {self.table}.", hint="Run the command again to go on.")
            keys += left


def delete(run: StepRun, work: Job, database: Database, dynamo: Dynamo, writer: Writer, most_gone: float) -> Found:
    """Delete what the container has no more. Raises `Refused` when more than this share of the table would go."""
    table = work.table(run.context)
    before = database.count(work.name)
    passes = 1 + before // KEYS_AT_ONCE
    away: list[Item] = []
    seen = whole = 0
    for number in range(passes):
        known = _source(run, work, database, number, passes)
        whole += len(known)
        for item in _target(run, work, dynamo):
            texts = work.mapping.key_texts(item)
            mark = _mark(texts.values())
            if mark % passes == number:
                seen += 1
                if mark not in known:
                    away.append(work.mapping.keys.typed(texts))
        run.progress(seen, None, "keys compared", item=work.name)
    _check_whole(work, sorted((before, database.count(work.name))), whole)
    _check_share(work, seen, away, most_gone)
    writer.delete(Parts(dynamo, table, work.mapping).stale({}, {_key(work, item): item for item in away}))
    writer.delete(away)  # last: by them it is seen which parts go
    if away:
        run.finding(
            "deleted-items",
            f"{counted(len(away), 'copied item was', 'copied items were')} deleted on the source since, and now"
            f" on {table}.",
            work.name,
        )
    return Found(seen=seen, deleted=len(away))


def _check_whole(work: Job, counts: list[int], read: int) -> None:
    """Refuse keys that are not as many as the items before and after; only expiry lets them differ meanwhile."""
    least, most = counts
    if least <= read <= most and (least == most or work.container.default_ttl is not None):
        return
    raise Refused(
        f"Container {work.name} has {counted(most, 'item')} and {counted(read, 'key was', 'keys were')} read: it is"
        " still written, or was not read whole. Nothing was deleted.",
        hint="Stop all that writes to it, then run the command again.",
    )


def _check_share(work: Job, seen: int, away: Collection[Item], most_gone: float) -> None:
    if len(away) > most_gone * max(seen, 1):
        first = ", ".join(orjson.dumps(item).decode() for item in list(away)[:NAMED])
        raise Refused(
            f"{len(away):,} of {counted(seen, 'item')} of the table not in container {work.name} any more, which"
            " is more"
            f" than {most_gone:.0%}. Nothing was deleted. Among them: {first}",
            hint="If that is right, allow it with --most-gone.",
        )


def _source(run: StepRun, work: Job, database: Database, number: int, passes: int) -> set[int]:
    """Return the marks of the keys that the container has, of one share of all."""
    keys = work.mapping.keys
    paths: tuple[Path, ...] = tuple({path: None for one in keys.attributes for path in one.sources} | {ID: None})
    known: set[int] = set()
    count = 0
    for feed_range in database.feed_ranges(work.name):
        for rows in cosmos_keys.rows(database, work.name, feed_range, paths, run.stopping):
            run.check_stop()
            for row in rows:
                texts = key_of(keys, _document(row))
                mark = _mark(texts.values() if texts else (repr(row),))
                if mark % passes == number:
                    count += 1
                    known.add(mark)
    if count != len(known):
        raise WkmsError(
            f"Two items of {work.name} were read with one key, or one of them twice.",
            hint="A partition was split meanwhile. Run the command again.",
        )
    return known


def _target(run: StepRun, work: Job, dynamo: Dynamo) -> Iterator[Item]:
    for items in dynamo.scan(work.table(run.context), 0, 1, work.mapping.keys.names):
        run.check_stop()
        for item in items:
            if not work.mapping.keys.is_part(item):
                yield item


def key_of(keys: Keys, document: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the values of the key attributes; None for a document that has no place in the table."""
    try:
        return keys.of(document)
    except (KeyTooLongError, KeyTypeError, UnicodeEncodeError):
        return None


def _document(row: Mapping[Path, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path, value in row.items():
        place = document
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return document


def _key(work: Job, item: Item) -> Key:
    return tuple(work.mapping.key_texts(item).values())


def _mark(texts: Iterable[str]) -> int:
    """Return 64 bits that stand for a key. Two keys of one mark hide a deletion, which verification then shows."""
    return int.from_bytes(blake2b(orjson.dumps(list(texts)), digest_size=8).digest(), "big")
