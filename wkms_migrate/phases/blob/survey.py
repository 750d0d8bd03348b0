"""What one listing of a container says, before anything is copied."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from heapq import nlargest

from wkms_migrate.clients.azure_blob import Blob, BlobService
from wkms_migrate.counted import counted
from wkms_migrate.phases.blob.ahead import ahead
from wkms_migrate.phases.blob.forecast import Archived, Workload
from wkms_migrate.phases.blob.listing import Kept, Row, row
from wkms_migrate.phases.blob.mapping import Left, mapped, storage_class
from wkms_migrate.phases.blob.selection import Selection
from wkms_migrate.phases.blob.settings import BlobSettings

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
KIB = 1024
HIDDEN = ("snapshots", "versions", "deleted")
PENDING = "rehydrate-pending"
EXAMPLES = 5
LARGEST = 16  # blobs that are kept to measure with


@dataclass(slots=True)
class Heap:
    """A number of objects and their bytes."""

    objects: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Count one object."""
        self.objects += 1
        self.bytes += size

    @property
    def text(self) -> str:
        """The heap in words."""
        return f"{counted(self.objects, 'object')}, {sized(self.bytes)}"


@dataclass(slots=True)
class Survey:
    """What can be copied, what is left and why, in which tiers and classes; and a digest of all that is selected."""

    taken: Heap = field(default_factory=Heap)
    archived: Heap = field(default_factory=Heap)
    rehydrating: int = 0
    left: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    tiers: dict[str, Heap] = field(default_factory=dict)
    classes: dict[str, Heap] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    largest: list[Blob] = field(default_factory=list)
    work: Workload = field(default_factory=Workload)
    thaw: Archived = field(default_factory=Archived)
    unselected: int = 0
    tags: bool = True
    digest: str = ""

    @property
    def text(self) -> str:
        """The survey in words."""
        left = ", ".join(f"{count} {reason}" for reason, count in sorted(self.left.items()))
        return self.taken.text + (f"; left behind: {left}" if left else "")


def survey(
    service: BlobService,
    settings: BlobSettings,
    container: str,
    selection: Selection,
    *,
    notes: bool = False,
    kept: Kept | None = None,
) -> Survey:
    """List a container once, and keep the listing.

    With `notes` also describe what is copied: tiers, classes, work, and what will not stay as it is on S3.
    """
    found = Survey()
    hasher = blake2b(digest_size=12)
    with ahead(service.blobs(container, prefix=selection.source_prefix, also=selection.also)) as blobs:
        for key, blob, reason in selection.listed(blobs):
            listed = row(key, blob, reason)
            if kept:
                kept.add(listed)
            if reason == "unselected":
                found.unselected += 1
                continue
            hasher.update(f"{key}\0{listed.fingerprint}\0".encode())
            _count(found, blob, reason)
            if notes:
                _describe(found, settings, listed, blob)
    found.digest = hasher.hexdigest()
    found.tags = service.lists_tags(container)
    if kept:
        kept.tags = found.tags
    return found


def past(service: BlobService, container: str, selection: Selection) -> Counter[str]:
    """Count what the plain listing does not show: snapshots, earlier versions, soft-deleted blobs."""
    found: Counter[str] = Counter()
    for blob in service.blobs(container, prefix=selection.source_prefix, tags=False, also=HIDDEN):
        if blob.deleted:
            found["soft-deleted blobs"] += 1
        elif blob.snapshot:
            found["snapshots"] += 1
        elif blob.version:
            found["earlier versions"] += 1
    return found


def _count(found: Survey, blob: Blob, reason: Left) -> None:
    if blob.tier == "Archive":
        found.archived.add(blob.size)
        found.rehydrating += blob.archive_status.startswith(PENDING)
    if not reason:
        found.taken.add(blob.size)
        return
    found.left[reason] += 1
    named = found.examples.setdefault(reason, [])
    if len(named) < EXAMPLES:
        named.append(blob.name)


def _describe(found: Survey, settings: BlobSettings, listed: Row, blob: Blob) -> None:
    found.tiers.setdefault(blob.tier or "none", Heap()).add(blob.size)
    found.kinds[blob.kind] += 1
    if listed.why == "archived" and not blob.archive_status.startswith(PENDING):
        found.thaw.add(blob, datetime.now(UTC))
    if listed.why:
        return
    found.notes.update(mapped(blob, listed.key, "", settings.storage_classes, listed.fingerprint).notes)
    found.work.add(blob, settings)
    if len(found.largest) < LARGEST or blob.size > found.largest[-1].size:
        found.largest = nlargest(LARGEST, [*found.largest, blob], key=lambda one: one.size)
    found.classes.setdefault(storage_class(blob, settings.storage_classes), Heap()).add(blob.size)


def sized(size: float) -> str:
    """Return bytes in the unit that suits them."""
    for unit in UNITS[:-1]:
        if size < KIB:
            return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= KIB
    return f"{size:,.1f} {UNITS[-1]}"
