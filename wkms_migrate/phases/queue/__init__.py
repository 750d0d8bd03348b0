"""Azure Queue Storage to SQS: every queue moved into its counterpart, poison queues into dead-letter queues.

A message that is hidden on the source cannot be read, nor how long it stays so; it is moved when it becomes visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue
from wkms_migrate.errors import ConfigError, NotKnownYet
from wkms_migrate.phases.queue.copy import copy, cost_of
from wkms_migrate.phases.queue.drain import drain, forward
from wkms_migrate.phases.queue.mapping import POISON, target_name
from wkms_migrate.phases.queue.redrive import redrive
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.phases.queue.verify import verify
from wkms_migrate.plan import Context, Phase, Step, digest_of

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_queue import QueueService

UNKNOWN = "(known after provision)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One queue of the source: about how many messages it holds, and the URL of its target ("" for none)."""

    queue: str
    count: int
    url: str

    @property
    def target(self) -> str:
        """The target's name."""
        return self.url.rpartition("/")[2] or "?"

    @property
    def missing(self) -> str | None:
        """Why it cannot be moved."""
        return None if self.url else f"no SQS queue is known for {self.queue}: name one in phases.queue.targets"


def plan(context: Context) -> Iterator[Step]:
    """Yield move and verify for every queue; costs one call per queue."""
    settings = context.section(QueueSettings)
    with closing(azure_queue.connect(context.settings.azure.storage)) as service:
        counts = {name: service.count(name) for name in chosen(settings, service)}
    urls = targets(context, settings)
    found = [Planned(queue=queue, count=count, url=_url(urls, queue)) for queue, count in counts.items()]
    if settings.mode == "forward":
        _check_hands(context, found)
    for one in found:
        yield from _move(context, settings, one)
    yield from _redrives(settings, urls, found)


def chosen(settings: QueueSettings, service: QueueService) -> list[str]:
    """Return the queues to move. Raises `ConfigError` for one that the account does not have."""
    there = list(service.queues())
    named = (*settings.queues, *settings.targets, *settings.encodings)
    if unknown := [name for name in dict.fromkeys(named) if name not in there]:
        raise ConfigError(
            f"The storage account {service.account} has no queue {', '.join(unknown)}.",
            hint=f"phases.queue names it. The account has: {', '.join(there) or 'none'}.",
        )
    return list(settings.queues) or there


def targets(context: Context, settings: QueueSettings) -> Mapping[str, str] | None:
    """Return queue URLs by target name, or None while provision is not done."""
    named = {target_name(queue): url for queue, url in settings.targets.items()}
    try:
        return {**context.output("provision", "wkms")["queues"], **named}
    except NotKnownYet:
        return named or None


def _url(urls: Mapping[str, str] | None, queue: str) -> str:
    return UNKNOWN if urls is None else urls.get(target_name(queue), "")


def _check_hands(context: Context, found: list[Planned]) -> None:
    """Refuse more bridges than threads: a bridge never ends, so each needs one of its own."""
    if (wanted := sum(1 for one in found if one.url)) > context.settings.workers:
        raise ConfigError(
            f"{wanted} queues are to be forwarded, and workers is {context.settings.workers}.",
            hint="Name fewer in phases.queue.queues, or raise workers.",
        )


def _move(context: Context, settings: QueueSettings, one: Planned) -> Iterator[Step]:
    copying = settings.mode == "copy"
    # A bridge and a drain are one step, so that what one has sent the other knows.
    step = f"queue/{'copy' if copying else 'drain'}/{one.queue}"
    digest = _digest(context, settings, step, one)
    if copying:
        run = partial(copy, queue=one.queue, url=one.url)
    else:
        does = forward if settings.mode == "forward" else drain
        run = partial(does, queue=one.queue, url=one.url, again="." in digest)
    yield Step(
        id=step,
        summary=f"{settings.mode.capitalize()} {one.queue} (about {one.count:,} messages) into {one.target}",
        run=run,
        digest=digest,
        preview=partial(_cost, one, settings) if copying else None,
        skip=one.missing,
    )
    if settings.mode != "forward" or settings.until_empty:
        yield Step(
            id=f"queue/verify/{one.queue}",
            summary=f"Compare the counts of {one.queue} on both ends",
            run=partial(verify, queue=one.queue, url=one.url, moved_by=step),
            digest=digest,
            stage=1,
            skip=one.missing,
        )


def _cost(one: Planned, settings: QueueSettings) -> Iterable[str]:
    return [f"costs {one.queue} {cost_of(one.count, settings.hidden_seconds)}"]


def _redrives(settings: QueueSettings, urls: Mapping[str, str] | None, found: list[Planned]) -> Iterator[Step]:
    if settings.redrive == "off":
        return
    known = {one.queue: one for one in found}
    for poison in (one for one in found if one.queue.endswith(POISON)):
        queue = poison.queue.removesuffix(POISON)
        url = known[queue].url if queue in known else _url(urls, queue)
        yield Step(
            id=f"queue/redrive/{queue}",
            summary=f"{settings.redrive.capitalize()} that {queue} gives its dead letters to {poison.target}",
            run=partial(redrive, queue=queue, url=url, dead_url=poison.url),
            digest=digest_of(url, poison.url, settings.redrive, settings.max_receives),
            skip=poison.missing or (None if url else f"no SQS queue is known for {queue}"),
        )


def _digest(context: Context, settings: QueueSettings, step: str, one: Planned) -> str:
    """Return the digest of the inputs; messages that came after a finished drain make another one due.

    The count itself cannot be part of it: it changes while the step runs, and its cursors must stay valid.
    """
    base = digest_of(one.url, settings.encoding, settings.encodings.get(one.queue), settings.fifo_group)
    known = context.state.steps.get(step)
    if known is None or not known.digest.startswith(base):
        return base
    due = settings.mode == "forward" or (settings.mode == "drain" and one.count)
    if known.status == "done" and due:
        _, _, times = known.digest.partition(".")
        return f"{base}.{int(times or 0) + 1}"
    return known.digest


PHASE = Phase(
    name="queue",
    summary="Move the messages of Azure Queue Storage to SQS",
    plan=plan,
    settings=QueueSettings,
    needs=("provision",),
)
