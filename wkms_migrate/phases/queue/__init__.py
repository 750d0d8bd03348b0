"""Azure Queue Storage to SQS: every queue drained into its counterpart, poison queues into dead-letter queues.

A message that is hidden on the source cannot be read, nor how long it stays so; it is moved when it becomes visible.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue
from wkms_migrate.errors import ConfigError, NotKnownYet
from wkms_migrate.phases.queue.drain import drain
from wkms_migrate.phases.queue.mapping import target_name
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.phases.queue.verify import verify
from wkms_migrate.plan import Context, Phase, Step, digest_of

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_queue import QueueService

UNKNOWN = "(known after provision)"


def plan(context: Context) -> Iterator[Step]:
    """Yield drain and verify for every queue; costs one call per queue."""
    settings = context.section(QueueSettings)
    service = azure_queue.connect(context.settings.azure.storage)
    try:
        counts = {name: service.count(name) for name in _chosen(settings, service)}
    finally:
        service.close()
    targets = _targets(context, settings)
    for queue, count in counts.items():
        yield from _steps(context, queue, count, targets)


def _chosen(settings: QueueSettings, service: QueueService) -> list[str]:
    there = list(service.queues())
    if unknown := [name for name in (*settings.queues, *settings.targets) if name not in there]:
        raise ConfigError(
            f"The storage account {service.account} has no queue {', '.join(unknown)}.",
            hint=f"phases.queue names it. The account has: {', '.join(there) or 'none'}.",
        )
    return list(settings.queues) or there


def _targets(context: Context, settings: QueueSettings) -> dict[str, str] | None:
    """Return queue URLs by target name, or None while provision is not done."""
    named = {target_name(queue): url for queue, url in settings.targets.items()}
    try:
        return {**context.output("provision", "wkms")["queues"], **named}
    except NotKnownYet:
        return named or None


def _steps(context: Context, queue: str, count: int, targets: dict[str, str] | None) -> Iterator[Step]:
    drained = f"queue/drain/{queue}"
    url = UNKNOWN if targets is None else targets.get(target_name(queue), "")
    missing = None if url else f"no SQS queue is known for {queue}: name one in phases.queue.targets"
    digest = _digest(context, drained, count, url)
    yield Step(
        id=drained,
        summary=f"Drain {queue} (about {count:,} messages) into {url.rpartition('/')[2] or '?'}",
        run=partial(drain, queue=queue, url=url, again="." in digest),
        digest=digest,
        skip=missing,
    )
    yield Step(
        id=f"queue/verify/{queue}",
        summary=f"Compare the counts of {queue} on both ends",
        run=partial(verify, queue=queue, url=url, drained=drained),
        digest=digest,
        stage=1,
        skip=missing,
    )


def _digest(context: Context, step: str, count: int, url: str) -> str:
    """Return the digest of the inputs; messages that came after a finished drain make another one due.

    The count itself cannot be part of it: it changes while the step runs, and its cursors must stay valid.
    """
    settings = context.section(QueueSettings)
    base = digest_of(url, settings.mode, settings.decode)
    known = context.state.steps.get(step)
    if known is None or not known.digest.startswith(base):
        return base
    if known.status == "done" and count:
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
