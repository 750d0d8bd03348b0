"""What the parts of one container's move share: both ends, the manifest, memory, threads, progress."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wkms_migrate.clients import azure_blob, s3
from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.blob.ahead import ahead
from wkms_migrate.phases.blob.allocator import give_back_from
from wkms_migrate.phases.blob.concurrency import Limiter
from wkms_migrate.phases.blob.crew import WORTH_KEEPING, Memory
from wkms_migrate.phases.blob.listing import Kept, Row, rows
from wkms_migrate.phases.blob.manifest import Manifest
from wkms_migrate.phases.blob.place import Place
from wkms_migrate.phases.blob.refusals import told
from wkms_migrate.phases.blob.selection import Selection, select
from wkms_migrate.phases.blob.settings import MIB, BlobSettings
from wkms_migrate.plan import Context, StepRun


class ObjectFailed(WkmsError):
    """One object cannot be copied; the others can."""


@dataclass(slots=True)
class Tally:
    """What was done so far. `lock` guards the rest."""

    total: int = 0
    done: int = 0
    copied: int = 0
    bytes: int = 0
    failed: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The move of one container into one bucket, or a prefix of it."""

    container: str
    bucket: str
    selection: Selection
    settings: BlobSettings
    source: azure_blob.BlobService
    target: s3.S3
    manifest: Manifest
    limiter: Limiter
    memory: Memory
    parts: ThreadPoolExecutor
    run: StepRun
    tally: Tally

    @property
    def origin(self) -> str:
        """Whose content the objects are: account and container, as their metadata says it."""
        return f"{self.source.account}/{self.container}"

    @property
    def tags(self) -> bool:
        """Whether the blobs were listed with their index tags."""
        return self.source.lists_tags(self.container)

    def note(self, codes: tuple[str, ...], name: str) -> None:
        """Count what happened to a blob, with the first one as the example."""
        if not codes:
            return
        with self.tally.lock:
            for code in codes:
                self.tally.notes[code] += 1
                self.tally.examples.setdefault(code, name)

    def moved(self, size: int) -> None:
        """Count bytes of a part that landed."""
        self.report(size=size)

    def copied(self, blob: Blob) -> None:
        """Count an object that landed; the bytes of one in parts are counted already."""
        self.report(objects=1, copied=1, size=0 if self.in_parts(blob) else blob.size, item=blob.name)

    def in_parts(self, blob: Blob) -> bool:
        """Say whether a blob is large enough to be copied in parts."""
        return blob.size > self.settings.part_mib * MIB

    def report(self, *, objects: int = 0, copied: int = 0, failed: int = 0, size: int = 0, item: str = "") -> None:
        """Count objects and bytes, and state the progress."""
        with self.tally.lock:
            self.tally.bytes += size
            self.tally.done += objects
            self.tally.copied += copied
            self.tally.failed += failed
            done, total, moved, errors = self.tally.done, self.tally.total, self.tally.bytes, self.tally.failed
        self.run.progress(done, total, "objects", bytes=moved, errors=errors, item=item)


def manifest_path(context: Context, container: str) -> Path:
    """Return where the manifest of a container is."""
    return context.run_dir / "blob" / f"{container}.sqlite"


@contextmanager
def opened(run: StepRun, container: str, place: str, manifest_file: Path | None = None) -> Iterator[Job]:
    """Open both ends and the manifest for one step; close all of it at the end. `place` is `bucket` or `bucket/prefix`.

    Raises `WkmsError` when the manifest cannot be written.
    """
    give_back_from(WORTH_KEEPING)
    settings = run.context.section(BlobSettings)
    where = Place.of(place)
    selection = select(settings, where)
    path = manifest_file or manifest_path(run.context, container)
    config = run.context.settings
    source = azure_blob.connect(config.azure.storage, run.stopping)
    target = s3.connect(config.aws, run.stopping)
    limiter = Limiter(settings.workers, lambda text: run.log(f"{container}: {text}"))
    source.heed(limiter.throttled)
    target.heed(limiter.throttled)
    try:
        with (
            _told(path, where.bucket),
            Manifest(path) as manifest,
            ThreadPoolExecutor(settings.workers, thread_name_prefix="part") as parts,
        ):
            yield Job(
                container=container,
                bucket=where.bucket,
                selection=selection,
                settings=settings,
                source=source,
                target=target,
                manifest=manifest,
                limiter=limiter,
                memory=Memory(settings.memory_mib * MIB, limiter),
                parts=parts,
                run=run,
                tally=Tally(),
            )
    finally:
        source.close()
        target.close()


@contextmanager
def _told(path: Path, bucket: str) -> Iterator[None]:
    """Tell a refusal, or a disk that is full, in the words of a migration."""
    try:
        with told(bucket):
            yield
    except (sqlite3.Error, OSError) as error:
        raise WkmsError(
            f"{path.parent} cannot be written: {error}.",
            hint="Make room on its disk, or move runs_dir; then run the same command again. What landed is kept.",
        ) from error


def list_both(job: Job, kept: Kept | None = None) -> None:
    """Take both listings into the manifest: all blobs that are selected by name, and the objects that may be theirs.

    Both are read at the same time; the source's not again where it was kept.
    """
    with ahead(job.target.objects(job.bucket, job.selection.target_prefix)) as objects:
        job.manifest.list_source(_rows(job, kept))
        job.manifest.list_target(one for one in objects if job.selection.holds(one.key))


def _rows(job: Job, kept: Kept | None) -> Iterator[Row]:
    known = kept.take() if kept else None
    if kept and known is not None:
        if not kept.tags:
            job.source.forgo_tags(job.container)
        yield from known
        return
    chosen = job.selection
    with ahead(job.source.blobs(job.container, prefix=chosen.source_prefix, also=chosen.also)) as blobs:
        for found in rows(chosen.listed(blobs)):
            job.run.check_stop()
            yield found
