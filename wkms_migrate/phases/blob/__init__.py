"""Blob Storage to S3: list both ends, compare, copy what is new or changed, verify."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import TypeAlias

from wkms_migrate.clients import azure_blob
from wkms_migrate.errors import ConfigError, NotKnownYet
from wkms_migrate.events import Json
from wkms_migrate.phases.blob.copy import copy_container
from wkms_migrate.phases.blob.mapping import fingerprint, left
from wkms_migrate.phases.blob.renames import read_renames
from wkms_migrate.phases.blob.settings import BlobSettings
from wkms_migrate.phases.blob.verify import verify_container
from wkms_migrate.plan import Context, Phase, Step, StepRun, digest_of

Work: TypeAlias = Callable[[StepRun, str, str], Mapping[str, Json]]
UNKNOWN = "(known after provision)"
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one listing of a container says: what can be copied, what is left and why, and a digest of all of it."""

    objects: int
    bytes: int
    left: dict[str, int]
    digest: str

    @property
    def text(self) -> str:
        """The survey in words."""
        left = ", ".join(f"{count} {reason}" for reason, count in sorted(self.left.items()))
        return f"{self.objects:,} objects, {_sized(self.bytes)}" + (f"; left behind: {left}" if left else "")


def plan(context: Context) -> Iterator[Step]:
    """Yield copy and verify for every container; costs one listing each."""
    settings = context.section(BlobSettings)
    service = azure_blob.connect(context.settings.azure.storage)
    try:
        for container, bucket in _chosen(context, settings, service).items():
            yield from _steps(settings, container, bucket, _survey(service, settings, container))
    finally:
        service.close()


def _chosen(context: Context, settings: BlobSettings, service: azure_blob.BlobService) -> dict[str, str]:
    """Return the bucket of every container that is to be moved; empty where none is known."""
    there = list(service.containers())
    if unknown := [name for name in (*settings.containers, *settings.buckets) if name not in there]:
        raise ConfigError(
            f"The storage account {service.account} has no container {', '.join(unknown)}.",
            hint=f"phases.blob names it. The account has: {', '.join(there) or 'none'}.",
        )
    made = _made_by_provision(context)
    chosen = {
        name: settings.buckets.get(name) or made.get(name, made.get("", "")) for name in settings.containers or there
    }
    named = [bucket for bucket in chosen.values() if bucket and bucket != UNKNOWN]
    if len(set(named)) != len(named):
        raise ConfigError("Two containers would share a bucket.", hint="Give each its own in phases.blob.buckets.")
    return chosen


def _made_by_provision(context: Context) -> dict[str, str]:
    """Return bucket by container; under an empty name what stands for all while provision is not done."""
    try:
        return dict(context.output("provision", "wkms")["buckets"])
    except NotKnownYet:
        return {"": UNKNOWN}


def _steps(settings: BlobSettings, container: str, bucket: str, survey: Survey) -> Iterator[Step]:
    skip = None if bucket else f"container {container} has no bucket; name one in phases.blob.buckets"
    how = settings.model_dump(include={"storage_classes", "on_bad_md5", "on_existing"}, mode="json")
    yield Step(
        id=f"blob/copy/{container}",
        summary=f"Copy container {container} to bucket {bucket} ({survey.text})",
        run=partial(_on_bucket, copy_container, container),
        digest=digest_of(bucket, survey.digest, how),
        skip=skip,
    )
    yield Step(
        id=f"blob/verify/{container}",
        summary=f"Compare container {container} with bucket {bucket}",
        run=partial(_on_bucket, verify_container, container),
        digest=digest_of(bucket, survey.digest, settings.verify),
        stage=1,
        skip=skip,
    )


def _on_bucket(work: Work, container: str, run: StepRun) -> Mapping[str, Json]:
    """Do the work with the bucket as it is known now. Raises `NotKnownYet` when provision was not done."""
    named = run.context.section(BlobSettings).buckets.get(container)
    return work(run, container, named or run.context.output("provision", "wkms")["buckets"][container])


def _survey(service: azure_blob.BlobService, settings: BlobSettings, container: str) -> Survey:
    renames = read_renames(settings.renames)
    objects, size, reasons = 0, 0, Counter[str]()
    hasher = blake2b(digest_size=12)
    for blob in service.blobs(container, tags=service.may_read_tags(container)):
        key = renames.get(blob.name, blob.name)
        reason = left(blob, key)
        hasher.update(f"{key}\0{fingerprint(blob, key)}\0".encode())
        if reason:
            reasons[reason] += 1
        else:
            objects, size = objects + 1, size + blob.size
    return Survey(objects=objects, bytes=size, left=dict(reasons), digest=hasher.hexdigest())


def _sized(size: float) -> str:
    for unit in UNITS[:-1]:
        if size < KIB:
            return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= KIB
    return f"{size:,.1f} {UNITS[-1]}"


PHASE = Phase(
    name="blob",
    summary="Copy blob containers to S3 buckets",
    plan=plan,
    settings=BlobSettings,
    needs=("provision",),
)
