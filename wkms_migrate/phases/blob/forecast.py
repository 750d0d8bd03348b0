"""How long a copy will take, from what was measured; and what is charged for: requests and bytes, by tier and class."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

from wkms_migrate.clients.azure_blob import Blob, BlobService
from wkms_migrate.phases.blob.crew import each
from wkms_migrate.phases.blob.mapping import storage_class
from wkms_migrate.phases.blob.multipart import part_size
from wkms_migrate.phases.blob.settings import MIB, BlobSettings
from wkms_migrate.plan import Context

PROBE_BYTES = 4 * MIB  # of each blob that is read for a measurement
SHORTEST_SECONDS = 1.0  # a copy that took less says nothing about a long one
LEAST_DAYS, MONTH_DAYS = 180, 30  # in the archive tier, before leaving it is free; how its days are billed
LISTS_OF_PAGES = 2  # for each part of a page blob


@dataclass(slots=True)
class Workload:
    """What a copy takes: objects and bytes, requests and bytes by access tier, requests by storage class."""

    objects: int = 0
    bytes: int = 0
    reads: Counter[str] = field(default_factory=Counter)
    read_bytes: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)

    def add(self, blob: Blob, settings: BlobSettings) -> None:
        """Count the requests and bytes of one blob, as the copy makes them when nothing fails."""
        parts = max(1, -(-blob.size // part_size(blob.size, settings.part_mib * MIB)))
        self.objects += 1
        self.bytes += blob.size
        self.reads[blob.tier] += parts * (1 + LISTS_OF_PAGES) if blob.kind == "PageBlob" else parts
        self.read_bytes[blob.tier] += blob.size
        begin_and_end = 2 if parts > 1 else 0
        self.writes[storage_class(blob, settings.storage_classes)] += parts + begin_and_end


@dataclass(slots=True)
class Archived:
    """What rehydration is charged for. `early` is bytes times months before the 180 days: at least, at most.

    Source: https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview (prorated by the day).
    """

    objects: int = 0
    bytes: int = 0
    least_early: Decimal = Decimal(0)
    most_early: Decimal = Decimal(0)

    def add(self, blob: Blob, now: datetime) -> None:
        """Count one blob. Where its listing does not say when it was archived, that was after its last change."""
        self.objects += 1
        self.bytes += blob.size
        since, sure = blob.tier_changed or blob.last_modified, bool(blob.tier_changed)
        days = (now - parsedate_to_datetime(since)).days if since else 0
        left = Decimal(max(0, LEAST_DAYS - days)) / MONTH_DAYS
        self.least_early += left * blob.size
        self.most_early += (left if sure else Decimal(LEAST_DAYS) / MONTH_DAYS) * blob.size


@dataclass(frozen=True, slots=True)
class Rate:
    """Bytes and objects a second, and how they are known."""

    bytes: float
    objects: float | None
    known_by: str

    def seconds(self, objects: int, size: int) -> float:
        """Return how long so much takes: small objects are bound by their number, large ones by their bytes."""
        return max(size / self.bytes, objects / self.objects if self.objects else 0.0)


def from_run(context: Context) -> Rate | None:
    """Return what this run's last whole copy of a container made, if there was one."""
    best: Rate | None = None
    for name, step in context.state.steps.items():
        facts = step.result.get(f"copied/{name.removeprefix('blob/copy/')}")
        if not isinstance(facts, dict) or step.seconds < SHORTEST_SECONDS:
            continue
        whole = facts["copied"] and facts["copied"] == facts["objects"]
        if whole and (best is None or facts["bytes"] / step.seconds > best.bytes):
            best = Rate(facts["bytes"] / step.seconds, facts["objects"] / step.seconds, f"the copy {name} of this run")
    return best


def measured(service: BlobService, container: str, blobs: list[Blob]) -> Rate | None:
    """Read the beginnings of these blobs at the same time, and return how fast they came; None without content."""
    reads = [blob for blob in blobs if blob.size]
    if not reads:
        return None
    sizes: list[int] = []

    def read(blob: Blob) -> None:
        buffer = bytearray(min(blob.size, PROBE_BYTES))
        service.read(container, blob, buffer)
        sizes.append(len(buffer))

    started = time.monotonic()
    each(iter(reads), read, workers=len(reads), check_stop=lambda: None)
    seconds = time.monotonic() - started
    known_by = f"reading {sum(sizes) / MIB:.1f} MiB of {len(reads)} blobs at once; writing was not measured"
    return Rate(sum(sizes) / seconds, len(reads) / seconds, known_by)
