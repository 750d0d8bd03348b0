"""What the journal says was moved, beside what both ends hold now. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue, sqs
from wkms_migrate.phases.queue.ends import targets
from wkms_migrate.phases.queue.job import result_key
from wkms_migrate.phases.queue.ledger import EARLIER, START
from wkms_migrate.phases.queue.mapping import target_name
from wkms_migrate.phases.queue.settings import QueueSettings

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.journal import RunState, StepState
    from wkms_migrate.plan import Context

MOVES = ("queue/drain/", "queue/copy/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One queue's books. found: on the source at the start; left: there now, with what SQS refused.

    `expected` on the target are those that were there before and those sent; `perhaps_twice` may come on top.
    `on_target` is None where it is in use, and proves nothing.
    """

    queue: str
    mode: str
    done: bool
    found: int
    sent: int
    refused: int
    left: int
    perhaps_twice: int
    expected: int
    on_target: int | None
    problems: tuple[str, ...]


def reconcile(context: Context) -> Iterator[Account]:
    """Yield the account of each queue that this run moved or began to move."""
    settings = context.section(QueueSettings)
    urls = targets(context, settings) or {}
    steps = {name: step for name, step in context.state.steps.items() if name.startswith(MOVES) and step.digest}
    storage, aws = context.settings.azure.storage, context.settings.aws
    with closing(azure_queue.connect(storage)) as source, closing(sqs.connect(aws)) as service:
        for name, step in steps.items():
            queue = name.rpartition("/")[2]
            url = urls.get(target_name(queue), "")
            counted = url and not settings.target_in_use
            on_target = service.queue(url).facts().messages if counted else None
            yield _account(context.state, name, step, source.count(queue), on_target)


def _account(state: RunState, name: str, step: StepState, left: int, on_target: int | None) -> Account:
    queue = name.rpartition("/")[2]
    moved = step.result.get(result_key(queue)) or _so_far(step.cursors)
    copied = name.startswith("queue/copy/")
    refused = sum(1 for found, code, _ in state.findings if found == name and code == "queue.rejected")
    account = Account(
        queue=queue,
        mode="copy" if copied else str(moved.get("mode", "drain")),
        done=step.status == "done",
        found=moved["found"],
        sent=moved["sent"],
        refused=refused,
        left=left,
        perhaps_twice=moved["perhaps_twice"],
        expected=moved["existing"] + moved["sent"],
        on_target=on_target,
        problems=(),
    )
    held = moved.get("held", account.found - account.sent) if copied else left - refused
    return replace(account, problems=tuple(_problems(account, held)))


def _so_far(cursors: dict[str, Json]) -> dict[str, Json]:
    """Return what an unfinished step's cursors say."""
    lanes = [cursor for key, cursor in cursors.items() if key not in {START, EARLIER}]
    life = cursors.get(EARLIER, {"life": 0, "uncertain": 0})
    in_flight = sum(len(lane["open"]) for lane in lanes if lane["life"] > life["life"])
    return {
        **cursors.get(START, {"found": 0, "existing": 0}),
        "sent": sum(lane["total"] for lane in lanes),
        "perhaps_twice": life["uncertain"] + in_flight + sum(lane["repeated"] for lane in lanes),
    }


def _problems(account: Account, held: int) -> Iterator[str]:
    missing = account.found - account.sent - account.refused - max(0, held)
    if missing > 0:
        yield f"{missing:,} of the messages found were neither sent, nor are they left: expired, or consumed"
    if account.done and account.mode == "drain" and account.left > account.refused:
        yield f"{account.left - account.refused:,} messages are on the source: they came later; drain again"
    if account.refused:
        yield f"{account.refused:,} messages were refused by SQS and wait on the source"
    if account.on_target is None:
        return
    if account.on_target < account.expected:
        yield f"{account.expected - account.on_target:,} messages are missing on the target: consumed there, or lost"
    elif account.on_target > account.expected + account.perhaps_twice:
        yield f"{account.on_target - account.expected:,} messages are on the target that this run did not send"
