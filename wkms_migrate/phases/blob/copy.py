"""Copy one container: compare both listings, then stream what is new or changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from wkms_migrate.clients.azure_blob import Blob, Changed
from wkms_migrate.clients.crc64 import crc64
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.counted import counted
from wkms_migrate.errors import Damaged, Partial
from wkms_migrate.phases.blob import findings, history, mirror
from wkms_migrate.phases.blob.conditions import condition, landed_before
from wkms_migrate.phases.blob.crew import each
from wkms_migrate.phases.blob.digests import Suspect, md5_of, md5_state
from wkms_migrate.phases.blob.job import Job, ObjectFailed, list_both, opened
from wkms_migrate.phases.blob.listing import Kept
from wkms_migrate.phases.blob.manifest import Pending, Written
from wkms_migrate.phases.blob.mapping import Mapped, fingerprint, left, mapped
from wkms_migrate.phases.blob.multipart import copy_in_parts
from wkms_migrate.phases.blob.reconcile import reconcile
from wkms_migrate.phases.blob.refusals import of_one_object
from wkms_migrate.phases.blob.small import SMALL_BYTES, copy_small

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun

RESTARTS: Final = 5  # how often an object is begun anew because its blob was changed meanwhile


def copy_container(kept: Kept | None, run: StepRun, container: str, bucket: str) -> Mapping[str, Json]:
    """Bring the bucket up to the container, whose listing may have been kept.

    Raises `WkmsError` at the end when some objects could not be copied.
    """
    with opened(run, container, bucket) as job:
        list_both(job, kept)
        reconcile(job)
        versions = history.replay(job, _copy_until_still) if job.settings.past == "replay" else 0
        job.tally.total = job.tally.done + job.manifest.totals(due=True)[0]
        each(
            takewhile(lambda item: item.blob.size > SMALL_BYTES, job.manifest.pending()),
            lambda item: _copy(job, item),
            workers=job.settings.workers,
            check_stop=run.check_stop,
            limiter=job.limiter,
        )
        job.limiter.begin_anew()
        copy_small(job, job.manifest.pending(SMALL_BYTES), _copy)
        findings.report(job)
        if job.tally.failed:
            raise Partial(
                f"{job.tally.failed} of {counted(job.tally.total, 'object')} of {container} not copied.",
                hint="`wkms-migrate status` lists them with the reason; mend that and run the same command again.",
            )
        deleted = mirror.delete_gone(job) if job.settings.mirror else 0
        objects, size = job.manifest.totals()
        facts = {
            "objects": objects,
            "bytes": size,
            "copied": job.tally.copied - versions,
            "versions": versions,
            "left": len(job.manifest.left()),
            "deleted": deleted,
        }
        return {f"copied/{container}": facts}


def _copy(job: Job, item: Pending) -> None:
    try:
        written, blob = _copy_until_still(job, item)
    except ObjectFailed as error:
        findings.failed(job, item.blob.name, error)
        job.report(objects=1, failed=1, item=item.blob.name)
        return
    if written is None or blob is None:
        job.report(objects=1, item=item.blob.name)
        return
    job.manifest.record(written, blob, changed=blob is not item.blob)
    if written.md5 == "wrong":
        findings.wrong_md5(job, blob.name)
    job.copied(blob)


def _copy_until_still(job: Job, item: Pending) -> tuple[Written | None, Blob | None]:
    """Copy one version of the blob; begin anew with the next one as long as it is changed while being read."""
    blob, suspect = item.blob, None
    for _ in range(RESTARTS):
        try:
            return _copy_version(job, item, suspect), blob
        except Suspect as found:
            suspect = found.crc64
        except Changed:
            current = job.source.find(job.container, blob.name, tags=job.tags)
            if current is None or blob.past or left(current, item.key):
                job.note(("gone",), blob.name)
                return None, None
            blob, suspect = current, None
            item = replace(item, blob=blob, fingerprint=fingerprint(blob, item.key))
            job.note(("changed",), blob.name)
        except (ServiceError, Damaged) as error:
            if of_one_object(error, copied=job.tally.copied, failed=job.tally.failed):
                raise ObjectFailed(error.message, hint=error.hint) from error
            raise
    raise ObjectFailed(
        f"{blob.name!r} was changed {RESTARTS} times while it was being read.", hint="Stop its writers, then run again."
    )


def _copy_version(job: Job, item: Pending, suspect: int | None) -> Written:
    how = mapped(item.blob, item.key, job.origin, job.settings.storage_classes, item.fingerprint)
    if how.sidecar:
        name, body = how.sidecar
        job.target.put(job.bucket, name, body, crc64=crc64(body), headers={"Content-Type": "application/json"})
    if job.in_parts(item.blob):
        written = copy_in_parts(job, item, how, suspect)
    else:
        written = _copy_whole(job, item, how, suspect)
    job.note(how.notes, item.blob.name)
    return written


def _copy_whole(job: Job, item: Pending, how: Mapped, suspect: int | None) -> Written:
    blob = item.blob
    with job.memory.take(blob.size, job.run.check_stop) as lease:
        checksum = job.source.read(job.container, blob, lease.buffer)
        state = md5_state(job, blob, md5_of(blob, lease.buffer), checksum, suspect)
        body = memoryview(lease.buffer)
        try:
            stored = job.target.put(
                job.bucket, item.key, body, crc64=checksum, headers={**how.headers, **condition(item)}
            )
        except ServiceError as error:
            stored = landed_before(job, item, error)
        finally:
            body.release()
    return Written(
        key=item.key,
        fingerprint=item.fingerprint,
        etag=stored.etag,
        crc64=checksum,
        md5=state,
        confirmed=stored.crc64,
    )
