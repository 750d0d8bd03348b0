"""Take messages, send them, delete them on the source: in lanes, until the source is empty, or until told to stop."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import parsedate_to_datetime

from wkms_migrate.clients import azure_queue
from wkms_migrate.clients.azure_queue import Message
from wkms_migrate.counted import counted
from wkms_migrate.errors import Interrupted, Partial, WkmsError
from wkms_migrate.events import Json
from wkms_migrate.phases.queue.job import Ends, Job, give_back, opened, result_key, send_page
from wkms_migrate.phases.queue.ledger import books
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.plan import StepRun

POLL_SECONDS = 1.0
LAG_SECONDS = 5.0  # how often a bridge asks how far behind it is
SAFE_SHARE = 0.7  # of the time that taken messages stay hidden


def drain(run: StepRun, ends: Ends) -> Mapping[str, Json]:
    """Move every message of one queue.

    The result counts what this step and its earlier lives found, sent, and were refused; what may be there twice;
    and what the target held before.
    """
    with opened(run, ends) as job:
        _until_empty(job)
        return {result_key(ends.queue): job.result(held=0)}


def forward(run: StepRun, ends: Ends) -> Mapping[str, Json]:
    """Move messages as they come, until told to stop or, with `until_empty`, until none is left. Result as `drain`."""
    try:
        with opened(run, ends) as job:
            if job.settings.until_empty:
                _until_empty(job)
            else:
                _until_stopped(job)
            return {result_key(ends.queue): job.result(held=_left(job))}
    except Interrupted:
        if run.context.section(QueueSettings).until_empty:
            raise
        return {result_key(ends.queue): _stopped_before_it_began(run, ends.queue)}


def _stopped_before_it_began(run: StepRun, queue: str) -> dict[str, Json]:
    """Return the books of a bridge that was stopped while an end did not answer: those of its earlier lives."""
    known = books(run.cursors)
    _check_deleted(queue, known.pop("on_source"))
    return {"mode": "forward", "held": 0, "rejected": 0, "dead_existing": 0, **known}


def _check_deleted(queue: str, on_source: int) -> None:
    if on_source:
        raise Partial(
            f"Up to {counted(on_source, 'message')} of {queue} sent and not yet deleted, and so hidden.",
            hint="Run the same command again: they are deleted, not sent, when they show.",
        )


def _left(job: Job) -> int:
    """Return how many messages stay on the source. Raises `Partial` when it does not answer after a wish to stop."""
    try:
        return max(0, job.source.count(job.queue) - len(job.ledger.rejected))
    except Interrupted as error:
        raise Partial(
            f"The bridge of {job.queue} was stopped while the source did not answer.",
            hint="Start it again when the source answers, and stop it then: that closes its books.",
        ) from error


def _until_empty(job: Job) -> None:
    deadline = time.monotonic() + job.settings.settle_seconds
    while True:
        before = job.ledger.sent
        _sweep(job)
        job.run.check_stop()
        left = job.source.count(job.queue) - len(job.ledger.rejected)
        if left <= 0:
            return
        if job.ledger.sent > before:
            deadline = time.monotonic() + job.settings.settle_seconds
        if time.monotonic() > deadline:
            raise Partial(
                f"{counted(left, 'message')} of {job.queue} still hidden: delayed, or held by a consumer.",
                hint="Stop the consumers of the source; run the same command again when the messages are due.",
            )
        job.run.stopping.wait(POLL_SECONDS)


def _until_stopped(job: Job) -> None:
    with suppress(Interrupted):  # a wish to stop that met a wait between two tries; it ends as any other does
        _bridge(job)
    if _left(job):
        _check_deleted(job.queue, job.ledger.on_source)


def _bridge(job: Job) -> None:
    due = 0.0
    shown_by = time.monotonic() + job.settings.hidden_seconds
    while not job.run.stopping.is_set():
        _sweep(job)
        if time.monotonic() >= due:
            nothing_visible = _tell_lag(job)
            due = time.monotonic() + LAG_SECONDS
            if nothing_visible and time.monotonic() > shown_by:
                job.ledger.all_shown()
        job.run.stopping.wait(POLL_SECONDS)


def _tell_lag(job: Job) -> bool:
    """State how many messages wait on the source, hidden ones included, and how old the oldest visible one is.

    Return whether none is visible.
    """
    waiting = job.source.count(job.queue)
    front = job.source.peek(job.queue) if waiting else []
    told = f"{job.queue}: {waiting} behind" + (f", oldest {age_of(front)} s" if front else "")
    job.run.progress(job.ledger.sent, unit="messages", errors=len(job.ledger.rejected), item=told)
    job.run.log(told)
    return not front


def age_of(messages: Sequence[Message]) -> int:
    """Return how many seconds ago the oldest of these was put; 0 for none."""
    ages = [time.time() - parsedate_to_datetime(message.inserted_on).timestamp() for message in messages]
    return max(0, round(max(ages, default=0)))


def _sweep(job: Job) -> None:
    """Move what is visible. One lane looks; the others join when there is more than a page."""
    page = _take(job)
    if len(page) < azure_queue.MOST_AT_ONCE:
        _move_page(job, "lane-0", page)
        return
    # A FIFO queue keeps the order that one lane gives it.
    lanes = 1 if job.target.fifo else job.settings.lanes
    first = [page] + [[]] * (lanes - 1)
    with ThreadPoolExecutor(lanes, thread_name_prefix="queue") as pool:
        running = [pool.submit(_work, job, f"lane-{lane}", page) for lane, page in enumerate(first)]
        failures = [error for one in running if (error := one.exception()) is not None]
    if failures:
        raise next((error for error in failures if not isinstance(error, Interrupted)), failures[0])


def _take(job: Job) -> list[Message]:
    """Take a page; what SQS will never take is left alone."""
    page = job.source.receive(job.queue, job.settings.hidden_seconds)
    return [message for message in page if message.id not in job.ledger.rejected]


def _work(job: Job, lane: str, page: list[Message]) -> None:
    """Move pages until no message is visible that could be moved."""
    while not job.run.stopping.is_set() and (page or (page := _take(job))):
        _move_page(job, lane, page)
        page = []


def _move_page(job: Job, lane: str, page: Sequence[Message]) -> None:
    until = time.monotonic() + job.settings.hidden_seconds * SAFE_SHARE
    try:
        send_page(job, lane, [message for message in page if not job.ledger.was_sent(message.id)], until)
    except BaseException:
        with suppress(WkmsError):
            _settle(job, page)
        raise
    _settle(job, page)


def _settle(job: Job, page: Sequence[Message]) -> None:
    """Delete what SQS has; make the rest visible again, but for what SQS will never take."""
    rest = []
    for message in page:
        if not job.ledger.was_sent(message.id):
            rest.append(message)
        elif job.source.delete(job.queue, message):
            job.ledger.gone(message.id)
    give_back(job, [message for message in rest if message.id not in job.ledger.rejected])
