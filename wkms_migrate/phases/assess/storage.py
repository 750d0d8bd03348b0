"""What a storage account holds: blobs by container and queues. Reads only."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_blob, azure_queue
from wkms_migrate.counted import counted
from wkms_migrate.phases.assess import AssessSettings

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_blob import Blob, BlobService
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun

KEY_BYTES = 1024  # longest S3 key, in UTF-8 (S3 user guide, "Naming Amazon S3 objects")
ARCHIVE = "Archive"
POISON = "-poison"
PAGE = 1000  # blobs between two progress messages


@dataclass(slots=True)
class Tally:
    """Sums over the blobs of one container; sizes in bytes."""

    keep: int
    blobs: int = 0
    size: int = 0
    archived: int = 0
    too_long: int = 0
    tiers: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    largest: list[tuple[int, str]] = field(default_factory=list)

    def add(self, blob: Blob) -> None:
        """Take one blob in."""
        self.blobs += 1
        self.size += blob.size
        self.tiers[blob.tier or "none"] += 1
        self.kinds[blob.kind] += 1
        self.archived += blob.tier == ARCHIVE
        self.too_long += len(blob.name.encode()) > KEY_BYTES
        heapq.heappush(self.largest, (blob.size, blob.name))
        if len(self.largest) > self.keep:
            heapq.heappop(self.largest)

    def told(self, name: str) -> dict[str, Json]:
        """Return the sums as they stand in the inventory."""
        return {
            "name": name,
            "blobs": self.blobs,
            "bytes": self.size,
            "tiers": dict(sorted(self.tiers.items())),
            "kinds": dict(sorted(self.kinds.items())),
            "largest": [{"name": blob, "bytes": size} for size, blob in sorted(self.largest, reverse=True)],
        }


def look_at_blobs(run: StepRun) -> Mapping[str, Json]:
    """Return the containers with their sums; state findings on what S3 does not take as it is."""
    storage = run.context.settings.azure.storage
    with closing(azure_blob.connect(storage, run.stopping)) as service:
        containers = [_container(run, service, name) for name in service.containers()]
    return {
        "account": storage.account,
        "containers": containers,
        "blobs": sum(container["blobs"] for container in containers),
        "bytes": sum(container["bytes"] for container in containers),
    }


def _container(run: StepRun, service: BlobService, name: str) -> dict[str, Json]:
    tally = Tally(run.context.section(AssessSettings).largest)
    for blob in service.blobs(name, tags=False):
        tally.add(blob)
        if tally.blobs % PAGE == 0:
            run.check_stop()
            run.progress(tally.blobs, None, "blobs", bytes=tally.size, item=name)
    run.progress(tally.blobs, tally.blobs, "blobs", bytes=tally.size, item=name)
    if tally.archived:
        run.finding(
            "assess-archive",
            f"{counted(tally.archived, 'blob is', 'blobs are')} in the archive tier and cannot be read there.",
            name,
            kind="risk",
            severity="warning",
            hint="Set their tier to Hot or Cool some 15 hours before the migration.",
        )
    if tally.too_long:
        run.finding(
            "assess-key-length",
            f"{counted(tally.too_long, 'name is', 'names are')} longer than {KEY_BYTES} bytes, the longest key"
            " that S3 takes.",
            name,
            kind="risk",
            severity="warning",
            hint="Rename them, or choose names for them in the blob phase.",
        )
    return tally.told(name)


def look_at_queues(run: StepRun) -> Mapping[str, Json]:
    """Return the queues with about how many messages they hold; state a finding for each poison queue in use."""
    storage = run.context.settings.azure.storage
    with closing(azure_queue.connect(storage, run.stopping)) as service:
        counts = {name: service.count(name) for name in service.queues()}
    for name, count in counts.items():
        if name.endswith(POISON) and count:
            run.finding(
                "assess-poison",
                f"{counted(count, 'message')} that could not be processed here, to go to the dead-letter queue.",
                name,
            )
    return {
        "account": storage.account,
        "queues": [{"name": name, "messages": count} for name, count in counts.items()],
        "messages": sum(counts.values()),
    }
