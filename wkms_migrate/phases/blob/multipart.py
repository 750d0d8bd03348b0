"""Copy a large blob in parts, several at once, and go on inside it after a kill.

The manifest knows the upload and each part that has landed; what was on its way is sent again.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from wkms_migrate.clients.azure_blob import Changed
from wkms_migrate.clients.crc64 import combined
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.clients.s3 import Part, Stored
from wkms_migrate.errors import Damaged
from wkms_migrate.phases.blob.conditions import condition, landed_before
from wkms_migrate.phases.blob.crew import Lease, batches
from wkms_migrate.phases.blob.digests import OrderedMd5, Suspect, md5_state
from wkms_migrate.phases.blob.job import Job, ObjectFailed
from wkms_migrate.phases.blob.manifest import Pending, Upload, Written
from wkms_migrate.phases.blob.mapping import Mapped
from wkms_migrate.phases.blob.settings import MIB

MOST_PARTS = 10_000


@dataclass(slots=True)
class Sending:
    """An upload that is under way: its parts so far, and whether a part of it failed."""

    upload: Upload
    item: Pending
    parts: dict[int, Part]
    md5: OrderedMd5 | None
    failed: threading.Event = field(default_factory=threading.Event)


def copy_in_parts(job: Job, item: Pending, how: Mapped, suspect: int | None) -> Written:
    """Copy one version of a blob. An upload that can never be ended is aborted; one that can is kept for later."""
    sending = _open(job, item, how)
    try:
        return _finish(job, sending, suspect)
    except (Changed, Suspect, ObjectFailed):
        job.target.abort_upload(job.bucket, item.key, sending.upload.upload_id)
        job.manifest.forget_upload(sending.upload.upload_id)
        raise


def part_size(size: int, wished: int) -> int:
    """Return the bytes of a part: as wished, more where 10,000 parts would not do."""
    least = -(-size // MOST_PARTS)
    return max(wished, -(-least // MIB) * MIB)


def _open(job: Job, item: Pending, how: Mapped) -> Sending:
    """Go on with the upload of this very version, or begin one."""
    known = job.manifest.upload_of(item.key, item.fingerprint)
    stored = job.target.parts(job.bucket, item.key, known.upload_id) if known else None
    if known and stored is not None:
        parts = {
            part.number: part for part in job.manifest.parts(known.upload_id) if stored.get(part.number) == part.etag
        }
        job.moved(sum(part.size for part in parts.values()))
        whole = OrderedMd5() if item.blob.content_md5 and not parts else None
        return Sending(known, item, parts, whole)
    if known:
        job.manifest.forget_upload(known.upload_id)
    upload_id = job.target.start_upload(job.bucket, item.key, how.headers)
    upload = Upload(upload_id, item.key, item.fingerprint, part_size(item.blob.size, job.settings.part_mib * MIB))
    job.manifest.save_upload(upload)
    return Sending(upload, item, {}, OrderedMd5() if item.blob.content_md5 else None)


def _finish(job: Job, sending: Sending, suspect: int | None) -> Written:
    _send_missing(job, sending)
    item, upload = sending.item, sending.upload
    parts = [sending.parts[number] for number in sorted(sending.parts)]
    checksum = combined((part.crc64, part.size) for part in parts)
    digest = sending.md5.digest() if sending.md5 else None
    state = md5_state(job, item.blob, digest, checksum, suspect)
    try:
        etag = job.target.finish_upload(
            job.bucket, item.key, upload.upload_id, parts, crc64=checksum, headers=condition(item)
        )
        head = job.target.head(job.bucket, item.key)
        stored = Stored(etag, head.crc64 if head and head.etag == etag else None)
    except ServiceError as error:
        stored = landed_before(job, item, error)
    except Damaged as error:  # the parts do not make up what was read: this upload can never be ended
        raise ObjectFailed(error.message, hint=error.hint) from error
    job.manifest.forget_upload(upload.upload_id)
    return Written(
        key=item.key,
        fingerprint=upload.fingerprint,
        etag=stored.etag,
        crc64=checksum,
        md5=state,
        confirmed=stored.crc64,
    )


def _send_missing(job: Job, sending: Sending) -> None:
    """Send every part that has not landed. Buffers are taken in order, so that a part's turn always comes."""
    futures: list[Future[None]] = []
    for number, offset, length in batches(sending.item.blob.size, sending.upload.part_size):
        if number in sending.parts:
            continue
        if sending.failed.is_set():
            break
        lease = job.memory.take(length, job.run.check_stop)
        futures.append(job.parts.submit(_send, job, sending, number, offset, lease))
    for future in futures:
        future.exception()  # wait for all: they hold buffers
    for future in futures:
        future.result()


def _send(job: Job, sending: Sending, number: int, offset: int, lease: Lease) -> None:
    try:
        with lease:
            if not sending.failed.is_set():
                job.run.check_stop()
                _send_part(job, sending, number, offset, lease.buffer)
    except BaseException:
        sending.failed.set()
        raise


def _send_part(job: Job, sending: Sending, number: int, offset: int, buffer: bytearray) -> None:
    upload, blob = sending.upload, sending.item.blob
    checksum = job.source.read(job.container, blob, buffer, offset)
    if sending.md5:
        sending.md5.add(number, buffer, sending.failed.is_set)
    with memoryview(buffer) as body:
        etag = job.target.put_part(job.bucket, upload.key, upload.upload_id, number, body, crc64=checksum)
    part = Part(number, etag, checksum, len(buffer))
    job.manifest.save_part(upload.upload_id, part)
    sending.parts[number] = part
    job.moved(len(buffer))
