"""One queue's move: both ends opened, and a page of messages sent, journalled batch by batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from wkms_migrate.clients import azure_queue, sqs
from wkms_migrate.clients.azure_queue import Message, QueueService
from wkms_migrate.clients.sqs import Letter, Outcome, SqsQueue
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused, TransientError, WkmsError
from wkms_migrate.events import Json
from wkms_migrate.phases.queue.deadletters import DeadLetters, given_to, way_of
from wkms_migrate.phases.queue.ledger import Ledger, Start
from wkms_migrate.phases.queue.mapping import ENCODING, TRIES, letter_of, policy_of
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.plan import StepRun

CONVERTED = {
    "decoded": "messages were base64 and are text now; azure.encoding says decoded.",
    "wrapped": "messages have characters that SQS refuses: the body is base64 of them; azure.encoding says wrapped.",
    "empty": "messages were empty and are a single space on SQS; azure.encoding says empty.",
}
BY_HAND = "It is still on the source. Deal with it by hand, then run again."
NO_DEAD_LETTERS = (
    "It is still on the source. Name the SQS queue of X-poison in phases.queue.targets, or set "
    "phases.queue.over_limit: anew."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a move of one queue works with. `turn` lets only so many batches be on their way at the same time.

    `dead` is the way of messages over the limit, where they do not go with the others.
    """

    run: StepRun
    source: QueueService
    queue: str
    target: SqsQueue
    most_bytes: int
    dead: DeadLetters | None
    settings: QueueSettings
    ledger: Ledger
    start: Start
    turn: threading.Semaphore

    def result(self, held: int) -> dict[str, Json]:
        """Return the facts of this step and its earlier lives; `held`: what stays on the source, hidden."""
        return {
            "mode": self.settings.mode,
            "found": self.start.found,
            "sent": self.ledger.sent,
            "held": held,
            "rejected": len(self.ledger.rejected),
            "perhaps_twice": self.ledger.perhaps_twice,
            "existing": self.start.existing,
            "dead": self.ledger.dead,
            "dead_existing": self.start.dead_existing,
        }


def result_key(queue: str) -> str:
    """Return the name under which a move puts its facts out."""
    return f"drained/{queue}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Names of one queue's two ends, and of where its dead letters go ("" where that is not known).

    `again`: an earlier move of this run filled the target.
    """

    queue: str
    url: str
    dead_url: str = ""
    again: bool = False


@contextmanager
def opened(run: StepRun, ends: Ends) -> Iterator[Job]:
    """Open both ends. Raises `Refused` for a target with messages of others."""
    settings = run.context.section(QueueSettings)
    with ExitStack() as stack:
        source = azure_queue.connect(run.context.settings.azure.storage, run.stopping)
        stack.callback(source.close)
        service = sqs.connect(run.context.settings.aws, run.stopping)
        stack.callback(service.close)
        target = service.queue(ends.url)
        ledger = Ledger(run)
        facts = target.facts()
        ours = facts.messages if ledger.started or ends.again else given_to(run.context.state, run.step.id)
        _check_target(
            settings, target, facts.messages - ours, copied=f"queue/copy/{ends.queue}" in run.context.state.steps
        )
        dead = way_of(settings, ends.queue, facts, service, ends.dead_url)
        now = Start(found=source.count(ends.queue), existing=facts.messages, dead_existing=dead.existing if dead else 0)
        job = Job(
            run=run,
            source=source,
            queue=ends.queue,
            target=target,
            most_bytes=facts.most_bytes,
            dead=dead,
            settings=settings,
            ledger=ledger,
            start=ledger.start(now),
            turn=threading.Semaphore(1 if target.fifo else settings.batches_in_flight),
        )
        try:
            yield job
        finally:
            _tell_conversions(job)


def _check_target(settings: QueueSettings, target: SqsQueue, foreign: int, *, copied: bool) -> None:
    if foreign > 0 and not settings.appends:
        whose = "This run copied messages there: what is sent now will be there twice. " if copied else ""
        raise Refused(
            f"The SQS queue {target.name} holds {counted(foreign, 'message')} already.",
            hint=f"{whose}Purge it, or set phases.queue.on_existing: append.",
        )
    if settings.delay_seconds and target.fifo:
        raise Refused(
            f"The SQS queue {target.name} is FIFO and takes no delay per message.",
            hint="Set phases.queue.delay_seconds: 0, and the delay on the queue itself.",
        )


def send_page(job: Job, lane: str, page: Sequence[Message], until: float) -> None:
    """Send messages in batches, stating each in the ledger; none begins after `until` (monotonic) or a wish to stop.

    What was sent, `job.ledger.was_sent` tells. Raises `TransientError` when SQS does not take some now.
    """
    batches = _batches(job, [letter_of(message, job.queue, job.settings) for message in page])
    if not batches:
        return
    with job.turn:
        if time.monotonic() > until or job.run.stopping.is_set():
            return
        job.ledger.sending(lane, keys_of(batches[0][1]))
        for (target, batch), (_, following) in zip(batches, [*batches[1:], (job.target, [])], strict=True):
            outcome = target.send(batch)
            last = bool(outcome.waiting) or time.monotonic() > until or job.run.stopping.is_set()
            taken = set(outcome.sent)
            encodings = {one.key: str(one.attributes[ENCODING]) for one in batch if one.key in taken}
            upcoming = list(outcome.waiting) if last else keys_of(following)
            job.ledger.landed(lane, encodings, outcome.repeated, upcoming, dead=target is not job.target)
            _note(job, outcome)
            if last:
                break
    if outcome.waiting:
        raise TransientError(outcome.reason, hint="Run the same command again to go on.")


def _batches(job: Job, letters: Sequence[Letter]) -> list[tuple[SqsQueue, list[Letter]]]:
    """Return what is sent where, in this order; what fits nowhere is left on the source."""
    over = [letter for letter in letters if job.dead and job.dead.takes(letter)]
    others = [letter for letter in letters if letter not in over]
    ways = [(job.target, batch) for batch in _fitting(job, others, job.most_bytes)]
    if over and job.dead and job.dead.target:
        return ways + [(job.dead.target, batch) for batch in _fitting(job, over, job.dead.most_bytes)]
    for letter in over:
        text = f"The message was taken {letter.attributes[TRIES]} times, and no dead-letter queue is known for it."
        _reject(job, letter.key, text, NO_DEAD_LETTERS)
    return ways


def _fitting(job: Job, letters: Sequence[Letter], most_bytes: int) -> Iterator[list[Letter]]:
    """Yield batches of the letters that a queue takes; those that are too long for it are left on the source."""
    for letter in letters:
        if letter.size > most_bytes:
            _refuse(job, letter.key, f"it has {letter.size:,} bytes and the queue takes {most_bytes:,}")
    yield from batched([letter for letter in letters if letter.size <= most_bytes], most_bytes)


def keys_of(letters: Iterable[Letter]) -> list[str]:
    """Return the ids of messages."""
    return [letter.key for letter in letters]


def batched(letters: Sequence[Letter], most_bytes: int) -> Iterator[list[Letter]]:
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


def give_back(job: Job, messages: Iterable[Message]) -> None:
    """Make messages visible again; when that fails, they become visible by themselves a little later."""
    with suppress(WkmsError):
        for message in messages:
            job.source.give_back(job.queue, message)


def _note(job: Job, outcome: Outcome) -> None:
    for key, reason in outcome.rejected.items():
        _refuse(job, key, reason)
    errors = len(job.ledger.rejected)
    job.run.progress(job.ledger.sent, job.start.found, "messages", errors=errors, item=job.queue)


def _refuse(job: Job, key: str, reason: str) -> None:
    _reject(job, key, f"SQS refuses the message: {reason}", BY_HAND)


def _reject(job: Job, key: str, text: str, hint: str) -> None:
    job.ledger.rejected[key] = text
    job.run.finding("queue.rejected", text, f"{job.queue}/{key}", kind="left", severity="error", hint=hint)


def _tell_conversions(job: Job) -> None:
    counts = job.ledger.converted
    for encoding, text in CONVERTED.items():
        if count := counts[encoding]:
            job.run.finding(f"queue.{encoding}", f"{count:,} {text}", job.queue, kind="converted")
    if count := counts["plain"]:
        text = "messages were to be base64 and are not; they are kept as they are, azure.encoding says plain."
        job.run.finding("queue.plain", f"{count:,} {text}", job.queue, severity="warning")
    if (count := counts["base64"]) and policy_of(job.queue, job.settings) != "raw":
        text = "messages are base64 of what SQS refuses, and stay base64; azure.encoding says base64."
        job.run.finding("queue.undecoded", f"{count:,} {text}", job.queue, severity="warning")
