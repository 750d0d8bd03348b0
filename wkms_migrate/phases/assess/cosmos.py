"""What a Cosmos DB database holds, container by container. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_cosmos

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_cosmos import Container
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun


def look(run: StepRun) -> Mapping[str, Json]:
    """Return the containers with keys, expiry and number of items; state findings on what is converted."""
    settings = run.context.settings.azure.cosmos
    found: list[dict[str, Json]] = []
    with azure_cosmos.connect(settings) as database:
        containers = database.containers()
        for container in containers:
            run.check_stop()
            found.append(_told(container, database.count(container.name)))
            _findings(run, container)
            run.progress(len(found), len(containers), "containers", item=container.name)
    return {"database": settings.database, "containers": found, "items": sum(one["items"] for one in found)}


def _told(container: Container, items: int) -> dict[str, Json]:
    return {
        "name": container.name,
        "key": list(container.key_paths),
        "default_ttl": container.default_ttl,
        "items": items,
        "vectors": bool(container.properties.get("vectorEmbeddingPolicy")),
    }


def _findings(run: StepRun, container: Container) -> None:
    if len(container.key_paths) > 1:
        run.finding(
            "assess-hierarchical-key",
            f"The key {' + '.join(container.key_paths)} has several levels; DynamoDB gets them joined in one.",
            container.name,
            kind="converted",
        )
    if container.default_ttl is not None:
        run.finding(
            "assess-ttl",
            "Items expire; expiry on DynamoDB begins after the copy is verified, and may lag by days.",
            container.name,
            kind="converted",
        )
    if container.properties.get("vectorEmbeddingPolicy"):
        run.finding(
            "assess-vectors",
            "Vectors are copied as they are, but searching by them moves to OpenSearch.",
            container.name,
            kind="converted",
        )
