"""Fills the Cosmos containers: made by the SDK, filled through the double's import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from wkms_migrate.config import Settings
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab.seed.dataset import Expected, Job, OrderFreeDigest, Part, batches
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
    from azure.cosmos import CosmosClient, DatabaseProxy

IMPORT_ITEMS = 500
CREATED = 201
MARKER_ID = "dataset"


def marker(settings: Settings) -> str | None:
    """Read the data set's id from an item of the settings container, which is written last."""
    from azure.cosmos.exceptions import CosmosResourceNotFoundError

    with _client(settings) as client:
        container = client.get_database_client(settings.azure.cosmos.database).get_container_client(SETTINGS)
        try:
            return str(container.read_item(MARKER_ID, MARKER_ID)["value"])
        except CosmosResourceNotFoundError:
            return None


def fill(job: Job) -> Expected:
    """Make the database anew and write every item."""
    cosmos = job.settings.azure.cosmos
    with _client(job.settings) as client:
        _create_containers(_emptied(client, cosmos.database))
    host = urlsplit(cosmos.endpoint).netloc
    expected: Expected = {}
    with closing(HTTPConnection(host, timeout=60)) as connection:
        for name, items in _containers(job.scale, job.dataset).items():
            digest = OrderFreeDigest()
            for batch in job.until_stopped(batches(map(canonical, items), IMPORT_ITEMS)):
                for line in batch:
                    digest.add(line)
                _import(connection, f"/_double/import/{cosmos.database}/{name}", batch)
            expected[name] = digest.as_expected()
    job.tell(f"Cosmos DB: {sum(one['count'] for one in expected.values()):,} items in {len(expected)} containers")
    return expected


def canonical(item: Item) -> bytes:
    """Return the one text that stands for an item in the digest of its container."""
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)


def _containers(scale: Scale, dataset: str) -> dict[str, Iterator[Item]]:
    """Return the items by container; the last one is the marker."""
    marked: Iterable[Item] = ({"id": MARKER_ID, "value": dataset},)
    return {
        CHUNKS: chunk_items(scale),
        CHAT: chat_items(scale),
        SETTINGS: chain(settings_items(scale), marked),
    }


def _import(connection: HTTPConnection, path: str, lines: list[bytes]) -> None:
    connection.request("POST", path, b"\n".join(lines))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != CREATED:
        raise WkmsError(
            f"The Cosmos double refused an import: {answer.status} {body[:200].decode('utf-8', 'replace')}.",
            hint="azure.cosmos.endpoint must be the lab's own: run `wkms-migrate lab reset`.",
        )


def _emptied(client: CosmosClient, name: str) -> DatabaseProxy:
    from azure.cosmos.exceptions import CosmosResourceNotFoundError

    with suppress(CosmosResourceNotFoundError):
        client.delete_database(name)
    return client.create_database(name)


def _create_containers(database: DatabaseProxy) -> None:
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
    database.create_container(
        CHUNKS, PartitionKey(path="/departmentId"), indexing_policy=indexing, vector_embedding_policy=vectors
    )
    database.create_container(CHAT, PartitionKey(path=["/userId", "/sessionId"], kind="MultiHash"))
    database.create_container(SETTINGS, PartitionKey(path="/id"), default_ttl=-1)


def _client(settings: Settings) -> CosmosClient:
    from azure.cosmos import CosmosClient

    cosmos = settings.azure.cosmos
    return CosmosClient(cosmos.endpoint, credential=cosmos.key.reveal())


PART = Part(name="cosmos", marker=marker, fill=fill)
