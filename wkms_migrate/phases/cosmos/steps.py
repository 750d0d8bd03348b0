"""The steps of the cosmos phase: table, copy, verify and expiry, for each container."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from wkms_migrate.clients import azure_cosmos
from wkms_migrate.counted import counted
from wkms_migrate.errors import NotKnownYet
from wkms_migrate.phases.cosmos import choice, copy, existing, expiry, tables, verify
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import Context, Step, digest_of


def plan(context: Context) -> Iterator[Step]:
    """Yield for each container a step for its table, one that copies, one that compares, and for TTL one for expiry."""
    with azure_cosmos.connect(context.settings.azure.cosmos) as database:
        found = database.containers()
    for job in choice.jobs(context, found):
        yield from _steps(context, job)


def _steps(context: Context, job: Job) -> Iterator[Step]:
    settings = context.section(CosmosSettings)
    try:
        table = job.table(context)
    except NotKnownYet:
        table = "(known after provision)"
    how = (settings.on_existing, settings.large_items, settings.expiry_attribute, job.rules)
    where = (context.settings.azure.cosmos.endpoint, job.container.rid, context.settings.aws.endpoint_url, table)
    digest = digest_of(where, how, job.container.key_paths, job.container.default_ttl)
    yield Step(
        id=f"cosmos/table/{job.name}",
        summary=f"Make table {table} for container {job.name}, or check the one that is there",
        run=partial(tables.run, work=job),
        digest=digest_of(digest, settings.tables, settings.write_path, settings.staging_bucket),
    )
    yield Step(
        id=f"cosmos/copy/{job.name}",
        summary=f"Copy container {job.name} to table {table}",
        run=partial(copy.run, work=job),
        digest=digest,
        stage=1,
        preview=partial(_preview, context, job),
    )
    yield Step(
        id=f"cosmos/verify/{job.name}",
        summary=f"Compare container {job.name} with table {table}, item by item",
        run=partial(verify.run, work=job),
        digest=digest,
        stage=2,
    )
    if job.container.default_ttl is not None:
        yield Step(
            id=f"cosmos/expiry/{job.name}",
            summary=f"Let the items of table {table} expire by {job.mapping.expiry_name}",
            run=partial(expiry.run, work=job),
            digest=digest,
            stage=3,
        )


def _preview(context: Context, job: Job) -> Iterator[str]:
    """Tell how many items there are, and what the keys become. Reads the source only."""
    with azure_cosmos.connect(context.settings.azure.cosmos) as database:
        count = database.count(job.name)
    yield f"{counted(count, 'item')}; partition key {', '.join(job.container.key_paths)}"
    yield f"keys of the table: {existing.described(job.mapping.keys)}"
