"""What is in the bucket before anything is written: ours, up to date or not, or somebody else's."""

from __future__ import annotations

import base64
import threading

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.clients.s3 import Listed
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused
from wkms_migrate.phases.blob.backup import back_up, kept_as
from wkms_migrate.phases.blob.crew import each
from wkms_migrate.phases.blob.job import Job
from wkms_migrate.phases.blob.manifest import Md5, Written
from wkms_migrate.phases.blob.mirror import check as check_mirror
from wkms_migrate.phases.blob.mirror import refuse_empty


def reconcile(job: Job) -> None:
    """Adopt what an earlier run wrote, and deal with what others wrote as `on_existing` says.

    Costs one HEAD for each object that the manifest does not know; none when the manifest is there.
    """
    foreign = adopt(job)
    if job.settings.mirror:
        check_mirror(job, foreign)
    if foreign and job.settings.on_existing == "refuse":
        raise Refused(
            f"Bucket {job.bucket} holds {counted(len(foreign), 'object')} that did not come from {job.origin}, "
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


def adopt(job: Job) -> set[str]:
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
            version = head.metadata.get("azure-version", "")
            read = job.manifest.checksum(listed.key, version)
            altered = None not in {read, head.crc64} and read != head.crc64  # by somebody who kept the metadata
            job.manifest.record(
                Written(
                    key=listed.key,
                    fingerprint="" if altered else version,
                    etag=head.etag,
                    crc64=head.crc64,
                    confirmed=head.crc64,
                    md5=_md5_by_etag(blob, head.etag),
                )
            )

    each(job.manifest.unknown_objects(), look, workers=job.settings.workers, check_stop=job.run.check_stop)
    return foreign


def _md5_by_etag(blob: Blob | None, etag: str) -> Md5:
    """Compare with the stored Content-MD5 by the ETag: the MD5 of an object stored in one request."""
    if blob is None or not blob.content_md5:
        return "missing"
    return "match" if base64.b64decode(blob.content_md5).hex() == etag else "unread"


def _replace(job: Job, foreign: set[str]) -> None:
    """Keep what is about to be overwritten or is not on the source, then delete the latter."""
    gone = set(job.manifest.extra())
    if gone:
        refuse_empty(job)
    versioned = job.target.versioned(job.bucket)
    for key in sorted(foreign | gone):
        job.run.check_stop()
        if not versioned:
            back_up(job, key)
        if key in gone:
            job.target.delete(job.bucket, key)
            job.manifest.forget_target(key)
    if foreign or gone:
        job.run.finding(
            "replaced",
            f"{counted(len(foreign | gone), 'object')} of bucket {job.bucket} replaced or deleted; each is kept as "
            f"{kept_as(job, versioned=versioned)}.",
            object=job.container,
            kind="note",
            severity="warning",
        )
