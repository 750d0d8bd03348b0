from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PositiveFloat, StringConstraints

from wkms_migrate.config import Section, part

LargeItems: TypeAlias = Literal["compress", "split", "offload", "dead-letter"]
Wanted: TypeAlias = Literal["auto", "batch", "import", "bulk"]
Share: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d+)?%$")]


class Capacity(Section):
    """Provisioned throughput of a table and each of its indexes."""

    read: int = Field(ge=1, description="Read units per second.")
    write: int = Field(ge=1, description="Write units per second.")


class Tables(Section):
    """Tables that provision did not make."""

    make: bool = Field(
        default=False,
        description="Make a table from the mapping where provision's output has none, named by `name_prefix` and the"
        " container's table; false: such a container is refused.",
    )
    capacity: Capacity | None = Field(None, description="Provisioned throughput; null: on demand.")
    recoverable: bool = Field(default=True, description="Keep point-in-time recovery on.")
    kms_key: str | None = Field(None, description="KMS key that encrypts; null: the key that AWS manages.")
    tags: dict[str, str] = Field({}, description="Tags of the table.")


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
    tables: Tables = part(description="Tables that provision did not make.")
    write_path: Wanted = Field(
        "auto",
        description="How items are written. batch: BatchWriteItem; import: staged in S3 and loaded by ImportTable,"
        " which makes the table; bulk: staged in S3 and loaded by StartBulkPutItems; auto: from S3 above 1 GB where a"
        " staging bucket is set, else batch.",
    )
    staging_bucket: str | None = Field(
        None,
        description="Bucket to stage items in for import and bulk: a name in provision's output `buckets`, or a"
        " bucket's own name.",
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
    ru_budget: PositiveFloat | Share | None = Field(
        None,
        description="Request units per second that reading may use, or a share of what is provisioned, e.g. `40%`;"
        " null: as fast as the service answers. `cosmos budget` changes it for a run under way.",
    )
    wcu_budget: PositiveFloat | Share | None = Field(
        None,
        description="Write units per second that writing may use, or a share of what is provisioned, e.g. `80%`;"
        " null: as fast as the service takes it. `cosmos budget` changes it for a run under way.",
    )
