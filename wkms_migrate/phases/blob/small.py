"""Copy small blobs: many under way on one thread, as none holds it while it waits for an answer.

It knows only the way on which all goes well. What leaves it (no connection is open yet, a service is busy, a blob was
changed, a body is not what it should be) is handed over to a thread, which begins it anew and knows what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeAlias

from wkms_migrate.clients.http_readiness import Exchanges, Talk
from wkms_migrate.clients.s3 import stored
from wkms_migrate.clients.structured_body import read_body
from wkms_migrate.errors import TransientError
from wkms_migrate.phases.blob.conditions import condition
from wkms_migrate.phases.blob.crew import WAKE_SECONDS, Lease
from wkms_migrate.phases.blob.digests import md5_of, md5_state
from wkms_migrate.phases.blob.job import Job
from wkms_migrate.phases.blob.manifest import Pending, Written
from wkms_migrate.phases.blob.mapping import Mapped, mapped

SMALL_BYTES: Final = 48 << 10  # an answer with so much content and its head fits into a connection's buffer

Copy: TypeAlias = Callable[[Job, Pending], None]


def copy_small(job: Job, items: Iterator[Pending], copy: Copy) -> None:
    """Copy all items; `copy` does it for one that is handed over.

    After a failure that it raises, or when the user asks to stop, what is under way is ended and nothing more begun.
    """
    with (
        Exchanges[Pending]() as exchanges,
        ThreadPoolExecutor(job.settings.workers, thread_name_prefix="blob") as pool,
    ):
        _Copying(job, items, copy, exchanges, pool).run()
    job.run.check_stop()


class _Copying:
    def __init__(
        self, job: Job, items: Iterator[Pending], copy: Copy, exchanges: Exchanges[Pending], pool: ThreadPoolExecutor
    ) -> None:
        self._job, self._items, self._copy = job, items, copy
        self._exchanges, self._pool = exchanges, pool
        self._handed: set[Future[None]] = set()
        self._failures: list[BaseException] = []

    def run(self) -> None:
        """Keep as many under way as the limiter allows, until there are no more; raise the first failure then."""
        while self._begin_more() or self._exchanges or self._handed:
            for ended in self._exchanges.turn(WAKE_SECONDS):
                if ended.error and not self._failures:
                    asked = ended.error.retry_after if isinstance(ended.error, TransientError) else None
                    self._hand_over(ended.key, asked or 0.0)
            for future in [future for future in self._handed if future.done()]:
                self._handed.remove(future)
                if error := future.exception():
                    self._failures.append(error)
        if self._failures:
            raise self._failures[0]

    def _begin_more(self) -> bool:
        """Begin what may be begun; say whether more may follow."""
        most = self._job.settings.workers
        while len(self._exchanges) + len(self._handed) < min(most, self._job.limiter.limit):
            over = self._failures or self._job.run.stopping.is_set()
            item = None if over else next(self._items, None)
            if item is None:
                return False
            self._begin(item)
        return True

    def _begin(self, item: Pending) -> None:
        job = self._job
        how = mapped(item.blob, item.key, job.origin, job.settings.storage_classes, item.fingerprint)
        plain = not how.sidecar and item.blob.kind != "PageBlob"
        if (
            plain
            and self._exchanges.has_room(job.source.origin, job.target.origin)
            and (lease := job.memory.take_now(item.blob.size))
        ):
            self._exchanges.begin(item, _copied(job, item, how, lease))
        else:
            self._hand_over(item)

    def _hand_over(self, item: Pending, wait: float = 0.0) -> None:
        """Have a thread copy this, after the seconds for which a service that is busy wants to be left alone."""
        future = self._pool.submit(self._copy_after, wait, item)
        self._handed.add(future)
        future.add_done_callback(lambda _: self._exchanges.wake())

    def _copy_after(self, wait: float, item: Pending) -> None:
        if wait:
            self._job.run.stopping.wait(wait)
        self._job.run.check_stop()
        self._copy(self._job, item)


def _copied(job: Job, item: Pending, how: Mapped, lease: Lease) -> Talk:
    """Read a blob, check it, store it, and note that."""
    blob = item.blob
    with lease:
        checksum = read_body((yield job.source.asking(job.container, blob)), lease.buffer)
        state = md5_state(job, blob, md5_of(blob, lease.buffer), checksum, None)
        headers = {**how.headers, **condition(item)}
        answer = yield job.target.asking(job.bucket, item.key, lease.buffer, crc64=checksum, headers=headers)
        answer.read()
    there = stored(answer.headers)
    written = Written(
        key=item.key,
        fingerprint=item.fingerprint,
        etag=there.etag,
        crc64=checksum,
        md5=state,
        confirmed=there.crc64,
    )
    job.manifest.record(written, blob)
    job.note(how.notes, blob.name)
    job.copied(blob)
