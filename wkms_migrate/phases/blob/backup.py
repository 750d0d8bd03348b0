"""Keep an object before it is overwritten or deleted."""

from __future__ import annotations

from wkms_migrate.errors import Refused
from wkms_migrate.phases.blob.job import Job
from wkms_migrate.phases.blob.mapping import BACKUPS, KEY_BYTES

COPY_LIMIT = 5 << 30  # bytes that one CopyObject can copy


def kept_as(job: Job, *, versioned: bool) -> str:
    """Say in words where the objects of this run are kept."""
    return "an earlier version" if versioned else f"a copy under {BACKUPS}{job.run.context.run_dir.name}/"


def back_up(job: Job, key: str) -> None:
    """Copy an object aside, in a bucket that keeps no versions. Raises `Refused` when one copy cannot hold it."""
    copy = f"{BACKUPS}{job.run.context.run_dir.name}/{key}"
    head = job.target.head(job.bucket, key)
    if len(copy.encode()) > KEY_BYTES or (head and head.size > COPY_LIMIT):
        raise Refused(
            f"Object {key!r} of bucket {job.bucket} cannot be backed up by a copy: its key or its size is too long.",
            hint="Switch versioning on for the bucket, then run the same command again.",
        )
    if head:
        job.target.copy(job.bucket, key, copy)
