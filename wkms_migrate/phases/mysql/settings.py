from __future__ import annotations

from typing import Literal

from pydantic import Field

from wkms_migrate.config import Section


class MysqlSettings(Section):
    """Azure Database for MySQL to RDS or Aurora MySQL."""

    schemas: tuple[str, ...] = Field(("wkms",), min_length=1, description="Schemas to move, all at one point in time.")
    on_existing: Literal["refuse", "append", "replace"] = Field(
        "refuse",
        description="What to do with objects that are in a target schema already. refuse: stop; append: keep them, add"
        " rows to tables of the same definition; replace: back them up into the run folder, then drop them.",
    )
    accept: tuple[str, ...] = Field((), description="Ids of preflight rules whose errors are accepted.")
    workers: int | None = Field(
        None, ge=1, le=64, description="Connections that copy at the same time; null: `workers`."
    )
    chunk_mib: int = Field(16, ge=1, le=1024, description="Size of a chunk, which is one transaction, in MiB.")
    snapshot_tries: int = Field(
        20, ge=0, le=10_000, description="Tries to open the snapshot without any lock before tables are locked."
    )
    lock_wait_seconds: int = Field(
        3, ge=1, le=60, description="How long a lock for the snapshot may wait, and so hold up writers."
    )
