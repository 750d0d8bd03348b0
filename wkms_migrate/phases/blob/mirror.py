"""Delete from the bucket what is gone from the container: last, few, and never on a doubt.

Deletes only when both listings ended without an error (otherwise they are not in the manifest), when the container
is not empty, when no more than `max_delete` objects would go, and when each object came from this container and its
blob is not there when asked for by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused
from wkms_migrate.phases.blob.backup import back_up, kept_as
from wkms_migrate.phases.blob.crew import each
from wkms_migrate.phases.blob.job import Job
from wkms_migrate.phases.blob.mapping import decoded


def check(job: Job, foreign: Collection[str]) -> None:
    """Raise `Refused` when more would be deleted than allowed, or the container is empty; before anything is written.

    `foreign` are the keys of others, which mirror never deletes.
    """
    gone = len(set(job.manifest.extra()).difference(foreign))
    if not gone:
        return
    refuse_empty(job)
    most = allowed(job.settings.max_delete, job.manifest.objects())
    if gone > most:
        raise Refused(
            f"{counted(gone, 'object')} of bucket {job.bucket} without a blob in {job.container}; mirror may"
            f" delete {most} of "
            f"{job.manifest.objects()} (phases.blob.max_delete: {job.settings.max_delete}). Nothing was written.",
            hint="`wkms-migrate blob diff` lists them. If they are to go, allow more with --max-delete.",
        )


def refuse_empty(job: Job) -> None:
    """Raise `Refused` when the container shows no blob: more likely a wrong name or right than an empty container."""
    if not job.manifest.has_blobs():
        raise Refused(
            f"Container {job.container} shows no blob, so nothing is deleted from bucket {job.bucket}.",
            hint="Check azure.storage.account and the containers. An emptied container is mirrored by hand only.",
        )


def allowed(most: str, objects: int) -> int:
    """Return how many of these objects may be deleted, for a number or a percentage."""
    return objects * int(most[:-1]) // 100 if most.endswith("%") else int(most)


def delete_gone(job: Job) -> int:
    """Delete the objects whose blobs are gone; return how many."""
    keys = job.manifest.extra()
    if not keys:
        return 0
    versioned = job.target.versioned(job.bucket)
    deleted: list[str] = []

    def delete(key: str) -> None:
        if not _is_gone(job, key):
            return
        if not versioned:
            back_up(job, key)
        job.target.delete(job.bucket, key)
        job.manifest.forget_target(key)
        deleted.append(key)

    each(iter(keys), delete, workers=job.settings.workers, check_stop=job.run.check_stop)
    if deleted:
        job.run.finding(
            "mirrored",
            f"{counted(len(deleted), 'object')} of bucket {job.bucket} deleted, the blobs being gone, e.g. "
            f"{min(deleted)!r}; each is kept as {kept_as(job, versioned=versioned)}.",
            object=job.container,
            severity="warning",
        )
    return len(deleted)


def preview(job: Job, foreign: Collection[str]) -> Iterator[str]:
    """Say what would be deleted, one line an object. Raises as `check` does. Needs both listings in the manifest."""
    check(job, foreign)
    for key in job.manifest.extra():
        if _is_gone(job, key):
            yield f"delete {key}"


def _is_gone(job: Job, key: str) -> bool:
    """Ask both ends again: the object came from this container, and its blob is not there."""
    head = job.target.head(job.bucket, key)
    if head is None or head.metadata.get("azure-source") != job.origin:
        return False
    if {"azure-snapshot", "azure-version-id"} & head.metadata.keys():
        return job.selection.past  # was asked for, and the listing with the past did not show it
    return job.source.find(job.container, _name(job, key, head.metadata), tags=False) is None


def _name(job: Job, key: str, metadata: Mapping[str, str]) -> str:
    """Return the blob's name: as the object says it, as its sidecar says it, or what its key says."""
    if encoded := metadata.get("azure-name"):
        return decoded(encoded)
    sidecar = metadata.get("azure-metadata")
    head = job.target.head(job.bucket, sidecar) if sidecar else None
    if sidecar and head:
        body = bytearray(head.size)
        job.target.read(job.bucket, sidecar, body)
        return str(msgspec.json.decode(body)["name"])
    return key[len(job.selection.place.prefix) :]
