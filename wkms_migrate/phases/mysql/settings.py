from __future__ import annotations

from typing import Literal

from pydantic import Field

from wkms_migrate.config import Section


class MysqlSettings(Section):
    """Azure Database for MySQL to RDS or Aurora MySQL."""

    schemas: tuple[str, ...] = Field(("wkms",), min_length=1, description="Schemas to move, all at one point in time.")
    include: tuple[str, ...] = Field(
        (), description="Tables to move, as globs on `schema.table`; empty takes every table of the schemas."
    )
    exclude: tuple[str, ...] = Field((), description="Tables to leave out, as globs on `schema.table`.")
    rename: dict[str, str] = Field(
        {}, description="Schemas that get another name on the target: name on the source, then name on the target."
    )
    where: dict[str, str] = Field(
        {}, description="Rows to move of a table: an SQL condition per `schema.table`; the others stay behind."
    )
    on_existing: Literal["refuse", "append", "replace"] = Field(
        "refuse",
        description="What to do with objects that are in a target schema already. refuse: stop; append: keep them, add"
        " rows to tables of the same definition; replace: back them up into the run folder, then drop them.",
    )
    accept: tuple[str, ...] = Field((), description="Ids of preflight rules whose errors are accepted.")
    users: bool = Field(default=True, description="Whether accounts, roles and their grants on the schemas go along.")
    password_hashes: bool = Field(
        default=False, description="Whether a dump holds the hashes of passwords; else its accounts are made locked."
    )
    definers: dict[str, str] = Field(
        {}, description="Owners of objects that change: `user@host` on the source, then `user@host` on the target."
    )
    collations: dict[str, str] = Field(
        {}, description="Collations that the target does not have: name on the source, then the one to take instead."
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Connections that copy at the same time; null: `workers`. To compare two live ends it is as many on"
        " each, with null twice `workers`, since that mostly waits for disks.",
    )
    chunk_mib: int = Field(8, ge=1, le=1024, description="Size of a chunk, which is one transaction, in MiB.")
    max_rate_mib: float | None = Field(
        None, gt=0, description="Most that is read from the source in a second, in MiB; null: no limit."
    )
    max_threads_running: int | None = Field(
        None,
        ge=1,
        description="Copying slows down while more threads run on the source (Threads_running); null: never.",
    )
    max_replica_lag_seconds: float | None = Field(
        None, gt=0, description="Copying slows down while the source, itself a replica, lags behind more; null: never."
    )
    snapshot_tries: int = Field(
        20, ge=0, le=10_000, description="Tries to open the snapshot without any lock before tables are locked."
    )
    lock_wait_seconds: int = Field(
        3, ge=1, le=60, description="How long a lock for the snapshot may wait, and so hold up writers."
    )
    inconsistent: bool = Field(
        default=False, description="Go on without one point in time when no snapshot can be had; the report says so."
    )
