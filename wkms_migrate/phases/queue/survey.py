"""What both ends of each queue look like before anything moves. Reads only: messages are looked at, never taken."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue, sqs
from wkms_migrate.counted import counted
from wkms_migrate.phases.queue.copy import cost_of
from wkms_migrate.phases.queue.deadletters import diverts, limit_of
from wkms_migrate.phases.queue.drain import age_of
from wkms_migrate.phases.queue.ends import UNKNOWN, Planned, known
from wkms_migrate.phases.queue.mapping import ENCODING, POISON, letter_of
from wkms_migrate.phases.queue.settings import QueueSettings

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_queue import Message, QueueService
    from wkms_migrate.clients.sqs import Facts, Sqs
    from wkms_migrate.plan import Context

FRONT = azure_queue.MOST_AT_ONCE
DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One queue. `seen` of its `count` messages were looked at: the front, 32 at most, none that is hidden.

    Of those are the age of the oldest, the most tries, the seconds that the longest may live on (None: for ever), and
    what would become of their bodies. `hidden` are delayed or held by a consumer; None: cannot be known, because more
    are visible than one look shows. `problems` is what stands in the way or would be lost; `cost` is that of a copy.
    """

    queue: str
    poison: bool
    count: int
    seen: int
    hidden: int | None
    oldest_seconds: int
    tries: int
    lives_seconds: int | None
    encodings: dict[str, int]
    target: str
    target_messages: int | None
    retention_seconds: int | None
    dead_letters_after: int | None
    cost: str
    problems: tuple[str, ...]


def survey(context: Context) -> Iterator[Sight]:
    """Yield what is known of each queue; two calls to Azure and one to SQS per queue."""
    settings = context.section(QueueSettings)
    storage, aws = context.settings.azure.storage, context.settings.aws
    found = known(context)
    names = {one.queue for one in found}
    with closing(azure_queue.connect(storage)) as service, closing(sqs.connect(aws)) as target:
        for one in found:
            yield _sight(service, target, settings, one, has_poison=one.queue + POISON in names)


def _sight(service: QueueService, target: Sqs, settings: QueueSettings, one: Planned, *, has_poison: bool) -> Sight:
    front = service.peek(one.queue)
    letters = [letter_of(message, one.queue, settings) for message in front]
    facts = target.queue(one.url).facts() if one.url not in {"", UNKNOWN} else None
    lives = _longest_life(front)
    return Sight(
        queue=one.queue,
        poison=one.queue.endswith(POISON),
        count=one.count,
        seen=len(front),
        hidden=_hidden(one, front),
        oldest_seconds=age_of(front),
        tries=max((message.dequeue_count for message in front), default=0),
        lives_seconds=lives,
        encodings=dict(Counter(str(letter.attributes[ENCODING]) for letter in letters)),
        target=one.target,
        target_messages=facts.messages if facts else None,
        retention_seconds=facts.retention_seconds if facts else None,
        dead_letters_after=facts.redrive.most if facts and facts.redrive else None,
        cost=cost_of(one.count, settings.hidden_seconds),
        problems=(
            *_of_messages(settings, one, front, facts),
            *_problems(settings, one, facts, lives, has_poison=has_poison),
        ),
    )


def _longest_life(front: Sequence[Message]) -> int | None:
    """Return how many seconds the longest-lived message has left; None for more than a century, which is for ever."""
    ends = [parsedate_to_datetime(message.expires_on).timestamp() - time.time() for message in front]
    longest = round(max(ends, default=0))
    return None if longest > 100 * 365 * DAY else longest


def _hidden(one: Planned, front: Sequence[Message]) -> int | None:
    return max(0, one.count - len(front)) if len(front) < FRONT else None


def _of_messages(settings: QueueSettings, one: Planned, front: Sequence[Message], facts: Facts | None) -> Iterator[str]:
    if hidden := _hidden(one, front):
        yield (
            f"{counted(hidden, 'message is', 'messages are')} hidden: delayed, or held by a consumer; to be moved later"
        )
    most = limit_of(settings, facts)
    if not one.queue.endswith(POISON) and (tried := sum(1 for message in front if message.dequeue_count >= most)):
        fate = "they go to the dead letters" if diverts(settings, one.queue) else f"SQS counts anew, to {most} again"
        yield f"{tried:,} of those looked at were taken {most} times or more: {fate}"


def _problems(
    settings: QueueSettings, one: Planned, facts: Facts | None, lives: int | None, *, has_poison: bool
) -> Iterator[str]:
    if one.missing:
        yield one.missing
    if facts is None:
        return
    if facts.messages and not settings.appends:
        yield (
            f"the target holds {counted(facts.messages, 'message')}: purge it, or set phases.queue.on_existing: append"
        )
    if one.count and (lives is None or lives > facts.retention_seconds):
        yield f"SQS keeps a message for {facts.retention_seconds / DAY:.3g} days at most; some would live longer"
    if has_poison and facts.redrive is None and settings.redrive != "set":
        yield "the source has a poison queue, and the target gives dead letters nowhere"
