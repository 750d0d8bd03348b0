"""Compares both ends of one container: by digest first, then, where a bucket of keys differs, item by item."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from wkms_migrate.clients import cosmos_lookup
from wkms_migrate.phases.cosmos import diff, digest, job, ranges
from wkms_migrate.phases.cosmos.bodies import Bodies
from wkms_migrate.phases.cosmos.diff import Difference
from wkms_migrate.phases.cosmos.digest import Digest
from wkms_migrate.phases.cosmos.ends import EXPIRING_SECONDS, Ends, Seen
from wkms_migrate.phases.cosmos.items import Document, stripped
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.keys import ABSENT
from wkms_migrate.phases.cosmos.large import DamagedBodyError
from wkms_migrate.phases.cosmos.ranges import Counterpart
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import StepRun

NAMED_ITEMS: Final = 500_000  # items of both ends that are named at a time; keeps memory bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of it. Items are named by their partition key and id, as JSON; `extra` has the keys on the target.

    `more` says that further buckets differ whose items were not named; `appended` that extra items are no difference.
    """

    name: str
    table: str
    source: Seen
    target: Seen
    ranges: list[Counterpart]
    missing: list[bytes] = field(default_factory=list)
    extra: dict[bytes, Mapping[str, str]] = field(default_factory=dict)
    different: dict[bytes, Mapping[str, str]] = field(default_factory=dict)
    more: bool = False
    appended: bool = False

    @property
    def buckets(self) -> list[tuple[int, int, int]]:
        """The buckets that differ, each with its count on the source and on the target."""
        left, right = self.source.digest, self.target.digest
        return [(bucket, left.counts[bucket], right.counts[bucket]) for bucket in left.differing(right)]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        if self.target.parts != self.target.claimed:
            return False
        return not (self.missing or self.different) if self.appended else not self.buckets


@contextmanager
def opened(run: StepRun, work: Job) -> Iterator[Ends]:
    """Open both ends of a container."""
    with job.source(run) as database, job.target(run) as dynamo:
        bodies = Bodies(dynamo, work.table(run.context), run.context.settings.aws, run.stopping)
        try:
            windows = ranges.ranges_of(database, work.container)
            yield Ends(run, work, database, dynamo, bodies, windows, horizon=time.time() + EXPIRING_SECONDS)
        finally:
            bodies.close()


def compare(ends: Ends, *, whole: bool = False) -> Comparison:
    """Compare both ends; with `whole` name every item that differs, else those of the first buckets.

    Where items were kept in the table before the copy (`on_existing: append`), every item is compared by name.
    """
    appended = ends.run.context.section(CosmosSettings).on_existing == "append"
    source, target = ends.source(), ends.target()
    differing = list(range(digest.BUCKETS)) if appended else source.digest.differing(target.digest)
    groups = list(_groups(differing, source.digest, target.digest))
    taken = groups if whole or appended else groups[:1]
    found = Comparison(
        name=ends.work.name,
        ranges=ranges.counterparts(ends.ranges.windows, source.shares, target.shares),
        table=ends.work.table(ends.run.context),
        source=source,
        target=target,
        more=len(taken) < len(groups),
        appended=appended,
    )
    for buckets in taken:
        _name(found, ends.source(buckets), ends.target(buckets))
    return found


def _groups(buckets: list[int], source: Digest, target: Digest) -> Iterator[list[int]]:
    """Yield the buckets in groups that hold no more items than may be named at a time."""
    group: list[int] = []
    held = 0
    for bucket in buckets:
        items = source.counts[bucket] + target.counts[bucket]
        if group and held + items > NAMED_ITEMS:
            yield group
            group, held = [], 0
        group.append(bucket)
        held += items
    if group:
        yield group


def _name(found: Comparison, source: Seen, target: Seen) -> None:
    found.missing.extend(sorted(source.named.keys() - target.named.keys()))
    for identity, held in sorted(target.named.items()):
        if identity not in source.named:
            found.extra[identity] = held.key
        elif source.named[identity].digest != held.digest:
            found.different[identity] = held.key


def explained(ends: Ends, found: Comparison, limit: int) -> dict[bytes, list[Difference]]:
    """Return for the first items that differ in which places they do. Both ends are asked for these items again."""
    first = list(found.different.items())[:limit]
    return {identity: list(_places(ends, identity, key)) for identity, key in first}


def _places(ends: Ends, identity: bytes, key: Mapping[str, str]) -> Iterator[Difference]:
    mapping = ends.work.mapping
    source = document_of(ends, identity)
    asked = {"TableName": ends.work.table(ends.run.context), "Key": mapping.keys.typed(key), "ConsistentRead": True}
    target = ends.dynamo.call("GetItem", orjson.dumps(asked)).get("Item")
    if source is None or target is None:
        yield Difference("$", "(absent)" if source is None else "…", "(absent)" if target is None else "…")
        return
    try:
        own = mapping.from_item(target, ends.bodies.fetch)
    except DamagedBodyError as error:
        yield Difference("$", "…", str(error))
        return
    yield from diff.differences(mapping.kept(stripped(source)), mapping.kept(own))
    expires = target.get(mapping.expiry_name, {}).get("N", ABSENT)
    wanted: Any = mapping.expires_at(source)
    yield from diff.differences(ABSENT if wanted is None else str(wanted), expires, f"({mapping.expiry_name})")


def document_of(ends: Ends, identity: bytes) -> Document | None:
    """Return the document with this partition key and id as the source has it now."""
    *_, name = orjson.loads(identity)
    for document in cosmos_lookup.items(ends.database, ends.work.name, name):
        if digest.identity_of(stripped(document), ends.work.mapping) == identity:
            return document
    return None
