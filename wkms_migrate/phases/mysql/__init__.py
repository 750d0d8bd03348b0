"""Azure Database for MySQL to RDS or Aurora MySQL, by a consistent logical copy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import Phase

if TYPE_CHECKING:
    from wkms_migrate.plan import Context, Step


def plan(context: Context) -> Iterable[Step]:
    """Plan the steps. Their code is imported now and not before: other commands start without it."""
    from wkms_migrate.phases.mysql import steps

    return steps.plan(context)


PHASE = Phase(
    name="mysql",
    summary="Move MySQL schemas: tables, rows, indexes, objects, verified",
    plan=plan,
    settings=MysqlSettings,
    needs=("provision",),
)
