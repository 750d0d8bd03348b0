"""Poison queues: does the SQS queue give what nobody can handle to its dead-letter queue, as Azure's host did."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from wkms_migrate.clients import sqs
from wkms_migrate.clients.sqs import Redrive
from wkms_migrate.events import Json
from wkms_migrate.phases.queue.settings import QueueSettings
from wkms_migrate.plan import StepRun


def redrive(run: StepRun, queue: str, url: str, dead_url: str) -> Mapping[str, Json]:
    """Look at the redrive policy of a queue, and with `redrive: set` write it where it differs.

    Result: the most receives, by queue; null where there is no policy.
    """
    settings = run.context.section(QueueSettings)
    with closing(sqs.connect(run.context.settings.aws, run.stopping)) as service:
        target, dead = service.queue(url), service.queue(dead_url).facts()
        facts = target.facts()
        wanted = Redrive(arn=dead.arn, most=settings.max_receives)
        if settings.redrive == "set" and facts.redrive != wanted:
            target.set_redrive(wanted)
            facts = target.facts()
    if dead.retention_seconds < facts.retention_seconds:
        run.finding(
            "queue.retention",
            "The dead-letter queue keeps messages for less time than the queue itself, counted from their sending.",
            queue,
            kind="risk",
            severity="warning",
            hint="Set its MessageRetentionPeriod to 1209600 (14 days).",
        )
    found = facts.redrive
    if found is None or found.arn != dead.arn:
        told = f"to {found.arn}" if found else "nowhere"
        run.finding(
            "queue.redrive",
            f"{queue} has a poison queue, but {target.name} gives dead letters {told}, not to {dead.arn}.",
            queue,
            kind="risk",
            severity="warning",
            hint="Set dead_letter in Terraform's variable queues, or phases.queue.redrive: set.",
        )
    else:
        run.verified(queue, "dead letters go to", dead.arn, found.arn)
    return {f"redrive/{queue}": found.most if found else None}
