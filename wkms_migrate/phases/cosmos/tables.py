"""The table of a container: made from the mapping, or what is there is held against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wkms_migrate.clients import dynamodb
from wkms_migrate.clients.dynamodb import Dynamo
from wkms_migrate.clients.dynamodb_tables import Tables
from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import existing, job, paths, sample
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.mapping_file import ContainerRules, IndexKey, IndexRule
from wkms_migrate.phases.cosmos.paths import Rate, Way
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.phases.cosmos.settings import Tables as TableSettings
from wkms_migrate.plan import StepRun


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """Make the table, or check it. Returns its name, whether it was made and how it is written: `table/<container>`.

    A table that an import will make is not made here.
    """
    name = work.table(run.context)
    settings = run.context.section(CosmosSettings)
    with job.target(run) as dynamo:
        tables = Tables(dynamo, run.stopping)
        found = tables.describe(name)
        if found is None and not settings.tables.make:
            raise Refused(
                f"There is no table {name} for container {work.name}.",
                hint="Run `wkms-migrate phase provision`, or set phases.cosmos.tables.make.",
            )
        way = _way(run, work, dynamo, found)
        if way != "import":
            there = found or tables.make(specification(work, name, settings.tables))
            settle(run, work, tables, there, made=found is None)
    return {f"table/{work.name}": {"name": name, "made": found is None, "path": way}}


def settle(run: StepRun, work: Job, tables: Tables, found: Mapping[str, Any], *, made: bool) -> None:
    """Make a new table recoverable, and hold one that is there against the mapping."""
    settings = run.context.section(CosmosSettings).tables
    existing.check(dynamodb.definition(found), work)
    name = found["TableName"]
    if made and settings.recoverable and not tables.is_recoverable(name):
        tables.make_recoverable(name)
    _compare(run, work, found, recoverable=tables.is_recoverable(name), settings=settings)


def _way(run: StepRun, work: Job, dynamo: Dynamo, found: Mapping[str, Any] | None) -> Way:
    """Choose how the table is written, and state what reading and each way take."""
    settings = run.context.section(CosmosSettings)
    with job.source(run) as database:
        size = sample.size(run, work, database)
        read = paths.reading(size, job.reading_rate(run, database, work.name))
    table = paths.Table(
        is_there=found is not None,
        staged=settings.staging_bucket is not None,
        rate=_rate(run, work, dynamo, found),
    )
    ways = paths.estimates(size, table)
    way = paths.chosen(settings.write_path, size, ways)
    told = "; ".join(one.text for one in (read, *ways))
    run.finding(
        "write-path",
        f"About {size.bytes / paths.GB:,.3f} GB in {size.items:,} items, {size.units:,} write units with indexes."
        f" {told}. Chosen: {paths.NAMES[way]}.",
        work.name,
    )
    return way


def _rate(run: StepRun, work: Job, dynamo: Dynamo, found: Mapping[str, Any] | None) -> Rate:
    """Return the write units of the table that is there, or of the one to be made."""
    if found is not None:
        return job.writing_rate(run, dynamo, work.table(run.context))
    return job.planned_rate(run)


def specification(work: Job, name: str, settings: TableSettings) -> dict[str, Any]:
    """Return what CreateTable needs to make the table of a container."""
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
    if vectors := list(_vector_indexes(work.rules)):
        made["VectorIndexes"] = vectors
    if settings.tags:
        made["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(settings.tags.items())]
    return made


def _billing(settings: TableSettings) -> dict[str, Any]:
    if settings.capacity is None:
        return {"BillingMode": "PAY_PER_REQUEST"}
    return {"BillingMode": "PROVISIONED", "ProvisionedThroughput": _throughput(settings)}


def _throughput(settings: TableSettings) -> dict[str, int]:
    assert settings.capacity is not None
    return {"ReadCapacityUnits": settings.capacity.read, "WriteCapacityUnits": settings.capacity.write}


def _index(index: IndexRule, settings: TableSettings) -> dict[str, Any]:
    made: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": _schema(index.hash, "HASH") + _schema(index.range, "RANGE"),
        "Projection": {"ProjectionType": index.projection},
    }
    return made if settings.capacity is None else {**made, "ProvisionedThroughput": _throughput(settings)}


def _schema(parts: list[IndexKey], role: str) -> list[dict[str, str]]:
    return [{"AttributeName": part.name, "KeyType": role} for part in parts]


def _vector_indexes(rules: ContainerRules | None) -> Iterator[dict[str, Any]]:
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


def _compare(run: StepRun, work: Job, found: Mapping[str, Any], *, recoverable: bool, settings: TableSettings) -> None:
    """State what the table has otherwise than the mapping and the configuration want it."""
    run.verified(work.name, "keys of the table", existing.described(work.mapping.keys), _keys_of(found))
    there = {one["IndexName"]: one["KeySchema"] for one in found.get("GlobalSecondaryIndexes", ())}
    for index in work.rules.indexes if work.rules else ():
        if there.get(index.name) != _schema(index.hash, "HASH") + _schema(index.range, "RANGE"):
            run.finding(
                "index-missing",
                f"{found['TableName']} has no index {index.name} with the keys of the mapping.",
                f"{work.name}/{index.name}",
                kind="left",
                severity="warning",
                hint="Add it to the table in the Terraform root; it may be added while the table holds items.",
            )
    if settings.recoverable and not recoverable:
        run.finding(
            "not-recoverable",
            f"{found['TableName']} cannot be restored to a point in time.",
            work.name,
            kind="risk",
            severity="warning",
            hint="Switch point_in_time_recovery on in the Terraform root.",
        )


def _keys_of(found: Mapping[str, Any]) -> str:
    types = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
    schema = sorted(found["KeySchema"], key=lambda one: str(one["KeyType"]))
    return ", ".join(f"{one['KeyType']} {one['AttributeName']} {types[one['AttributeName']]}" for one in schema)
