"""Send every message and leave it on the source.

Azure has no way to read a whole queue and leave no trace. A look (peek) shows 32 visible messages at most, so a queue
of no more is copied by looking. A longer one must be taken: each message is hidden until all have been seen, is made
visible again then, and keeps one more in its dequeue count.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from wkms_migrate.clients import azure_queue
from wkms_migrate.clients.azure_queue import Message
from wkms_migrate.counted import counted
from wkms_migrate.errors import Partial
from wkms_migrate.events import Json
from wkms_migrate.phases.queue.drain import POLL_SECONDS
from wkms_migrate.phases.queue.job import Ends, Job, give_back, opened, result_key, send_page
from wkms_migrate.plan import StepRun

SLOWEST = 20  # messages a second that a pass copies at least; the hidden time is made for that
LONGEST_HIDDEN = 604_800


def copy(run: StepRun, ends: Ends) -> Mapping[str, Json]:
    """Send what the source holds now, once. Result as `drain`; `held`: what stayed hidden and was not copied."""
    with opened(run, ends) as job:
        _until_all_seen(job)
        return {result_key(ends.queue): job.result(held=_unseen(job))}


def cost_of(count: int, hidden_seconds: int) -> str:
    """Say what copying so many messages does to the source."""
    if count <= azure_queue.MOST_AT_ONCE:
        return "nothing: they are looked at, not taken"
    hidden = _hidden_for(count, hidden_seconds)
    return f"each is hidden from its consumers for up to {hidden:,} s, and its dequeue count grows by one"


def _hidden_for(count: int, hidden_seconds: int) -> int:
    return min(LONGEST_HIDDEN, max(hidden_seconds, count // SLOWEST))


def _unseen(job: Job) -> int:
    return max(0, job.source.count(job.queue) - job.ledger.on_source - len(job.ledger.rejected))


def _until_all_seen(job: Job) -> None:
    pages = (f"page-{job.ledger.life}-{number}" for number in itertools.count())
    deadline = time.monotonic() + job.settings.settle_seconds
    while True:
        before = job.ledger.sent
        if job.source.count(job.queue) <= azure_queue.MOST_AT_ONCE:
            _look(job, next(pages))
        else:
            _take_all(job, pages)
        job.run.check_stop()
        if not (unseen := _unseen(job)):
            return
        if job.ledger.sent > before:
            deadline = time.monotonic() + job.settings.settle_seconds
        if time.monotonic() > deadline:
            raise Partial(
                f"{counted(unseen, 'message')} of {job.queue} still hidden: delayed, or held by a consumer.",
                hint="Run the same command again when they are due; what is copied is not copied again.",
            )
        job.run.stopping.wait(POLL_SECONDS)


def _look(job: Job, page: str) -> None:
    send_page(job, page, _new(job, job.source.peek(job.queue)), float("inf"))


def _take_all(job: Job, pages: Iterator[str]) -> None:
    """Take, send and hide page after page, then make all of them visible again."""
    held: list[Message] = []
    seconds = _hidden_for(job.source.count(job.queue), job.settings.hidden_seconds)
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until and not job.run.stopping.is_set():
            taken = job.source.receive(job.queue, seconds)
            held += taken
            fresh = _new(job, taken)
            if not taken or (held and not fresh and _seen_twice(held)):
                return
            send_page(job, next(pages), fresh, until)
    finally:
        _show(job, held)


def _seen_twice(held: Sequence[Message]) -> bool:
    """Say whether the hidden time ran out, so that the first messages came again."""
    return len({message.id for message in held}) < len(held)


def _new(job: Job, messages: Sequence[Message]) -> list[Message]:
    return [one for one in messages if not (job.ledger.was_sent(one.id) or one.id in job.ledger.rejected)]


def _show(job: Job, held: Sequence[Message]) -> None:
    """Make messages visible again, by their last receipts."""
    latest = list({message.id: message for message in held}.values())
    lanes = job.settings.lanes
    with ThreadPoolExecutor(lanes, thread_name_prefix="queue") as pool:
        for lane in range(lanes):
            pool.submit(give_back, job, latest[lane::lanes])
