"""Fills the blob containers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from wkms_migrate.config import Settings
from wkms_migrate.lab.seed.blobs import Blob, blobs
from wkms_migrate.lab.seed.dataset import Expected, Job, OrderFreeDigest, Part, batches
from wkms_migrate.lab.seed.library import ATTACHMENTS, DOCUMENTS

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

CONTAINERS = (DOCUMENTS, ATTACHMENTS)
WORKERS = 8
IN_FLIGHT = 32  # blobs held in memory at once


def marker(settings: Settings) -> str | None:
    """Read the data set's id from the metadata of the first container."""
    with _service(settings) as service:
        container = service.get_container_client(DOCUMENTS)
        if not container.exists():
            return None
        found = container.get_container_properties().metadata.get("dataset")
    return str(found) if found else None


def fill(job: Job) -> Expected:
    """Make the containers anew and upload every blob."""
    digests = {name: OrderFreeDigest() for name in CONTAINERS}
    sizes = dict.fromkeys(CONTAINERS, 0)
    with _service(job.settings) as service, ThreadPoolExecutor(WORKERS) as pool:
        for name in CONTAINERS:
            container = service.get_container_client(name)
            if container.exists():
                container.delete_container()
            container.create_container()
        for batch in job.until_stopped(batches(blobs(job.scale), IN_FLIGHT)):
            for blob in batch:
                digests[blob.container].add(fingerprint(blob.name, blob.content))
                sizes[blob.container] += len(blob.content)
            _wait(pool.map(lambda blob: _upload(service, blob), batch))
        service.get_container_client(DOCUMENTS).set_container_metadata({"dataset": job.dataset})
    job.tell(f"Blob: {sum(digest.count for digest in digests.values()):,} blobs, {sum(sizes.values()) / 1e6:.0f} MB")
    return {name: digests[name].as_expected() | {"bytes": sizes[name]} for name in CONTAINERS}


def fingerprint(name: str, content: bytes) -> bytes:
    """Return what stands for one blob in the digest of its container."""
    return name.encode() + b"\x00" + sha256(content).digest()


def _wait(results: Iterator[None]) -> None:
    for _ in results:
        pass


def _upload(service: BlobServiceClient, blob: Blob) -> None:
    from azure.storage.blob import ContentSettings, StandardBlobTier

    client = service.get_blob_client(blob.container, blob.name)
    options: dict[str, Any] = {"standard_blob_tier": StandardBlobTier(blob.tier)} if blob.tier else {}
    client.upload_blob(
        blob.content,
        blob_type=blob.kind,
        overwrite=True,
        content_settings=ContentSettings(**blob.headers),
        metadata=blob.metadata or None,
        tags=blob.tags or None,
        **options,
    )


def _service(settings: Settings) -> BlobServiceClient:
    from azure.storage.blob import BlobServiceClient

    storage = settings.azure.storage
    return BlobServiceClient(storage.blob_endpoint, credential=storage.key.reveal())


PART = Part(name="blob", marker=marker, fill=fill)
