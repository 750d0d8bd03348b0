"""Settings of the queue phase."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from wkms_migrate.config import Section

Encoding: TypeAlias = Literal["raw", "base64", "auto"]


class QueueSettings(Section):
    """Azure Queue Storage to SQS."""

    mode: Literal["drain", "copy", "forward"] = Field(
        "drain",
        description=(
            "drain: every message is taken, sent, and deleted on the source once SQS has it; "
            "copy: the source keeps every message, at a cost that the plan names; "
            "forward: drain without an end, a bridge that runs until it is stopped."
        ),
    )
    queues: tuple[str, ...] = Field((), description="Queues to move; empty for all.")
    targets: dict[str, str] = Field(
        {},
        description="SQS queue URL by Azure queue; default: provision's queue of that name, for X-poison its X-dlq.",
    )
    encoding: Encoding = Field(
        "raw",
        description=(
            "raw: bodies stay as they are and azure.encoding says when one is base64; "
            "base64: bodies are base64 of text and are decoded, those that are not are kept and told; "
            "auto: what can be base64 of text is decoded. Decode only when no consumer decodes by itself."
        ),
    )
    encodings: dict[str, Encoding] = Field({}, description="Encoding by Azure queue, where it differs.")
    fifo_group: str = Field(
        "queue",
        pattern="^(queue|message|json:.+)$",
        description=(
            "Message group on FIFO queues. queue: one, the order is kept; message: each its own, no order; "
            "json:NAME: the value of that property of a JSON body."
        ),
    )
    delay_seconds: int = Field(
        0, ge=0, le=900, description="For how long SQS hides each message after it was sent; not on FIFO queues."
    )
    redrive: Literal["check", "set", "off"] = Field(
        "check",
        description=(
            "For a queue X with an X-poison. check: say when the SQS queue gives nothing to its dead-letter queue; "
            "set: write the redrive policy (Terraform must then know of it); off: do not look."
        ),
    )
    max_receives: int = Field(
        5, ge=1, le=1000, description="Receives after which a message is dead, for redrive: set; Azure Functions: 5."
    )
    over_limit: Literal["anew", "dead_letter"] = Field(
        "anew",
        description=(
            "Messages that were taken as often as the redrive policy of their SQS queue allows (max_receives where "
            "there is none). anew: they go with the others, and SQS counts from 0; dead_letter: they go where X-poison "
            "goes, and stay on the source when no such queue is known."
        ),
    )
    on_existing: Literal["refuse", "append"] = Field(
        "refuse", description="What to do with a target queue that holds messages already."
    )
    target_in_use: bool = Field(
        default=False,
        description="Consumers of the SQS queues run already: its counts prove nothing then and are not compared.",
    )
    lanes: int = Field(16, ge=1, le=64, description="How many hands take and delete at the same time, per queue.")
    batches_in_flight: int = Field(
        1,
        ge=1,
        le=16,
        description="Batches of 10 on their way to one SQS queue at the same time; a kill repeats these at most.",
    )
    hidden_seconds: int = Field(
        120,
        ge=1,
        le=604_800,
        description="How long a taken message stays hidden: longer than 32 of them need; a restart may wait as long.",
    )
    settle_seconds: float = Field(
        180, ge=0, description="How long to wait for messages that others or an earlier crash hide, before giving up."
    )
    until_empty: bool = Field(
        default=False, description="forward: end by itself when the source is empty, instead of when it is stopped."
    )

    @property
    def appends(self) -> bool:
        """Whether a target may hold messages of others."""
        return self.on_existing == "append" or self.target_in_use or self.mode == "forward"
