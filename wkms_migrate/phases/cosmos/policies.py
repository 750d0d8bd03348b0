"""What a container has beside its items, and what becomes of it."""

from __future__ import annotations

from wkms_migrate.clients.azure_cosmos import Container
from wkms_migrate.phases.cosmos.mapping_file import ContainerRules
from wkms_migrate.plan import StepRun


def state(run: StepRun, container: Container, rules: ContainerRules | None = None) -> None:
    """State what does not move with the items: unique keys, and indexes that the mapping has no counterpart for."""
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
    if composite and not (rules and rules.indexes):
        paths = "; ".join(", ".join(part["path"] for part in one) for one in composite)
        run.finding(
            "composite-indexes",
            f"Composite indexes on {paths} have no counterpart yet.",
            container.name,
            kind="left",
            hint="Where the application sorts or filters by them, let `cosmos map` propose global secondary indexes.",
        )
    vectors = properties.get("vectorEmbeddingPolicy", {}).get("vectorEmbeddings", ())
    if vectors and not (rules and any(vector.index for vector in rules.vectors)):
        paths = ", ".join(f"{one['path']} ({one['dimensions']} dimensions)" for one in vectors)
        run.finding(
            "vectors",
            f"Vectors of {paths} are kept as lists of numbers; the vector index is not moved.",
            container.name,
            kind="left",
            hint="Let `cosmos map` propose vector indexes of the table, or search by vector in OpenSearch.",
        )
