"""What can be chosen about the move of blobs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from wkms_migrate.config import Section
from wkms_migrate.phases.blob.place import overlapping

MIB = 1 << 20


class BlobSettings(Section):
    """Blob containers to S3 buckets."""

    containers: tuple[str, ...] = Field((), description="Containers to move; empty takes all of the account.")
    buckets: dict[str, str] = Field(
        default_factory=dict,
        description="Bucket, or bucket/prefix, by container; one that is not named here is what provision made.",
    )
    prefixes: tuple[str, ...] = Field((), description="Take only names that begin with one of these.")
    include: tuple[str, ...] = Field(
        (), description="Globs on names to take: * and ? stay in a folder, ** crosses folders; empty takes all."
    )
    exclude: tuple[str, ...] = Field((), description="Globs on names to leave; stronger than include.")
    files_from: Path | None = Field(None, description="File with the names to take, one a line, in UTF-8.")
    modified_after: datetime | None = Field(None, description="Take what was modified then or later; UTC without zone.")
    modified_before: datetime | None = Field(None, description="Take what was modified before; UTC without zone.")
    workers: int = Field(
        128,
        ge=1,
        le=256,
        description="Most objects, and parts of large objects, under way at once; how many are is found by measuring.",
    )
    part_mib: int = Field(
        16, ge=5, le=5120, description="MiB of a part; an object up to this size is stored in one request."
    )
    memory_mib: int = Field(128, ge=16, description="MiB of content held in memory at once.")
    on_existing: Literal["refuse", "append", "replace"] = Field(
        "refuse",
        description=(
            "A bucket that holds objects of others: refuse; append beside them (what would overwrite one is left out, "
            "and verification fails); replace them. Replace keeps what it overwrites or deletes: as a version in a "
            "versioned bucket, else as a copy under .wkms-migrate/backup/."
        ),
    )
    mirror: bool = Field(
        default=False,
        description=(
            "Delete objects that came from the container and whose blobs are gone, after everything was copied. Each "
            "is kept as a version in a versioned bucket, else as a copy under .wkms-migrate/backup/."
        ),
    )
    max_delete: str = Field(
        "10%",
        pattern=r"^\d{1,12}%?$",
        description="How many objects mirror may delete, or which share of the bucket's.",
    )
    on_bad_md5: Literal["fail", "warn"] = Field(
        "fail", description="A blob whose stored Content-MD5 is not that of its content: do not copy, or copy and warn."
    )
    storage_classes: dict[str, str] = Field(
        default_factory=lambda: {"Hot": "STANDARD", "Cool": "STANDARD_IA", "Cold": "GLACIER_IR"},
        description="S3 storage class by access tier; what is not named, inherited or below 128 KiB is STANDARD.",
    )
    renames: Path | None = Field(
        None, description="CSV with the columns name and key: blobs to store under another key, e.g. too long ones."
    )
    folder_stubs: Literal["leave", "copy"] = Field(
        "leave", description="Empty blobs that stand for folders (hdi_isfolder): leave, or copy as empty objects."
    )
    past: Literal["leave", "copy", "replay"] = Field(
        "leave",
        description=(
            "Snapshots and earlier versions: leave; copy beside under past_prefix; or replay, oldest first, as "
            "versions of their object, for which the bucket must be versioned."
        ),
    )
    past_prefix: str = Field(
        "azure-history/", min_length=1, description="A snapshot's key is this, the name, @ and its time."
    )
    archived: Literal["leave", "rehydrate"] = Field(
        "leave",
        description="Blobs in the archive tier: leave, or ask Azure to rehydrate them, wait for hours, then copy.",
    )
    rehydrate_tier: Literal["Hot", "Cool", "Cold"] = Field("Hot", description="Tier to rehydrate to.")
    rehydrate_priority: Literal["Standard", "High"] = Field(
        "Standard", description="Standard: up to 15 hours; High: sooner and at a higher price."
    )
    poll_seconds: float = Field(300, gt=0, description="Seconds between two looks at what is being rehydrated.")
    verify: Literal["none", "size", "checksum", "sample", "deep"] = Field(
        "checksum",
        description=(
            "none; size: names and sizes; checksum: also the service's CRC64NVME, nothing is downloaded; deep: read "
            "both ends; sample: checksum, and deep for sample_percent of the objects."
        ),
    )
    sample_percent: float = Field(5, gt=0, le=100, description="Share of the objects that sample reads on both ends.")
    sample: int = Field(
        200, ge=0, description="Objects to read back where the service keeps no checksum and verify is checksum."
    )

    @model_validator(mode="after")
    def _check(self) -> BlobSettings:
        if overlapping(self.buckets.values()):
            raise ValueError("buckets: two containers share a place, their names could collide; give each a prefix")
        if self.memory_mib < self.part_mib:
            raise ValueError("memory_mib must hold at least one part (part_mib)")
        return self
