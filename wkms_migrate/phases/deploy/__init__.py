"""Bring the WKMS stack up on the servers, behind a health gate, and see that it serves what was migrated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wkms_migrate.phases.deploy.settings import DeploySettings
from wkms_migrate.plan import Phase

if TYPE_CHECKING:
    from wkms_migrate.plan import Context, Step


def plan(context: Context) -> Iterable[Step]:
    """Plan the steps. Their code is imported now and not before: other commands start without it."""
    from wkms_migrate.phases.deploy import steps

    return steps.plan(context)


PHASE = Phase(
    name="deploy",
    summary="Bring the WKMS up on the servers",
    plan=plan,
    settings=DeploySettings,
    needs=("provision", "mysql"),
)
