"""Settings of the queue phase."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wkms_migrate.config import Section


class QueueSettings(Section):
    """Azure Queue Storage to SQS."""

    mode: Literal["drain"] = Field(
        "drain", description="drain: every message is taken, sent, and deleted on the source once SQS has it."
    )
    queues: tuple[str, ...] = Field((), description="Queues to move; empty for all.")
    targets: dict[str, str] = Field(
        {},
        description="SQS queue URL by Azure queue; default: provision's queue of that name, for X-poison its X-dlq.",
    )
    decode: Literal["keep", "auto"] = Field(
        "keep",
        description=(
            "keep: bodies stay as they are and azure.encoding says when one is base64; "
            "auto: base64 of UTF-8 text is decoded (only when no consumer decodes by itself)."
        ),
    )
    on_existing: Literal["refuse", "append"] = Field(
        "refuse", description="What to do with a target queue that holds messages already."
    )
    lanes: int = Field(8, ge=1, le=64, description="How many hands take, send and delete at the same time, per queue.")
    hidden_seconds: int = Field(
        120,
        ge=1,
        le=604_800,
        description="How long a taken message stays hidden: longer than 32 of them need; a restart may wait as long.",
    )
    settle_seconds: float = Field(
        180, ge=0, description="How long to wait for messages that others or an earlier crash hide, before giving up."
    )
