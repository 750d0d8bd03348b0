"""Take messages, send them, delete them on the source: in lanes, until the source is empty."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from wkms_migrate.clients import azure_queue, sqs
from wkms_migrate.clients.azure_queue import Message, QueueService
from wkms_migrate.clients.sqs import Letter, SqsQueue
from wkms_migrate.errors import Partial, Refused, TransientError, WkmsError
from wkms_migrate.events import Json
from wkms_migrate.phases.queue.ledger import Ledger
from wkms_migrate.phases.queue.mapping import ENCODING, letter_of
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.plan import StepRun

POLL_SECONDS = 1.0
SAFE_SHARE = 0.7  # of the time that taken messages stay hidden
CONVERTED = {
    "decoded": "base64 was decoded; azure.encoding says so.",
    "wrapped": "Characters that SQS refuses: the body is base64 of it; azure.encoding says so.",
    "empty": "An empty body is a single space on SQS; azure.encoding says so.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One queue's drain."""

    run: StepRun
    source: QueueService
    queue: str
    target: SqsQueue
    most_bytes: int
    settings: QueueSettings
    ledger: Ledger


def drain(run: StepRun, queue: str, url: str, *, again: bool) -> Mapping[str, Json]:
    """Move every message of one queue. `again`: an earlier drain of this run filled the target.

    The result counts what this step and its earlier lives sent, what SQS refused, what may be there twice, and what
    the target held before.
    """
    settings = run.context.section(QueueSettings)
    source = azure_queue.connect(run.context.settings.azure.storage, run.stopping)
    target = sqs.connect(run.context.settings.aws, url)
    ledger = Ledger(run)
    try:
        facts = target.facts()
        if facts.messages and not (ledger.started or again or settings.on_existing == "append"):
            raise Refused(
                f"The SQS queue {target.name} holds {facts.messages} messages already.",
                hint="Purge it, or set phases.queue.on_existing: append.",
            )
        existing = ledger.start(facts.messages)
        job = Job(
            run=run,
            source=source,
            queue=queue,
            target=target,
            most_bytes=facts.most_bytes,
            settings=settings,
            ledger=ledger,
        )
        _until_empty(job)
    finally:
        source.close()
    moved = {
        "sent": ledger.sent,
        "rejected": len(ledger.rejected),
        "perhaps_twice": len(ledger.uncertain),
        "existing": existing,
    }
    return {result_key(queue): moved}


def result_key(queue: str) -> str:
    """Return the name under which a drain puts its facts out."""
    return f"drained/{queue}"


def _until_empty(job: Job) -> None:
    # A FIFO queue keeps the order that one lane gives it.
    lanes = 1 if job.target.fifo else job.settings.lanes
    deadline = time.monotonic() + job.settings.settle_seconds
    while True:
        before = job.ledger.sent
        with ThreadPoolExecutor(lanes, thread_name_prefix="queue") as pool:
            for _ in pool.map(lambda lane: _work(job, f"lane-{lane}"), range(lanes)):
                pass
        left = job.source.count(job.queue) - len(job.ledger.rejected)
        if left <= 0:
            return
        if job.ledger.sent > before:
            deadline = time.monotonic() + job.settings.settle_seconds
        if time.monotonic() > deadline:
            raise Partial(
                f"{left} messages of {job.queue} stay hidden: they are delayed, or a consumer holds them.",
                hint="Stop the consumers of the source; run the same command again when the messages are due.",
            )
        job.run.stopping.wait(POLL_SECONDS)
        job.run.check_stop()


def _work(job: Job, lane: str) -> None:
    """Move pages until no message is visible that could be moved."""
    while page := job.source.receive(job.queue, job.settings.hidden_seconds):
        fresh = [message for message in page if message.id not in job.ledger.rejected]
        _move_page(job, lane, fresh)
        if not fresh:
            return


def _move_page(job: Job, lane: str, page: Sequence[Message]) -> None:
    held = {message.id: message for message in page}
    ours_until = time.monotonic() + job.settings.hidden_seconds * SAFE_SHARE
    try:
        for known in [message for message in page if message.id in job.ledger.sent_earlier]:
            job.source.delete(job.queue, held.pop(known.id))
        letters = [letter_of(message, job.settings.decode) for message in held.values()]
        fitting = [letter for letter in letters if _fits(job, letter)]
        job.ledger.open_page(lane, [letter.key for letter in fitting])
        for batch in _batches(fitting, job.most_bytes):
            job.run.check_stop()
            if time.monotonic() > ours_until:
                return  # the rest is about to become visible again, and would be sent twice
            _move_batch(job, lane, batch, held)
    except BaseException:
        _give_back(job, held.values())
        raise


def _fits(job: Job, letter: Letter) -> bool:
    """Say whether the target takes a message of this size; when not, it is left where it is."""
    if letter.size <= job.most_bytes:
        return True
    _reject(job, letter.key, f"it has {letter.size:,} bytes and the queue takes {job.most_bytes:,}")
    return False


def _batches(letters: Sequence[Letter], most_bytes: int) -> Iterator[list[Letter]]:
    """Yield the letters in batches of at most 10 and `most_bytes`."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        if batch and (len(batch) == sqs.MOST_AT_ONCE or size + letter.size > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += letter.size
    if batch:
        yield batch


def _move_batch(job: Job, lane: str, batch: Sequence[Letter], held: dict[str, Message]) -> None:
    outcome = job.target.send(batch)
    job.ledger.close_batch(lane, outcome.sent, outcome.rejected)
    for letter in batch:
        if letter.key in outcome.sent:
            if not job.source.delete(job.queue, held.pop(letter.key)):
                job.ledger.sent_earlier.add(letter.key)
            _tell_conversion(job, letter)
        elif letter.key in outcome.rejected:
            _reject(job, letter.key, outcome.rejected[letter.key])
    job.run.progress(job.ledger.sent, unit="messages", errors=len(job.ledger.rejected), item=job.queue)
    if outcome.waiting:
        raise TransientError(outcome.reason, hint="Run the same command again to go on.")


def _tell_conversion(job: Job, letter: Letter) -> None:
    encoding = str(letter.attributes[ENCODING])
    if encoding in CONVERTED:
        job.run.finding(f"queue.{encoding}", CONVERTED[encoding], f"{job.queue}/{letter.key}", kind="converted")


def _reject(job: Job, key: str, reason: str) -> None:
    job.ledger.rejected[key] = reason
    job.run.finding(
        "queue.rejected",
        f"SQS refuses the message: {reason}",
        f"{job.queue}/{key}",
        kind="left",
        severity="error",
        hint="It is still on the source. Deal with it by hand, then run again.",
    )


def _give_back(job: Job, messages: Iterable[Message]) -> None:
    """Make what was not sent visible again; when that fails too, it becomes visible by itself a little later."""
    with suppress(WkmsError):
        for message in messages:
            job.source.give_back(job.queue, message)
