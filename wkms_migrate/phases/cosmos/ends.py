"""Reads either end of one container, in parallel: the source by its change feed, the target by a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from wkms_migrate.clients import cosmos_token
from wkms_migrate.clients.azure_cosmos import Database
from wkms_migrate.clients.cosmos_token import Window
from wkms_migrate.clients.dynamodb import Dynamo, Item
from wkms_migrate.phases.cosmos import digest, job
from wkms_migrate.phases.cosmos.bodies import Bodies
from wkms_migrate.phases.cosmos.budget import UnitBudget
from wkms_migrate.phases.cosmos.digest import Digest, Print
from wkms_migrate.phases.cosmos.items import Document
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.large import BODY, DamagedBodyError
from wkms_migrate.phases.cosmos.ranges import Ranges, Share
from wkms_migrate.plan import StepRun

EXPIRING_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Held:
    """An item by name: its digest, and on the target the values of its key attributes."""

    digest: int
    key: Mapping[str, str]


@dataclass(slots=True)
class Seen:
    """What one end holds: a digest, in all and by feed range, and of some buckets every item by what names it.

    `expiring` were left out; `parts` of large items were seen, and `claimed` by their heads; `unreadable` are items
    that no document can be made of.
    """

    digest: Digest = field(default_factory=Digest)
    shares: dict[Window, Share] = field(default_factory=dict)
    named: dict[bytes, Held] = field(default_factory=dict)
    expiring: int = 0
    parts: int = 0
    claimed: int = 0
    unreadable: int = 0

    def merge(self, other: Seen) -> None:
        """Take in what another reader has seen."""
        self.digest.merge(other.digest)
        for window, share in other.shares.items():
            self.shares.setdefault(window, Share()).merge(share)
        self.named |= other.named
        self.expiring += other.expiring
        self.parts += other.parts
        self.claimed += other.claimed
        self.unreadable += other.unreadable


Reader: TypeAlias = Callable[[], Seen]
Buckets: TypeAlias = frozenset[int] | None  # None for the digest of all, else the items of these


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a container. Items that expire before `horizon`, in seconds since 1970, are left out on both."""

    run: StepRun
    work: Job
    database: Database
    dynamo: Dynamo
    bodies: Bodies
    ranges: Ranges
    horizon: float

    def source(self, buckets: Iterable[int] | None = None) -> Seen:
        """Read the source: its digest, or every item of some buckets."""
        budget = job.reading_budget(self.run, self.database, self.work.name)
        wanted = None if buckets is None else frozenset(buckets)

        def reader(window: Window) -> Reader:
            return lambda: self._fed(window, budget, wanted)

        return self._read([reader(window) for window in self.ranges.windows])

    def target(self, buckets: Iterable[int] | None = None) -> Seen:
        """Read the target, likewise."""
        segments = job.workers_of(self.run)
        wanted = None if buckets is None else frozenset(buckets)

        def reader(segment: int) -> Reader:
            return lambda: self._scanned(segment, segments, wanted)

        return self._read([reader(segment) for segment in range(segments)])

    def documents(self) -> Iterator[list[Document]]:
        """Yield the pages of the source, one range after the other."""
        budget = job.reading_budget(self.run, self.database, self.work.name)
        for window in self.ranges.windows:
            yield from self._pages(self.database, window, budget)

    def _pages(self, database: Database, window: Window, budget: UnitBudget) -> Iterator[list[Document]]:
        feed = self.work.feed(self.run, cosmos_token.feed_range(window))
        for page in database.changes(feed, None, self.run.stopping):
            self.run.check_stop()
            yield page.items
            budget.spend(page.charge)

    def _fed(self, window: Window, budget: UnitBudget, wanted: Buckets) -> Seen:
        seen = Seen()
        with job.source(self.run) as database:
            for documents in self._pages(database, window, budget):
                for document in documents:
                    self._take(seen, digest.of_document(document, self.work.mapping), {}, wanted, window)
        return seen

    def _scanned(self, segment: int, segments: int, wanted: Buckets) -> Seen:
        seen = Seen()
        for items in self.dynamo.scan(self.work.table(self.run.context), segment, segments):
            self.run.check_stop()
            for item in items:
                self._take_item(seen, item, wanted)
        return seen

    def _take_item(self, seen: Seen, item: Item, wanted: Buckets) -> None:
        mapping = self.work.mapping
        if mapping.keys.is_part(item):
            seen.parts += 1
            return
        seen.claimed += int(item.get(BODY, {}).get("M", {}).get("parts", {}).get("N", 0))
        try:
            one = digest.of_item(item, mapping, self.bodies.fetch)
        except (DamagedBodyError, ValueError, ArithmeticError):  # what others wrote need not be ours to read
            one = digest.unreadable(item, mapping)
            seen.unreadable += 1
        self._take(seen, one, mapping.key_texts(item), wanted)

    def _take(
        self, seen: Seen, one: Print, key: Mapping[str, str], wanted: Buckets, window: Window | None = None
    ) -> None:
        if one.expires is not None and one.expires <= self.horizon:
            seen.expiring += 1
        elif wanted is None:
            seen.digest.add(one)
            seen.shares.setdefault(window or self.ranges.of(one.identity), Share()).add(one.digest)
        elif one.bucket in wanted:
            seen.named[one.identity] = Held(one.digest, key)

    def _read(self, readers: list[Reader]) -> Seen:
        whole = Seen()
        with ThreadPoolExecutor(job.workers_of(self.run), "verify") as pool:
            for part in pool.map(lambda reader: reader(), readers):
                whole.merge(part)
        return whole
