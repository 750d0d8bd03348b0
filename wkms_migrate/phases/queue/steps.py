"""The steps of the queue phase: move and verify for each queue, and the redrive policies of poison queues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from wkms_migrate.counted import counted
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.queue.copy import copy, cost_of
from wkms_migrate.phases.queue.drain import drain, forward
from wkms_migrate.phases.queue.ends import Planned, known, targets, url_of
from wkms_migrate.phases.queue.job import Ends
from wkms_migrate.phases.queue.mapping import POISON
from wkms_migrate.phases.queue.redrive import redrive
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.phases.queue.verify import verify
from wkms_migrate.plan import Context, Step, digest_of

MODES = {"copy": copy, "drain": drain, "forward": forward}


def plan(context: Context) -> Iterator[Step]:
    """Yield move and verify for every queue; costs one call per queue."""
    settings = context.section(QueueSettings)
    urls = targets(context, settings)
    found = known(context)
    if settings.mode == "forward":
        _check_hands(context, found)
    for one in found:
        yield from _move(context, settings, one, url_of(urls, one.queue + POISON))
    yield from _redrives(settings, urls, found)


def _check_hands(context: Context, found: list[Planned]) -> None:
    """Refuse more bridges than threads: a bridge never ends, so each needs one of its own."""
    if (wanted := sum(1 for one in found if one.url)) > context.settings.workers:
        raise ConfigError(
            f"{counted(wanted, 'queue is', 'queues are')} to be forwarded, and workers is {context.settings.workers}.",
            hint="Name fewer in phases.queue.queues, or raise workers.",
        )


def _move(context: Context, settings: QueueSettings, one: Planned, dead_url: str) -> Iterator[Step]:
    copying = settings.mode == "copy"
    # A bridge and a drain are one step, so that what one has sent the other knows.
    step = f"queue/{'copy' if copying else 'drain'}/{one.queue}"
    digest = _digest(context, settings, step, one)
    ends = Ends(queue=one.queue, url=one.url, dead_url=dead_url, again="." in digest)
    yield Step(
        id=step,
        summary=f"{settings.mode.capitalize()} {one.queue} (about {counted(one.count, 'message')}) into {one.target}",
        run=partial(MODES[settings.mode], ends=ends),
        digest=digest,
        preview=partial(_foretold, one, settings),
        skip=one.missing,
    )
    if settings.mode != "forward" or settings.until_empty:
        yield Step(
            id=f"queue/verify/{one.queue}",
            summary=f"Compare the counts of {one.queue} on both ends",
            run=partial(verify, ends=ends, moved_by=step),
            digest=digest,
            stage=1,
            skip=one.missing,
        )


def _foretold(one: Planned, settings: QueueSettings) -> Iterable[str]:
    if settings.mode == "copy":
        yield f"what it costs {one.queue}: {cost_of(one.count, settings.hidden_seconds)}"
    if one.count:
        yield "what is hidden (delayed, or held by a consumer) goes when it shows: Azure tells nobody when that is"


def _redrives(settings: QueueSettings, urls: Mapping[str, str] | None, found: list[Planned]) -> Iterator[Step]:
    if settings.redrive == "off":
        return
    urls_of = {one.queue: one.url for one in found}
    for poison in (one for one in found if one.queue.endswith(POISON)):
        queue = poison.queue.removesuffix(POISON)
        url = urls_of.get(queue) or url_of(urls, queue)
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
    earlier = context.state.steps.get(step)
    if earlier is None or not earlier.digest.startswith(base):
        return base
    due = settings.mode == "forward" or (settings.mode == "drain" and one.count)
    if earlier.status == "done" and due:
        _, _, times = earlier.digest.partition(".")
        return f"{base}.{int(times or 0) + 1}"
    return earlier.digest
