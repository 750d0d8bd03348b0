"""The two ends of each queue: which are moved, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue
from wkms_migrate.errors import ConfigError, NotKnownYet
from wkms_migrate.phases.queue.mapping import POISON, target_name
from wkms_migrate.phases.queue.settings import QueueSettings

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_queue import QueueService
    from wkms_migrate.plan import Context

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


def known(context: Context) -> list[Planned]:
    """Return the queues to move with what each holds now; costs a call per queue."""
    settings = context.section(QueueSettings)
    urls = targets(context, settings)
    with closing(azure_queue.connect(context.settings.azure.storage)) as service:
        return [
            Planned(queue=queue, count=service.count(queue), url=url_of(urls, queue))
            for queue in chosen(settings, service)
        ]


def chosen(settings: QueueSettings, service: QueueService) -> list[str]:
    """Return the queues to move. Raises `ConfigError` for one that the account does not have."""
    there = list(service.queues())
    named = (*settings.queues, *settings.targets, *settings.encodings)
    poison_of_one = {name + POISON for name in there} & set(settings.targets)  # only its target is wanted
    if unknown := [name for name in dict.fromkeys(named) if name not in {*there, *poison_of_one}]:
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


def url_of(urls: Mapping[str, str] | None, queue: str) -> str:
    """Return the URL of a queue's target: empty for none, a remark while it cannot be known."""
    return UNKNOWN if urls is None else urls.get(target_name(queue), "")
