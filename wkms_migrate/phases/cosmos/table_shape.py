"""What CreateTable and ImportTable are told of a container's table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.mapping_file import ContainerRules, IndexKey, IndexRule
from wkms_migrate.phases.cosmos.settings import Tables


def specification(work: Job, name: str, settings: Tables) -> dict[str, Any]:
    """Return what makes the table of a container. Raises `ConfigError` for what cannot be together."""
    keys = work.mapping.keys
    indexes = work.rules.indexes if work.rules else []
    types = {**keys.kinds, **{part.name: part.type for index in indexes for part in (*index.hash, *index.range)}}
    roles = zip(keys.attributes, ("HASH", "RANGE"), strict=False)
    made: dict[str, Any] = {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": one, "AttributeType": kind} for one, kind in sorted(types.items())],
        "KeySchema": [{"AttributeName": attribute.name, "KeyType": role} for attribute, role in roles],
        "SSESpecification": {"Enabled": True, "SSEType": "KMS"}
        | ({"KMSMasterKeyId": settings.kms_key} if settings.kms_key else {}),
        **_billing(settings),
    }
    if indexes:
        made["GlobalSecondaryIndexes"] = [_index(index, settings) for index in indexes]
    if vectors := list(vector_indexes(work.rules)):
        if settings.capacity is not None:
            raise ConfigError(
                f"Table {name} cannot have the vector index {vectors[0]['IndexName']}: only a table on demand has any.",
                hint="Set phases.cosmos.tables.capacity to null, or take the index out of the mapping file.",
            )
        made["VectorIndexes"] = vectors
    if settings.tags:
        made["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(settings.tags.items())]
    return made


def _billing(settings: Tables) -> dict[str, Any]:
    if settings.capacity is None:
        return {"BillingMode": "PAY_PER_REQUEST"}
    return {"BillingMode": "PROVISIONED", "ProvisionedThroughput": _throughput(settings)}


def _throughput(settings: Tables) -> dict[str, int]:
    assert settings.capacity is not None
    return {"ReadCapacityUnits": settings.capacity.read, "WriteCapacityUnits": settings.capacity.write}


def _index(index: IndexRule, settings: Tables) -> dict[str, Any]:
    made: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": schema_of(index),
        "Projection": {"ProjectionType": index.projection},
    }
    return made if settings.capacity is None else {**made, "ProvisionedThroughput": _throughput(settings)}


def schema_of(index: IndexRule) -> list[dict[str, str]]:
    """Return the keys of an index as the service writes them."""
    return _schema(index.hash, "HASH") + _schema(index.range, "RANGE")


def _schema(parts: list[IndexKey], role: str) -> list[dict[str, str]]:
    return [{"AttributeName": part.name, "KeyType": role} for part in parts]


def vector_indexes(rules: ContainerRules | None) -> Iterator[dict[str, Any]]:
    """Yield the vector indexes of a mapping as the service writes them."""
    for vector in rules.vectors if rules else ():
        if vector.index is not None:
            attribute = vector.path.strip("/")
            yield {
                "IndexName": f"{attribute}-vector",
                "VectorAttribute": {"AttributeName": attribute},
                "Projection": {"ProjectionType": "ALL"},
                "Dimensions": vector.index.dimensions,
                "DistanceFunction": vector.index.distance,
            }
