"""Fills the Cosmos containers with transactional batches, one partition key at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from wkms_migrate.config import Settings
from wkms_migrate.lab.seed.dataset import Expected, OrderFreeDigest, Part, Tell, batches, plain
from wkms_migrate.lab.seed.items import (
    CHAT,
    CHUNKS,
    DIMENSIONS,
    SETTINGS,
    Item,
    chat_items,
    chunk_items,
    settings_items,
)
from wkms_migrate.lab.seed.scale import Scale

if TYPE_CHECKING:
    from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy

Key: TypeAlias = str | list[str]

WORKERS = 4
IN_FLIGHT = 16
MARKER_ID = "dataset"
CONTAINERS = (CHUNKS, CHAT, SETTINGS)


def marker(settings: Settings) -> str | None:
    """Read the data set's id from an item of the settings container, which is written last."""
    from azure.cosmos.exceptions import CosmosResourceNotFoundError

    with _client(settings) as client:
        container = client.get_database_client(settings.azure.cosmos.database).get_container_client(SETTINGS)
        try:
            return str(container.read_item(MARKER_ID, MARKER_ID)["value"])
        except CosmosResourceNotFoundError:
            return None


def fill(settings: Settings, scale: Scale, dataset: str, tell: Tell) -> Expected:
    """Make the database anew and write every item."""
    digests = {name: OrderFreeDigest() for name in CONTAINERS}
    with _client(settings) as client, ThreadPoolExecutor(WORKERS) as pool:
        database = _emptied(client, settings.azure.cosmos.database)
        containers = _create_containers(database)
        for group in batches(_batches(scale), IN_FLIGHT):
            for name, _, items in group:
                for item in items:
                    digests[name].add(canonical(item))
            for _ in pool.map(lambda one: _write(containers[one[0]], one[1], one[2]), group):
                pass
        last = {"id": MARKER_ID, "value": dataset}
        containers[SETTINGS].upsert_item(last)
        digests[SETTINGS].add(canonical(last))
    tell(f"Cosmos DB: {sum(digest.count for digest in digests.values()):,} items in {len(CONTAINERS)} containers")
    return plain(digests)


def canonical(item: Item) -> bytes:
    """Return the one text that stands for an item in the digest of its container."""
    return json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _batches(scale: Scale) -> Iterator[tuple[str, Key, list[Item]]]:
    for chunks in chunk_items(scale):
        yield CHUNKS, chunks[0]["departmentId"], chunks
    for conversation in chat_items(scale):
        yield CHAT, [conversation[0]["userId"], conversation[0]["sessionId"]], conversation
    for item in settings_items(scale):
        yield SETTINGS, item["id"], [item]


def _write(container: ContainerProxy, key: Key, items: list[Item]) -> None:
    if len(items) == 1:
        container.upsert_item(items[0])
    else:
        container.execute_item_batch([("upsert", (item,)) for item in items], partition_key=key)


def _emptied(client: CosmosClient, name: str) -> DatabaseProxy:
    from azure.cosmos.exceptions import CosmosResourceNotFoundError

    with suppress(CosmosResourceNotFoundError):
        client.delete_database(name)
    return client.create_database(name)


def _create_containers(database: DatabaseProxy) -> dict[str, ContainerProxy]:
    from azure.cosmos import PartitionKey

    vectors: dict[str, Any] = {
        "vectorEmbeddings": [
            {"path": "/embedding", "dataType": "float32", "distanceFunction": "cosine", "dimensions": DIMENSIONS}
        ]
    }
    by_chunk = [{"path": "/documentId", "order": "ascending"}, {"path": "/chunk", "order": "ascending"}]
    indexing: dict[str, Any] = {
        "indexingMode": "consistent",
        "includedPaths": [{"path": "/*"}],
        "excludedPaths": [{"path": "/embedding/*"}],
        "compositeIndexes": [by_chunk],
    }
    return {
        CHUNKS: database.create_container(
            CHUNKS,
            PartitionKey(path="/departmentId"),
            indexing_policy=indexing,
            vector_embedding_policy=vectors,
        ),
        CHAT: database.create_container(CHAT, PartitionKey(path=["/userId", "/sessionId"], kind="MultiHash")),
        SETTINGS: database.create_container(SETTINGS, PartitionKey(path="/id"), default_ttl=-1),
    }


def _client(settings: Settings) -> CosmosClient:
    from azure.cosmos import CosmosClient

    cosmos = settings.azure.cosmos
    return CosmosClient(cosmos.endpoint, credential=cosmos.key.reveal())


PART = Part(name="cosmos", marker=marker, fill=fill)
