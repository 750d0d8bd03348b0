"""Compare both ends after a move: nothing left on the source, everything that was sent on the target."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue, sqs
from wkms_migrate.events import Json
from wkms_migrate.phases.queue.job import result_key
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.plan import StepRun

if TYPE_CHECKING:
    from wkms_migrate.clients.sqs import SqsQueue

SETTLE_SECONDS = 60.0  # SQS: counts reach their final value a minute after the last change
POLL_SECONDS = 1.0


def verify(run: StepRun, queue: str, url: str, moved_by: str) -> Mapping[str, Json]:
    """Compare counts. `moved_by` is the id of the step that moved the messages."""
    moved = run.context.state.steps[moved_by].result[result_key(queue)]
    with closing(azure_queue.connect(run.context.settings.azure.storage, run.stopping)) as source:
        left = source.count(queue)
    if moved["mode"] != "copy":
        run.verified(queue, "left on the source", left, 0)
    _account(run, queue, moved, left)
    if run.context.section(QueueSettings).target_in_use:
        run.finding(
            "queue.uncounted",
            f"The target is in use, so its count was not compared; SQS acknowledged {moved['sent']:,} messages by MD5.",
            queue,
        )
        return {}
    with closing(sqs.connect(run.context.settings.aws, run.stopping)) as service:
        _compare(run, queue, moved, service.queue(url))
    return {}


def unaccounted(moved: Mapping[str, Json]) -> int:
    """Return how many of the messages that were found were neither sent, nor held by others, nor refused."""
    return max(0, int(moved["found"]) - int(moved["sent"]) - int(moved["held"]) - int(moved["rejected"]))


def _account(run: StepRun, queue: str, moved: Mapping[str, Json], left: int) -> None:
    """Say sent + held + refused = found, or by how many it is not."""
    missing = unaccounted(moved)
    if missing:
        run.finding(
            "queue.unaccounted",
            f"Of {moved['found']:,} messages {missing:,} were gone before they could be taken.",
            queue,
            kind="risk",
            severity="warning",
            hint="They expired, or a consumer of the source took them. Stop the consumers before a drain.",
        )
    else:
        total = int(moved["sent"]) + int(moved["held"]) + int(moved["rejected"])
        if came := total - int(moved["found"]):
            run.finding("queue.came", f"{came:,} messages came while the others were moved.", queue)
        else:
            run.verified(queue, "found = sent + held + refused", int(moved["found"]), total)
    if moved["mode"] == "copy" and left < int(moved["sent"]):
        text = f"{int(moved['sent']) - left:,} of the copied messages are no longer on the source."
        run.finding("queue.consumed", text, queue, hint="Its consumers go on; both sides may handle a message.")


def _compare(run: StepRun, queue: str, moved: Mapping[str, Json], target: SqsQueue) -> None:
    expected = int(moved["existing"]) + int(moved["sent"])
    most = expected + int(moved["perhaps_twice"])
    found = _settled(run, target, range(expected, most + 1))
    if expected < found <= most:
        run.finding(
            "queue.twice",
            f"Up to {found - expected} messages are on the target twice: a send was cut off and made again.",
            queue,
            kind="risk",
            severity="warning",
            hint="azure.messageId is the same on both; consumers of SQS must bear repeats anyway.",
        )
        found = expected
    run.verified(queue, "messages", expected, found)


def _settled(run: StepRun, target: SqsQueue, wanted: range) -> int:
    """Return the target's count once it is as wanted, or what it is after the time SQS takes to settle."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := target.facts().messages) not in wanted and time.monotonic() < deadline:
        run.stopping.wait(POLL_SECONDS)
        run.check_stop()
    return found
