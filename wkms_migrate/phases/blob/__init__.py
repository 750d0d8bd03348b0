"""Blob Storage to S3: list both ends, compare, copy what is new or changed, verify."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wkms_migrate.phases.blob.settings import BlobSettings
from wkms_migrate.plan import Phase

if TYPE_CHECKING:
    from wkms_migrate.plan import Context, Step


def plan(context: Context) -> Iterable[Step]:
    """Plan the steps. Their code is imported now and not before: other commands start without it."""
    from wkms_migrate.phases.blob import steps

    return steps.plan(context)


PHASE = Phase(
    name="blob",
    summary="Copy blob containers to S3 buckets",
    plan=plan,
    settings=BlobSettings,
    needs=("provision",),
)
