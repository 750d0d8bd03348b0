"""What a container has beside its items, and what becomes of it."""

from __future__ import annotations

from wkms_migrate.clients.azure_cosmos import Container
from wkms_migrate.plan import StepRun


def state(run: StepRun, container: Container) -> None:
    """State what does not move with the items: unique keys, composite indexes, vector indexes."""
    properties = container.properties
    unique = properties.get("uniqueKeyPolicy", {}).get("uniqueKeys", ())
    if unique:
        paths = "; ".join(", ".join(one["paths"]) for one in unique)
        run.finding(
            "unique-keys",
            f"Cosmos DB keeps {paths} unique within a partition key; DynamoDB does not.",
            container.name,
            kind="risk",
            severity="warning",
            hint="Guard it in the application with a conditional write.",
        )
    composite = properties.get("indexingPolicy", {}).get("compositeIndexes", ())
    if composite:
        paths = "; ".join(", ".join(part["path"] for part in one) for one in composite)
        run.finding(
            "composite-indexes",
            f"Composite indexes on {paths} have no counterpart yet.",
            container.name,
            kind="left",
            hint="Where the application sorts or filters by them, add a global secondary index to the table.",
        )
    vectors = properties.get("vectorEmbeddingPolicy", {}).get("vectorEmbeddings", ())
    if vectors:
        paths = ", ".join(f"{one['path']} ({one['dimensions']} dimensions)" for one in vectors)
        run.finding(
            "vectors",
            f"Vectors of {paths} are kept as lists of numbers; the vector index is not moved.",
            container.name,
            kind="left",
            hint="Search by vector belongs to OpenSearch on the target.",
        )
