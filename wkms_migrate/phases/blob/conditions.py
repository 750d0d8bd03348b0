"""Conditional writes: nobody else's object is overwritten, and a write whose answer was lost is recognised."""

from __future__ import annotations

from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.clients.s3 import Stored
from wkms_migrate.errors import Refused
from wkms_migrate.phases.blob.job import Job
from wkms_migrate.phases.blob.manifest import Pending

NOT_FOUND = 404
PRECONDITION_FAILED = 412


def condition(item: Pending) -> dict[str, str]:
    """Return the header that makes the write fail when the key is not as it was listed."""
    return {"If-Match": f'"{item.replaces}"'} if item.replaces else {"If-None-Match": "*"}


def landed_before(job: Job, item: Pending, error: ServiceError) -> Stored:
    """Return the object when this very write had landed and only its answer was lost; else raise."""
    if error.status not in {NOT_FOUND, PRECONDITION_FAILED}:
        raise error
    head = job.target.head(job.bucket, item.key)
    ours = head is not None and head.metadata.get("azure-source") == job.origin
    if head and ours and head.metadata.get("azure-version") == item.fingerprint:
        return Stored(head.etag, head.crc64)
    raise Refused(
        f"Object {item.key!r} of bucket {job.bucket} was changed by somebody else during the copy.",
        hint="Stop what writes to the bucket, then run the same command again.",
    ) from error
