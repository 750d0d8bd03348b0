"""Compare both ends after a move: nothing left on the source, everything that was sent on the target."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue, sqs
from wkms_migrate.counted import counted
from wkms_migrate.events import Json
from wkms_migrate.phases.queue.deadletters import is_shared
from wkms_migrate.phases.queue.job import Ends, result_key
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.plan import StepRun

if TYPE_CHECKING:
    from wkms_migrate.clients.sqs import SqsQueue

SETTLE_SECONDS = 60.0  # SQS: counts reach their final value a minute after the last change
POLL_SECONDS = 1.0


def verify(run: StepRun, ends: Ends, moved_by: str) -> Mapping[str, Json]:
    """Compare counts. `moved_by` is the id of the step that moved the messages."""
    queue, settings = ends.queue, run.context.section(QueueSettings)
    moved = run.context.state.steps[moved_by].result[result_key(queue)]
    with closing(azure_queue.connect(run.context.settings.azure.storage, run.stopping)) as source:
        left = source.count(queue)
    if moved["mode"] != "copy":
        run.verified(queue, "left on the source", left, 0)
    _account(run, queue, moved, left)
    if settings.target_in_use:
        run.finding(
            "queue.uncounted",
            f"The target is in use, so its count was not compared; SQS acknowledged"
            f" {counted(moved['sent'], 'message')} by MD5.",
            queue,
        )
        return {}
    with closing(sqs.connect(run.context.settings.aws, run.stopping)) as service:
        _compare(run, moved, _main(ends, moved, shared=is_shared(settings, queue)), service.queue(ends.url))
        if moved.get("dead"):
            _compare(run, moved, _dead(ends, moved), service.queue(ends.dead_url))
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How many messages a target must hold. `shared`: others of this phase fill it too, so it may hold more."""

    object: str
    check: str
    count: int
    shared: bool


def _main(ends: Ends, moved: Mapping[str, Json], *, shared: bool) -> Expected:
    count = int(moved["existing"]) + int(moved["sent"]) - int(moved.get("dead", 0))
    check = "messages, at least" if shared else "messages"
    return Expected(object=ends.queue, check=check, count=count, shared=shared)


def _dead(ends: Ends, moved: Mapping[str, Json]) -> Expected:
    count = int(moved["dead_existing"]) + int(moved["dead"])
    return Expected(object=ends.queue, check="dead letters, at least", count=count, shared=True)


def unaccounted(moved: Mapping[str, Json]) -> int:
    """Return how many of the messages that were found were neither sent, nor held by others, nor refused."""
    return max(0, int(moved["found"]) - int(moved["sent"]) - int(moved["held"]) - int(moved["rejected"]))


def _account(run: StepRun, queue: str, moved: Mapping[str, Json], left: int) -> None:
    """Say sent + held + refused = found, or by how many it is not."""
    missing = unaccounted(moved)
    if missing:
        run.finding(
            "queue.unaccounted",
            f"Of {counted(moved['found'], 'message')} {missing:,}"
            f" {'was gone before it' if missing == 1 else 'were gone before they'} could be taken.",
            queue,
            kind="risk",
            severity="warning",
            hint="They expired, or a consumer of the source took them. Stop the consumers before a drain.",
        )
    else:
        total = int(moved["sent"]) + int(moved["held"]) + int(moved["rejected"])
        if came := total - int(moved["found"]):
            run.finding("queue.came", f"{counted(came, 'message')} came while the others were moved.", queue)
        else:
            run.verified(queue, "found = sent + held + refused", int(moved["found"]), total)
    if moved["mode"] == "copy" and left < int(moved["sent"]):
        text = f"{int(moved['sent']) - left:,} of the copied messages are no longer on the source."
        run.finding("queue.consumed", text, queue, hint="Its consumers go on; both sides may handle a message.")


def _compare(run: StepRun, moved: Mapping[str, Json], expected: Expected, target: SqsQueue) -> None:
    most = expected.count + int(moved["perhaps_twice"])
    wanted = range(expected.count, sys.maxsize if expected.shared else most + 1)
    found = _settled(run, target, wanted)
    if expected.count < found <= most:
        run.finding(
            "queue.twice",
            f"Up to {counted(found - expected.count, 'message is', 'messages are')} on the target twice: a send"
            " was cut off and made again.",
            expected.object,
            kind="risk",
            severity="warning",
            hint="azure.messageId is the same on both; consumers of SQS must bear repeats anyway.",
        )
    run.verified(expected.object, expected.check, expected.count, expected.count if found in wanted else found)


def _settled(run: StepRun, target: SqsQueue, wanted: range) -> int:
    """Return the target's count once it is as wanted, or what it is after the time SQS takes to settle."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := target.facts().messages) not in wanted and time.monotonic() < deadline:
        run.stopping.wait(POLL_SECONDS)
        run.check_stop()
    return found
