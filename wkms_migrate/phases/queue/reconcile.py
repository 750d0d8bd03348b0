"""What the journal says was moved, beside what both ends hold now. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue, sqs
from wkms_migrate.counted import counted
from wkms_migrate.phases.queue.deadletters import given_to
from wkms_migrate.phases.queue.ends import targets
from wkms_migrate.phases.queue.job import result_key
from wkms_migrate.phases.queue.ledger import START, books
from wkms_migrate.phases.queue.mapping import POISON, target_name
from wkms_migrate.phases.queue.settings import QueueSettings

if TYPE_CHECKING:
    from wkms_migrate.clients.sqs import Sqs
    from wkms_migrate.journal import RunState, StepState
    from wkms_migrate.plan import Context

MOVES = ("queue/drain/", "queue/copy/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One queue's books. found: on the source at the start; left: there now, with what SQS refused.

    `expected` on the target are those that were there before and those sent but for the `dead`, which are with the
    dead letters. `perhaps_twice` may come on top, and the `by_others`: what a later drain sent beside a copy, or the
    other way round, and on a poison queue's target the dead letters of its queue. `on_target` is None where it is in
    use, and proves nothing; `on_dead_letters` also where none were sent.
    """

    queue: str
    mode: str
    done: bool
    found: int
    sent: int
    refused: int
    left: int
    held: int
    perhaps_twice: int
    dead: int
    expected: int
    by_others: int
    dead_expected: int
    on_target: int | None = None
    on_dead_letters: int | None = None
    problems: tuple[str, ...] = ()


def reconcile(context: Context) -> Iterator[Account]:
    """Yield the account of each queue that this run moved or began to move."""
    settings = context.section(QueueSettings)
    urls = targets(context, settings) or {}
    steps = {name: step for name, step in context.state.steps.items() if name.startswith(MOVES) and _began(step)}
    storage, aws = context.settings.azure.storage, context.settings.aws
    with closing(azure_queue.connect(storage)) as source, closing(sqs.connect(aws)) as service:
        for name, step in steps.items():
            account = _account(context.state, name, step, source.count(name.rpartition("/")[2]))
            if not settings.target_in_use:
                account = _counted(account, urls, service)
            yield replace(account, problems=tuple(_problems(account)))


def _account(state: RunState, name: str, step: StepState, left: int) -> Account:
    queue = name.rpartition("/")[2]
    moved = step.result.get(result_key(queue)) or books(step.cursors)
    copied = name.startswith("queue/copy/")
    refused = sum(1 for found, code, _ in state.findings if found == name and code == "queue.rejected")
    dead = moved.get("dead", 0)
    return Account(
        queue=queue,
        mode="copy" if copied else str(moved.get("mode", "drain")),
        done=step.status == "done",
        found=moved["found"],
        sent=moved["sent"],
        refused=refused,
        left=left,
        held=max(0, moved.get("held", moved["found"] - moved["sent"]) if copied else left - refused),
        perhaps_twice=moved["perhaps_twice"],
        dead=dead,
        expected=moved["existing"] + moved["sent"] - dead,
        by_others=given_to(state, name) + _by_the_other_mode(state, name),
        dead_expected=moved.get("dead_existing", 0) + dead,
    )


def _began(step: StepState) -> bool:
    """Say whether a move looked at its source; one that was refused has no books."""
    return bool(step.result) or START in step.cursors


def _by_the_other_mode(state: RunState, name: str) -> int:
    """Return how many messages, at most, a later drain of the same queue sent beside a copy, or the other way round."""
    other = state.steps.get(next(name.replace(one, two) for one, two in (MOVES, MOVES[::-1]) if name.startswith(one)))
    if other is None or not _began(other) or 0 < other.finished_at < state.steps[name].finished_at:
        return 0
    known = books(other.cursors)
    return int(known["sent"] - known["dead"] + known["perhaps_twice"])


def _counted(account: Account, urls: Mapping[str, str], service: Sqs) -> Account:
    """Return the account with what its targets hold now."""

    def held(queue: str) -> int | None:
        url = urls.get(target_name(queue))
        return service.queue(url).facts().messages if url else None

    dead_letters = held(account.queue + POISON) if account.dead else None
    return replace(account, on_target=held(account.queue), on_dead_letters=dead_letters)


def _problems(account: Account) -> Iterator[str]:
    missing = account.found - account.sent - account.refused - account.held
    if missing > 0:
        yield f"{missing:,} of the messages found were neither sent, nor are they left: expired, or consumed"
    if account.done and account.mode == "drain" and account.left > account.refused:
        yield (
            f"{counted(account.left - account.refused, 'message that came later is', 'messages that came later are')}"
            " on the source: drain again"
        )
    if account.refused:
        yield f"{counted(account.refused, 'message')} refused by SQS, still on the source"
    yield from _problems_on_target(account)


def _problems_on_target(account: Account) -> Iterator[str]:
    if account.on_dead_letters is not None and account.on_dead_letters < account.dead_expected:
        gone = account.dead_expected - account.on_dead_letters
        yield (
            f"{counted(gone, 'message is', 'messages are')} missing among the dead letters: redriven or"
            " consumed there, or lost"
        )
    if account.on_target is None:
        return
    if account.on_target < account.expected:
        yield (
            f"{counted(account.expected - account.on_target, 'message is', 'messages are')} missing on the"
            " target: consumed there, or lost"
        )
    elif account.on_target > account.expected + account.perhaps_twice + account.by_others:
        yield (
            f"{counted(account.on_target - account.expected, 'message is', 'messages are')} on the target that"
            " this run did not send"
        )
