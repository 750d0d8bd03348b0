"""What is in the bucket before anything is written: ours, up to date or not, or somebody else's."""

from __future__ import annotations

import threading

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.clients.s3 import Listed
from wkms_migrate.errors import Refused
from wkms_migrate.phases.blob.crew import each
from wkms_migrate.phases.blob.job import Job
from wkms_migrate.phases.blob.manifest import Written
from wkms_migrate.phases.blob.mapping import BACKUPS, KEY_BYTES

COPY_LIMIT = 5 << 30  # bytes that one CopyObject can copy


def reconcile(job: Job) -> None:
    """Adopt what an earlier run wrote, and deal with what others wrote as `on_existing` says.

    Costs one HEAD for each object that the manifest does not know; none when the manifest is there.
    """
    foreign = _adopt(job)
    if foreign and job.settings.on_existing == "refuse":
        raise Refused(
            f"Bucket {job.bucket} holds {len(foreign)} objects that did not come from {job.origin}, "
            f"e.g. {min(foreign)!r}. Nothing was written.",
            hint="Empty the bucket, or set phases.blob.on_existing to append or replace.",
        )
    if job.settings.on_existing == "append":
        job.manifest.leave(foreign, "taken")
    if job.settings.on_existing == "replace":
        _replace(job, foreign)
    abort_stale_uploads(job)


def abort_stale_uploads(job: Job) -> None:
    """Abort uploads of this container's keys that nobody will end: of an earlier version, or not in the manifest."""
    kept: set[str] = set()
    for upload, wanted in job.manifest.uploads():
        if wanted:
            kept.add(upload.upload_id)
        else:
            job.target.abort_upload(job.bucket, upload.key, upload.upload_id)
            job.manifest.forget_upload(upload.upload_id)
    for key, upload_id in job.target.uploads(job.bucket):
        if upload_id not in kept and job.manifest.has_source(key):
            job.target.abort_upload(job.bucket, key, upload_id)


def _adopt(job: Job) -> set[str]:
    """Note the unknown objects that this tool wrote; return the keys of the others."""
    foreign: set[str] = set()
    lock = threading.Lock()

    def look(item: tuple[Listed, Blob | None]) -> None:
        listed, blob = item
        head = job.target.head(job.bucket, listed.key)
        if head is None:
            job.manifest.forget_target(listed.key)
        elif head.metadata.get("azure-source") != job.origin:
            with lock:
                foreign.add(listed.key)
        else:
            made_from = head.metadata.get("azure-version", "")
            unread = blob is not None and bool(blob.content_md5)
            job.manifest.record(
                Written(
                    key=listed.key,
                    fingerprint=made_from,
                    etag=head.etag,
                    crc64=head.crc64,
                    md5="unread" if unread else "missing",
                )
            )

    each(job.manifest.unknown_objects(), look, workers=job.settings.workers, check_stop=job.run.check_stop)
    return foreign


def _replace(job: Job, foreign: set[str]) -> None:
    """Keep what is about to be overwritten or is not on the source, then delete the latter."""
    gone = set(job.manifest.extra())
    versioned = job.target.versioned(job.bucket)
    for key in sorted(foreign | gone):
        job.run.check_stop()
        if not versioned:
            _back_up(job, key)
        if key in gone:
            job.target.delete(job.bucket, key)
            job.manifest.forget_target(key)
    if foreign or gone:
        where = "an earlier version" if versioned else f"a copy under {BACKUPS}{job.run.context.run_dir.name}/"
        job.run.finding(
            "replaced",
            f"{len(foreign | gone)} objects of bucket {job.bucket} were replaced or deleted; each is kept as {where}.",
            object=job.container,
            kind="note",
            severity="warning",
        )


def _back_up(job: Job, key: str) -> None:
    copy = f"{BACKUPS}{job.run.context.run_dir.name}/{key}"
    head = job.target.head(job.bucket, key)
    if len(copy.encode()) > KEY_BYTES or (head and head.size > COPY_LIMIT):
        raise Refused(
            f"Object {key!r} of bucket {job.bucket} cannot be backed up by a copy: its key or its size is too long.",
            hint="Switch versioning on for the bucket, then run the same command again.",
        )
    if head:
        job.target.copy(job.bucket, key, copy)
