"""Switches expiry on: the last step of a container, so that nothing vanishes while it is copied and compared."""

from __future__ import annotations

from collections.abc import Mapping

from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import job
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.plan import StepRun


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """Let the table's items expire by the attribute that the copy wrote; state that it does."""
    table = work.table(run.context)
    wanted = work.mapping.expiry_name
    with job.target(run) as dynamo:
        found = dynamo.expiry_attribute(table)
        if found not in (None, wanted):
            raise Refused(
                f"The items of {table} expire by {found} already, not by {wanted}.",
                hint="Set phases.cosmos.expiry_attribute to it, or switch expiry off on the table (once an hour).",
            )
        if found is None:
            dynamo.set_expiry(table, wanted)
        run.verified(work.name, "expiry attribute", wanted, dynamo.expiry_attribute(table))
    run.finding(
        "expiry",
        f"Items of {table} expire by {wanted}. DynamoDB deletes them within days, and an update does not prolong them.",
        work.name,
        kind="risk",
        hint=f"Let the application write {wanted} with every update, and leave out expired items when it reads.",
    )
    return {f"expiry/{work.name}": wanted}
