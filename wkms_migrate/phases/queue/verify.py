"""Compare both ends after a drain: nothing left on the source, everything that was sent on the target."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue, sqs
from wkms_migrate.events import Json
from wkms_migrate.phases.queue.drain import result_key
from wkms_migrate.plan import StepRun

if TYPE_CHECKING:
    from wkms_migrate.clients.sqs import SqsQueue

SETTLE_SECONDS = 60.0  # SQS: counts reach their final value a minute after the last change
POLL_SECONDS = 1.0


def verify(run: StepRun, queue: str, url: str, drained: str) -> Mapping[str, Json]:
    """Compare counts. `drained` is the id of the step that moved the messages."""
    moved = run.context.state.steps[drained].result[result_key(queue)]
    source = azure_queue.connect(run.context.settings.azure.storage, run.stopping)
    try:
        left = source.count(queue)
    finally:
        source.close()
    run.verified(queue, "left on the source", left, 0)
    expected = int(moved["existing"]) + int(moved["sent"])
    most = expected + int(moved["perhaps_twice"])
    found = _settled(run, sqs.connect(run.context.settings.aws, url), range(expected, most + 1))
    if expected < found <= most:
        run.finding(
            "queue.twice",
            f"Up to {found - expected} messages are on the target twice: the run was killed while it sent them.",
            queue,
            kind="risk",
            severity="warning",
            hint="azure.messageId is the same on both; consumers of SQS must bear repeats anyway.",
        )
        found = expected
    run.verified(queue, "messages", expected, found)
    return {}


def _settled(run: StepRun, target: SqsQueue, wanted: range) -> int:
    """Return the target's count once it is as wanted, or what it is after the time SQS takes to settle."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := target.facts().messages) not in wanted and time.monotonic() < deadline:
        run.stopping.wait(POLL_SECONDS)
        run.check_stop()
    return found
