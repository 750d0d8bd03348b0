"""How long a copy will take and what Azure will charge for it: from what was measured, never from a guess."""

from __future__ import annotations

import time
from dataclasses import dataclass

from wkms_migrate.clients.azure_blob import Blob, BlobService
from wkms_migrate.phases.blob.crew import each
from wkms_migrate.phases.blob.settings import MIB
from wkms_migrate.plan import Context

PROBE_BYTES = 4 * MIB  # of each blob that is read for a measurement
SHORTEST_SECONDS = 1.0  # a copy that took less says nothing about a long one


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
