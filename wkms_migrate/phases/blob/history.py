"""Snapshots and earlier versions as versions of their object: written oldest first, before what is current.

A version that is in the bucket already is known by its id in the object's metadata; one that was copied while it was
current, by the ETag of its blob. So a copy that is run again adds nothing.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from msgspec.structs import replace

from wkms_migrate.clients.azure_blob import Blob, BlobService
from wkms_migrate.clients.s3 import Head, Version
from wkms_migrate.errors import Refused
from wkms_migrate.phases.blob import findings
from wkms_migrate.phases.blob.crew import each
from wkms_migrate.phases.blob.job import Job, ObjectFailed
from wkms_migrate.phases.blob.manifest import Pending, Written
from wkms_migrate.phases.blob.mapping import fingerprint
from wkms_migrate.phases.blob.selection import Selection

ALSO = ("snapshots", "versions", "deleted")

Copy: TypeAlias = Callable[[Job, Pending], tuple[Written | None, Blob | None]]


@dataclass(frozen=True, slots=True)
class Past:
    """One blob's earlier contents, oldest first. `current` says whether a blob is there now."""

    name: str
    key: str
    versions: list[Blob]
    current: bool
    notes: tuple[str, ...]


def histories(service: BlobService, container: str, chosen: Selection, *, tags: bool) -> Iterator[Past]:
    """Yield the past of every chosen blob that has one, and of what is soft-deleted; costs one listing."""
    blobs = service.blobs(container, prefix=chosen.source_prefix, tags=tags, also=ALSO)
    for name, group in groupby(blobs, key=lambda blob: blob.name):
        listed = list(group)
        if len(listed) == 1 and not (listed[0].past or listed[0].deleted):
            continue
        notes = ["soft-deleted"] if any(blob.deleted for blob in listed) else []
        versions: list[Blob] = []
        for blob in sorted((one for one in listed if one.past and not one.deleted), key=lambda one: one.past):
            why = chosen.reason(_as_current(blob))
            if not why:
                versions.append(blob)
            elif why != "unselected":
                notes.append("past-left")
        key = chosen.key(_as_current(listed[0]))
        current = any(not (blob.past or blob.deleted) for blob in listed)
        yield Past(name, key, versions, current, tuple(notes))


def digest(service: BlobService, container: str, chosen: Selection) -> str:
    """Return a digest of every past; costs one listing."""
    hasher = hashlib.blake2b(digest_size=12)
    for past in histories(service, container, chosen, tags=False):
        hasher.update("\0".join([past.key, str(past.current), *(blob.etag for blob in past.versions), ""]).encode())
    return hasher.hexdigest()


def replay(job: Job, copy: Copy) -> int:
    """Write what the bucket does not have of every past; return how many versions were written.

    Costs a listing of the source, and for each blob with a past a listing of its key and a HEAD for each version.
    Raises `Refused` when the bucket keeps no versions.
    """
    if not job.target.versioned(job.bucket):
        raise Refused(
            f"Bucket {job.bucket} keeps no versions, so earlier versions cannot be replayed into it.",
            hint="Switch versioning on for the bucket, or set phases.blob.past to copy.",
        )
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    def one(past: Past) -> None:
        job.note(past.notes, past.name)
        written = _replay(job, past, copy)
        with lock:
            counts["written"] += written

    pasts = histories(job.source, job.container, job.selection, tags=job.tags)
    each(pasts, one, workers=job.settings.workers, check_stop=job.run.check_stop, limiter=job.limiter)
    return counts["written"]


def verify(job: Job) -> None:
    """Compare the past on both ends: every version is there, of the same size, and is not what is shown as current."""
    source: Counter[str] = Counter()
    target: Counter[str] = Counter()
    lock = threading.Lock()

    def one(past: Past) -> None:
        known = _known(head for _, head in _ours(job, past.key))
        found = [head for blob in past.versions if (head := known.get(blob.past) or known.get(blob.etag))]
        shown = not past.current and job.target.head(job.bucket, past.key) is not None
        with lock:
            source.update(versions=len(past.versions), bytes=sum(blob.size for blob in past.versions))
            target.update(versions=len(found), bytes=sum(head.size for head in found), shown=int(shown))

    pasts = histories(job.source, job.container, job.selection, tags=False)
    each(pasts, one, workers=job.settings.workers, check_stop=job.run.check_stop)
    job.run.verified(job.container, "earlier versions", source["versions"], target["versions"])
    job.run.verified(job.container, "bytes of earlier versions", source["bytes"], target["bytes"])
    job.run.verified(job.container, "deleted blobs that are shown", 0, target["shown"])


def _replay(job: Job, past: Past, copy: Copy) -> int:
    every = job.target.versions(job.bucket, past.key)
    ours = _ours(job, past.key, every)
    latest = next((one for one in every if one.latest and not one.marker), None)
    if latest and all(version != latest for version, _ in ours):
        job.note(("past-taken",), past.name)
        return 0
    known = _known(head for _, head in ours)
    last = latest.etag if latest else ""
    written = 0
    for blob in past.versions:
        if blob.past in known or blob.etag in known:
            continue
        made = _copied(
            job, Pending(key=past.key, blob=blob, fingerprint=fingerprint(blob, past.key), replaces=last), copy
        )
        if made is None:
            break  # what is newer must not come before it
        last, written = made.etag, written + 1
        job.manifest.target_is(past.key, blob.size, last)
    if last and not past.current:
        job.target.delete(job.bucket, past.key)
        job.manifest.forget_target(past.key)
    return written


def _copied(job: Job, item: Pending, copy: Copy) -> Written | None:
    try:
        made, blob = copy(job, item)
    except ObjectFailed as error:
        findings.failed(job, f"{item.blob.name}@{item.blob.past}", error)
        job.report(objects=1, failed=1, item=item.blob.name)
        return None
    if blob is None:
        job.report(objects=1, item=item.blob.name)
    else:
        job.copied(blob)
    return made


def _ours(job: Job, key: str, every: list[Version] | None = None) -> list[tuple[Version, Head]]:
    """Return the versions of a key that came from this container, the newest first."""
    listed = job.target.versions(job.bucket, key) if every is None else every
    looked = ((one, job.target.head(job.bucket, key, one.version_id)) for one in listed if not one.marker)
    return [(one, head) for one, head in looked if head and head.metadata.get("azure-source") == job.origin]


def _known(heads: Iterable[Head]) -> dict[str, Head]:
    """Return what each object is: a snapshot or a version by its id, what was copied while current by its ETag."""
    told = ("azure-version-id", "azure-snapshot", "azure-etag")
    return {next(head.metadata[name] for name in told if name in head.metadata): head for head in heads}


def _as_current(blob: Blob) -> Blob:
    return replace(blob, snapshot="", version="")
