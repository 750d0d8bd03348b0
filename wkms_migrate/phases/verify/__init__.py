"""Health of the deployed system, proof of the data, and the KPIs of the guide, each as a comparison that can fail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wkms_migrate.phases.verify.settings import VerifySettings
from wkms_migrate.plan import Phase

if TYPE_CHECKING:
    from wkms_migrate.plan import Context, Step


def plan(context: Context) -> Iterable[Step]:
    """Plan the steps. Their code is imported now and not before: other commands start without it."""
    from wkms_migrate.phases.verify import steps

    return steps.plan(context)


PHASE = Phase(
    name="verify",
    summary="Check health, data and KPIs of the migrated system",
    plan=plan,
    settings=VerifySettings,
    needs=("provision", "deploy"),
)
