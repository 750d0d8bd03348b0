"""Fills a container of Azurite by the official SDK."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import Any

from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings
from endpoints import StorageAccount

API_VERSION = "2025-11-05"  # the newest that Azurite knows is older than the SDK's default


def content(size: int, seed: int = 0) -> bytes:
    """Bytes that differ everywhere, the same on every machine."""
    return random.Random(seed).randbytes(size)


@dataclass(frozen=True, slots=True)
class Source:
    """A container of its own."""

    name: str
    client: ContainerClient

    def put(self, name: str, data: bytes, *, headers: dict[str, Any] | None = None, **options: Any) -> None:
        settings = ContentSettings(**headers) if headers else None
        self.client.upload_blob(name, data, overwrite=True, content_settings=settings, **options)

    def put_without_md5(self, name: str, data: bytes) -> None:
        """As a block list, for which the service keeps no Content-MD5."""
        blob = self.client.get_blob_client(name)
        blob.stage_block("a" * 8, data)
        blob.commit_block_list(["a" * 8])


def new_container(account: StorageAccount) -> Source:
    credential = {"account_name": account.account, "account_key": account.key}
    service = BlobServiceClient(account.blob_endpoint, credential=credential, api_version=API_VERSION)
    name = f"c{uuid.uuid4().hex[:12]}"
    return Source(name, service.create_container(name))
