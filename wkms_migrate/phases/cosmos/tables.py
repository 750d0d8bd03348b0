"""The table of a container: made from the mapping, or what is there is held against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wkms_migrate.clients import dynamodb
from wkms_migrate.clients.dynamodb import Dynamo
from wkms_migrate.clients.dynamodb_tables import Tables
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import existing, job, paths, sample, table_check, table_shape
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.paths import Rate, Way
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.phases.cosmos.settings import Tables as TableSettings
from wkms_migrate.phases.cosmos.table_check import Found
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
            there = found or tables.make(table_shape.specification(work, name, settings.tables))
            settle(run, work, tables, there, made=found is None)
    return {f"table/{work.name}": {"name": name, "made": found is None, "path": way}}


def settle(run: StepRun, work: Job, tables: Tables, found: Mapping[str, Any], *, made: bool) -> None:
    """Finish a new table, and hold one that is there against the mapping and the configuration."""
    settings = run.context.section(CosmosSettings).tables
    existing.check(dynamodb.definition(found), work)
    if made:
        _finish(tables, found, settings)
    run.verified(work.name, "keys of the table", existing.described(work.mapping.keys), _keys_of(found))
    tags = tables.tags(found["TableArn"]) if settings.tags else {}
    held = Found(found, tables.is_recoverable(found["TableName"]), tags)
    for one in table_check.differences(held, work, settings):
        run.finding(one.code, one.text, one.object, kind=one.kind, severity="warning", hint=one.hint)


def _finish(tables: Tables, found: Mapping[str, Any], settings: TableSettings) -> None:
    """Give a new table what it cannot be made with: recovery, and tags where an import made it."""
    if settings.recoverable and not tables.is_recoverable(found["TableName"]):
        tables.make_recoverable(found["TableName"])
    if settings.tags and not settings.tags.items() <= tables.tags(found["TableArn"]).items():
        tables.tag(found["TableArn"], settings.tags)


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
        f"About {size.bytes / paths.GB:,.3f} GB in {counted(size.items, 'item')},"
        f" {counted(size.units, 'write unit')} with indexes."
        f" {told}. Chosen: {paths.NAMES[way]}.",
        work.name,
    )
    return way


def _rate(run: StepRun, work: Job, dynamo: Dynamo, found: Mapping[str, Any] | None) -> Rate:
    """Return the write units of the table that is there, or of the one to be made."""
    if found is not None:
        return job.writing_rate(run, dynamo, work.table(run.context))
    return job.planned_rate(run)


def _keys_of(found: Mapping[str, Any]) -> str:
    types = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
    schema = sorted(found["KeySchema"], key=lambda one: str(one["KeyType"]))
    return ", ".join(f"{one['KeyType']} {one['AttributeName']} {types[one['AttributeName']]}" for one in schema)
