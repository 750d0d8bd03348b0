"""Messages that were tried too often: where they go when the configuration sends them to the dead letters at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wkms_migrate.phases.queue.ledger import books
from wkms_migrate.phases.queue.mapping import POISON, TRIES

if TYPE_CHECKING:
    from wkms_migrate.clients.sqs import Facts, Letter, Sqs, SqsQueue
    from wkms_migrate.journal import RunState
    from wkms_migrate.phases.queue.settings import QueueSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """The way of messages that were taken `after` times or more; `target` is None where no queue is known for them.

    `existing`: what the target holds now.
    """

    after: int
    target: SqsQueue | None = None
    most_bytes: int = 0
    existing: int = 0

    def takes(self, letter: Letter) -> bool:
        """Say whether a message was tried so often that it goes this way."""
        return int(letter.attributes[TRIES]) >= self.after


def limit_of(settings: QueueSettings, facts: Facts | None) -> int:
    """Return how often a message may be tried: as the queue's redrive policy says, else as the configuration does."""
    return facts.redrive.most if facts and facts.redrive else settings.max_receives


def diverts(settings: QueueSettings, queue: str) -> bool:
    """Say whether messages over the limit leave the way of a queue's others."""
    return settings.over_limit == "dead_letter" and not queue.endswith(POISON)


def is_shared(settings: QueueSettings, queue: str) -> bool:
    """Say whether a queue's target takes the dead letters of another queue as well."""
    return settings.over_limit == "dead_letter" and queue.endswith(POISON)


def way_of(settings: QueueSettings, queue: str, facts: Facts, service: Sqs, dead_url: str) -> DeadLetters | None:
    """Return the way of a queue's messages over the limit; None where they go with the others."""
    if not diverts(settings, queue):
        return None
    after = limit_of(settings, facts)
    if not dead_url:
        return DeadLetters(after=after)
    target = service.queue(dead_url)
    held = target.facts()
    return DeadLetters(after=after, target=target, most_bytes=held.most_bytes, existing=held.messages)


def given_to(state: RunState, move: str) -> int:
    """Return how many messages X gave, at most, to the dead letters into which `move` of X-poison goes as well."""
    step = state.steps.get(move.removesuffix(POISON))
    if not move.endswith(POISON) or step is None:
        return 0
    known = books(step.cursors)
    return int(known["dead"] + known["perhaps_twice"]) if known["dead"] else 0
