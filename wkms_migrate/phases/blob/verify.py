"""Compare a bucket with its container: names, sizes, checksums; read back what no checksum vouches for."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wkms_migrate.clients.azure_blob import Blob, Changed
from wkms_migrate.clients.crc64 import combined, crc64
from wkms_migrate.counted import counted
from wkms_migrate.phases.blob import findings, history
from wkms_migrate.phases.blob.crew import batches, each
from wkms_migrate.phases.blob.job import Job, list_both, opened
from wkms_migrate.phases.blob.manifest import Comparison, Written
from wkms_migrate.phases.blob.settings import MIB

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun

SHOWN = 20
REPORTED_AT_ONCE = 500  # objects that are compared without a request
DIGEST_MASK = (1 << 64) - 1


@dataclass(slots=True)
class Digests:
    """Order-free digests of (key, CRC64) on both ends, and what was read back. `lock` guards the rest."""

    source: int = 0
    target: int = 0
    checked: int = 0
    read_back: int = 0
    unchecked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def verify_container(run: StepRun, container: str, bucket: str) -> Mapping[str, Json]:
    """Compare both ends; every mismatch is a finding, and makes the step fail."""
    with opened(run, container, bucket) as job:
        list_both(job)
        return {f"verified/{container}": compare_both(job)}


def compare_both(job: Job) -> Mapping[str, Json]:
    """Compare both ends as the manifest lists them."""
    found = job.manifest.compare()
    _compare_listings(job, found)
    digests = Digests()
    if job.settings.verify != "size":
        _compare_content(job, digests)
    if job.settings.past == "replay":
        history.verify(job)
    objects, size = found.target
    return {"objects": objects, "bytes": size, "checked": digests.checked, "read_back": digests.read_back}


def _compare_listings(job: Job, found: Comparison) -> None:
    run, name = job.run, job.container
    run.verified(name, "objects", found.source[0], found.target[0])
    run.verified(name, "bytes", found.source[1], found.target[1])
    run.verified(name, "names missing on the target", 0, len(found.missing))
    if job.settings.on_existing == "append":
        text = f"{counted(len(found.extra), 'object')} of others in bucket {job.bucket}, left alone."
        run.finding("others-objects", text, object=name)
    else:
        run.verified(name, "names only on the target", 0, len(found.extra))
        _list(
            job, "extra", found.extra, "is in the bucket and not in the container", "on_existing: replace removes it."
        )
    run.verified(name, "sizes that differ", 0, len(found.sizes))
    run.verified(name, "objects not of the current version", 0, len(found.changed))
    again = "Run `wkms-migrate phase blob` again."
    _list(job, "missing", found.missing, "is not in the bucket", again)
    _list(job, "size-differs", found.sizes, "has another size in the bucket", again)
    _list(job, "not-current", found.changed, "was changed on either side since it was copied", again)


def _list(job: Job, code: str, names: list[str], text: str, hint: str) -> None:
    for name in names[:SHOWN]:
        about = f"{job.container}/{name}"
        job.run.finding(code, f"{name!r} {text}.", object=about, kind="risk", severity="error", hint=hint)


def _compare_content(job: Job, digests: Digests) -> None:
    job.tally.total = job.manifest.totals()[0]
    each(
        _to_ask_for(job, digests),
        lambda written: _check(job, digests, written),
        workers=job.settings.workers,
        check_stop=job.run.check_stop,
    )
    job.run.verified(job.container, "CRC64NVME of all objects", f"{digests.source:016x}", f"{digests.target:016x}")
    if digests.read_back or digests.unchecked:
        job.run.finding(
            "read-back",
            _read_back_text(digests),
            object=job.container,
            severity="warning" if digests.unchecked else "info",
            hint="phases.blob.verify: deep reads all of them back." if digests.unchecked else "",
        )


def _read_back_text(digests: Digests) -> str:
    text = f"{counted(digests.read_back, 'object was', 'objects were')} read back from the bucket"
    if not digests.unchecked:
        return f"{text}."
    return f"{text}; {digests.unchecked} have no checksum there and were compared by name and size only."


def _to_ask_for(job: Job, digests: Digests) -> Iterator[Written]:
    """Compare what needs no request, and yield the rest: threads would only wait for one another there."""
    compared = 0
    for name, written in job.manifest.written():
        if written.crc64 is None or written.confirmed is None or written.md5 == "unread" or _is_deep(job, written.key):
            yield written
            continue
        _compare_checksums(job, digests, name, written.key, (written.crc64, written.confirmed))
        compared += 1
        if compared == REPORTED_AT_ONCE:
            job.run.check_stop()
            job.report(objects=compared, item=name)
            compared = 0
    job.report(objects=compared)


def _check(job: Job, digests: Digests, written: Written) -> None:
    blob, stored = job.manifest.blob(written.key), written.confirmed
    if stored is None:
        head = job.target.head(job.bucket, written.key)
        stored = head.crc64 if head else None
    deep = _is_deep(job, written.key)
    if _must_read(job, digests, written, stored):
        stored, md5 = _read_back(job, written.key, blob.size)
        if written.md5 == "unread":
            _compare_md5(job, blob, written, md5)
    expected = _read_source(job, blob) if deep else stored if written.crc64 is None else written.crc64
    _compare_checksums(job, digests, blob.name, written.key, (expected, stored))
    job.report(objects=1, item=blob.name)


def _compare_checksums(
    job: Job, digests: Digests, name: str, key: str, checksums: tuple[int | None, int | None]
) -> None:
    """Compare what was read from the source with what the target holds; None where there is no checksum."""
    expected, stored = checksums
    with digests.lock:
        if expected is None or stored is None:
            digests.unchecked += 1
        else:
            digests.checked += 1
            term = _term(key, expected)
            digests.source = (digests.source + term) & DIGEST_MASK
            digests.target = (digests.target + (term if stored == expected else _term(key, stored))) & DIGEST_MASK
    if expected != stored:
        _list(job, "content-differs", [name], "has other content in the bucket", "Delete it there and run again.")


def _compare_md5(job: Job, blob: Blob, written: Written, md5: str) -> None:
    """Compare what was read back with the stored Content-MD5, and note it, so that it is read back once only."""
    if md5 != blob.content_md5 and job.settings.on_bad_md5 == "fail":
        job.run.verified(f"{job.container}/{blob.name}", "Content-MD5", blob.content_md5, md5)
        return
    if md5 != blob.content_md5:
        findings.wrong_md5(job, blob.name)
    job.manifest.record(replace(written, md5="match" if md5 == blob.content_md5 else "wrong"))


def _must_read(job: Job, digests: Digests, written: Written, stored: int | None) -> bool:
    with digests.lock:
        sampled = stored is None and digests.read_back < job.settings.sample
        read = sampled or written.md5 == "unread" or _is_deep(job, written.key)
        digests.read_back += read
        return read


def _is_deep(job: Job, key: str) -> bool:
    """Say whether this object is read on both ends. A sample is of the same objects each time."""
    if job.settings.verify == "sample":
        share = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") / (1 << 32)
        return share * 100 < job.settings.sample_percent
    return job.settings.verify == "deep"


def _read_source(job: Job, blob: Blob) -> int | None:
    """Return the CRC64 of the blob as it is now; None when it is not any more what was listed."""
    parts: list[tuple[int, int]] = []
    try:
        for _, offset, length in batches(blob.size, job.settings.part_mib * MIB):
            with job.memory.take(length, job.run.check_stop) as lease:
                checksum = job.source.read(job.container, blob, lease.buffer, offset, every_page=True)
                parts.append((checksum, length))
    except Changed:
        return None
    return combined(parts)


def _read_back(job: Job, key: str, size: int) -> tuple[int, str]:
    """Return CRC64 and MD5 (base64) of an object as it is stored."""
    checksum, md5 = 0, hashlib.md5(usedforsecurity=False)
    for _, offset, length in batches(size, job.settings.part_mib * MIB):
        with job.memory.take(length, job.run.check_stop) as lease:
            job.target.read(job.bucket, key, lease.buffer, offset)
            checksum = crc64(lease.buffer, checksum)
            md5.update(lease.buffer)
    return checksum, base64.b64encode(md5.digest()).decode()


def _term(key: str, checksum: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{key}\0{checksum:016x}".encode(), digest_size=8).digest(), "big")
