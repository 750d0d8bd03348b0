"""What can be chosen about the move of blobs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from wkms_migrate.config import Section

MIB = 1 << 20


class BlobSettings(Section):
    """Blob containers to S3 buckets."""

    containers: tuple[str, ...] = Field((), description="Containers to move; empty takes all of the account.")
    buckets: dict[str, str] = Field(
        default_factory=dict, description="Bucket by container; one that is not named here is what provision made."
    )
    workers: int = Field(16, ge=1, le=256, description="Objects, and parts of large objects, under way at once.")
    part_mib: int = Field(
        16, ge=5, le=5120, description="MiB of a part; an object up to this size is stored in one request."
    )
    memory_mib: int = Field(256, ge=16, description="MiB of content held in memory at once.")
    on_existing: Literal["refuse", "append", "replace"] = Field(
        "refuse",
        description=(
            "A bucket that holds objects of others: refuse; append beside them (what would overwrite one is left out, "
            "and verification fails); replace them. Replace keeps what it overwrites or deletes: as a version in a "
            "versioned bucket, else as a copy under .wkms-migrate/backup/."
        ),
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
    verify: Literal["size", "checksum", "deep"] = Field(
        "checksum", description="size: names and sizes; checksum: also the service's CRC64NVME; deep: read all back."
    )
    sample: int = Field(
        200, ge=0, description="Objects to read back where the service keeps no checksum and verify is checksum."
    )

    @model_validator(mode="after")
    def _check(self) -> BlobSettings:
        if len(set(self.buckets.values())) != len(self.buckets):
            raise ValueError("buckets: two containers cannot share a bucket, their names could collide")
        if self.memory_mib < self.part_mib:
            raise ValueError("memory_mib must hold at least one part (part_mib)")
        return self
