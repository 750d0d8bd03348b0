"""Azure Queue Storage to SQS: every queue moved into its counterpart, poison queues into dead-letter queues.

A message that is hidden on the source cannot be read, nor how long it stays so; it is moved when it becomes visible.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.plan import Phase

if TYPE_CHECKING:
    from wkms_migrate.plan import Context, Step


def plan(context: Context) -> Iterable[Step]:
    """Plan the steps. Their code is imported now and not before: other commands start without it."""
    from wkms_migrate.phases.queue import steps

    return steps.plan(context)


PHASE = Phase(
    name="queue",
    summary="Move the messages of Azure Queue Storage to SQS",
    plan=plan,
    settings=QueueSettings,
    needs=("provision",),
)
