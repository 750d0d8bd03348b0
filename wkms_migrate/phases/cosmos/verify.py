"""Compares both ends of one container: everything is read again, on the source from its feed, on the target by a scan.

Items that expire within the hour are left out on both ends, for either may let them go while it is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from wkms_migrate.clients.azure_cosmos import Database
from wkms_migrate.clients.dynamodb import Dynamo
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import digest, job
from wkms_migrate.phases.cosmos.digest import Digest, Print
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import StepRun
from wkms_migrate.transfer import Budget

EXPIRING_SECONDS: Final = 3600
NAMED_BUCKETS: Final = 16  # so many differing buckets are read again to name the items; keeps memory bounded
EXAMPLES: Final = 10

Prints: TypeAlias = Iterator[list[Print]]
Reader: TypeAlias = Callable[[], Prints]


@dataclass(slots=True)
class _Seen:
    """What one end holds: a digest, the items left out, and of some buckets every identity with its digest."""

    digest: Digest = field(default_factory=Digest)
    expiring: int = 0
    named: dict[bytes, int] = field(default_factory=dict)

    def merge(self, other: _Seen) -> None:
        self.digest.merge(other.digest)
        self.expiring += other.expiring
        self.named |= other.named


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """State the comparison of a container with its table. Returns the count and digest of the source."""
    ends = _Ends(run, work, horizon=time.time() + EXPIRING_SECONDS)
    copied = run.context.output("cosmos", f"copied/{work.name}")
    with job.source(run) as database, job.target(run) as dynamo:
        source, target = ends.source(database), ends.target(dynamo)
        if work.container.default_ttl is None:  # else some may have expired between the two
            counted = database.count(work.name)
            run.verified(work.name, "items on the source, by query and by feed", counted, source.digest.count)
        if run.context.section(CosmosSettings).on_existing == "append":
            buckets = list(range(digest.BUCKETS))
        else:
            run.verified(work.name, "items", source.digest.count, target.digest.count)
            run.verified(work.name, "digest", source.digest.text, target.digest.text)
            buckets = source.digest.differing(target.digest)[:NAMED_BUCKETS]
        _compare_items(run, work, ends.source(database, buckets).named, ends.target(dynamo, buckets).named)
    run.verified(work.name, "dead letters", 0, copied["dead"])
    if source.expiring:
        run.finding("expiring", f"{source.expiring:,} items expire within the hour and were not compared.", work.name)
    return {f"verified/{work.name}": {"items": source.digest.count, "digest": source.digest.text}}


def _compare_items(run: StepRun, work: Job, source: Mapping[bytes, int], target: Mapping[bytes, int]) -> None:
    """State which items are missing, extra or different, by name."""
    appended = run.context.section(CosmosSettings).on_existing == "append"
    extra = [identity for identity in target if identity not in source]
    kinds = {
        "missing": [identity for identity in source if identity not in target],
        "extra": [] if appended else extra,
        "different": [name for name, value in source.items() if name in target and target[name] != value],
    }
    for kind, found in kinds.items():
        run.verified(work.name, f"{kind} items", 0, len(found))
        if found:
            first = ", ".join(name.decode("utf-8", "replace") for name in sorted(found)[:EXAMPLES])
            run.finding(f"{kind}-items", f"{kind} on the target, among others: {first}", work.name, severity="error")
    if appended and extra:
        run.finding("kept-items", f"{len(extra):,} items were in the table before the copy.", work.name)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Reads either end, in parallel."""

    run: StepRun
    work: Job
    horizon: float

    def source(self, database: Database, buckets: Iterable[int] | None = None) -> _Seen:
        """Read the source: its digest, or, of some buckets, every item's."""
        budget = Budget(self.run.context.section(CosmosSettings).ru_budget, self.run.stopping)
        ranges = database.feed_ranges(self.work.name)

        def reader(feed_range: Mapping[str, Any]) -> Reader:
            return lambda: self._feed(feed_range, budget)

        return self._read([reader(one) for one in ranges], buckets)

    def target(self, dynamo: Dynamo, buckets: Iterable[int] | None = None) -> _Seen:
        """Read the target, likewise."""
        table = self.work.table(self.run.context)
        segments = job.workers_of(self.run)

        def reader(segment: int) -> Reader:
            return lambda: self._scan(dynamo, table, segment, segments)

        return self._read([reader(segment) for segment in range(segments)], buckets)

    def _feed(self, feed_range: Mapping[str, Any], budget: Budget) -> Prints:
        feed = self.work.feed(self.run, feed_range)
        with job.source(self.run) as database:
            for page in database.changes(feed, None, self.run.stopping):
                yield [digest.of_document(document, self.work.mapping) for document in page.items]
                budget.spend(page.charge)

    def _scan(self, dynamo: Dynamo, table: str, segment: int, segments: int) -> Prints:
        for items in dynamo.scan(table, segment, segments):
            yield [digest.of_item(item, self.work.mapping) for item in items]

    def _read(self, readers: list[Reader], buckets: Iterable[int] | None) -> _Seen:
        whole = _Seen()
        wanted = None if buckets is None else frozenset(buckets)
        if wanted is not None and not wanted:
            return whole
        with ThreadPoolExecutor(job.workers_of(self.run), "verify") as pool:
            for part in pool.map(lambda reader: self._seen(reader, wanted), readers):
                whole.merge(part)
        return whole

    def _seen(self, reader: Reader, wanted: frozenset[int] | None) -> _Seen:
        seen = _Seen()
        for prints in reader():
            self.run.check_stop()
            for one in prints:
                if one.expires is not None and one.expires <= self.horizon:
                    seen.expiring += 1
                elif wanted is None:
                    seen.digest.add(one)
                elif one.bucket in wanted:
                    seen.named[one.identity] = one.digest
        return seen
