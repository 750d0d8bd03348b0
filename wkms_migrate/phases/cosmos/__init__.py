"""Cosmos DB containers to DynamoDB tables: copied range by range, compared on both ends, expiry switched on last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import Phase

if TYPE_CHECKING:
    from wkms_migrate.plan import Context, Step


def plan(context: Context) -> Iterable[Step]:
    """Plan the steps. Their code is imported now and not before: other commands start without it."""
    from wkms_migrate.phases.cosmos import steps

    return steps.plan(context)


PHASE = Phase(
    name="cosmos",
    summary="Cosmos DB (NoSQL API) to DynamoDB",
    plan=plan,
    settings=CosmosSettings,
    needs=("provision",),
)
