from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from wkms_migrate.config import Section
from wkms_migrate.phases.cosmos.items import LargeItems


class CosmosSettings(Section):
    """Cosmos DB (NoSQL API) to DynamoDB."""

    containers: dict[str, str] = Field(
        {},
        description="Containers to copy, each with the name of its table in provision's output `tables`; empty copies"
        " all, each to the table of its own name.",
    )
    mapping: Path | None = Field(
        None,
        description="Mapping file that says what each container becomes (`cosmos map` writes one); it then names the"
        " containers and their tables. null: keys follow the partition key, and nothing is rewritten.",
    )
    on_existing: Literal["refuse", "append", "replace"] = Field(
        "refuse",
        description="What to do with a table that holds items already. refuse: stop; append: keep them, and overwrite"
        " those of the same key; replace: back them up into the run folder, then delete them.",
    )
    large_items: LargeItems = Field(
        "compress",
        description="What to do with items over 400 KB. compress: keep key and expiry, and the whole item compressed in"
        " one binary attribute; split: the same, in several items where one is not enough; offload: compressed, as an"
        " object in S3; dead-letter: leave them out and list them, which fails the verification. What is still too"
        " large with compress is a dead letter.",
    )
    offload_bucket: str | None = Field(
        None, description="Bucket for `offload`: a name in provision's output `buckets`, or a bucket's own name."
    )
    expiry_attribute: str = Field(
        "expireAt", min_length=1, description="Attribute for the time an item expires at, in seconds since 1970."
    )
    page_size: int = Field(1000, ge=1, le=10_000, description="Items per page of the change feed (at most 4 MB come).")
    workers: int | None = Field(
        None, ge=1, le=64, description="Ranges read, and batches written, at the same time; null: `workers`."
    )
    ru_budget: float | None = Field(
        None, gt=0, description="Request units per second that reading may use; null: as fast as the service answers."
    )
    wcu_budget: float | None = Field(
        None, gt=0, description="Write units per second that writing may use; null: as fast as the service takes it."
    )
