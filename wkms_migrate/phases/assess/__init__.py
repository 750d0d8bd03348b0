"""Look at the live source, read-only: what there is, what it becomes on AWS, and what deserves attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from wkms_migrate.config import Section
from wkms_migrate.plan import Phase, Step, digest_of

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.plan import Context, StepRun

    Look = Callable[[StepRun], Mapping[str, Json]]


class AssessSettings(Section):
    """The inventory of the source."""

    exact_rows_up_to: int = Field(
        1_000_000, ge=0, description="Tables that seem to have more rows than this are estimated, not counted."
    )
    largest: int = Field(5, ge=1, le=100, description="How many of the largest tables and blobs are named.")


def plan(context: Context) -> Iterable[Step]:
    """Plan one look per service of the source, and a report of all of them. Contacts nothing."""
    from wkms_migrate.phases.assess import cosmos, mysql, report, storage

    azure = context.settings.azure
    looks: list[tuple[str, str, Look, str | None]] = [
        ("mysql", f"MySQL server {azure.mysql.host}", mysql.look, _unset("azure.mysql.host", azure.mysql.host)),
        ("blob", f"blobs of {azure.storage.account}", storage.look_at_blobs, None),
        ("queue", f"queues of {azure.storage.account}", storage.look_at_queues, None),
        (
            "cosmos",
            f"Cosmos database {azure.cosmos.database}",
            cosmos.look,
            _unset("azure.cosmos.endpoint", azure.cosmos.endpoint),
        ),
    ]
    inputs = digest_of(azure, context.section(AssessSettings))
    for name, what, look, skip in looks:
        yield Step(
            id=f"assess/{name}",
            summary=f"Take stock of the {what}",
            run=partial(_run, name, look),
            digest=inputs,
            skip=skip,
        )
    yield Step(
        id="assess/report",
        summary="Write the inventory with the service mapping",
        run=report.run,
        digest=digest_of(inputs, report.services()),
        stage=1,
    )


def _unset(key: str, value: object) -> str | None:
    return None if value else f"{key} is not set"


def _run(name: str, look: Look, run: StepRun) -> Mapping[str, Json]:
    return {name: look(run)}


PHASE = Phase(name="assess", summary="Take stock of the source", plan=plan, settings=AssessSettings)
