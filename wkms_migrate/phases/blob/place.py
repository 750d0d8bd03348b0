"""Where a container goes: a bucket, and a prefix inside it where several share one.

The settings read this, so that it imports no client before one is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wkms_migrate.errors import ConfigError, NotKnownYet

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_blob import BlobService
    from wkms_migrate.plan import Context

UNKNOWN = "(known after provision)"
FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket and the prefix of all keys in it; the prefix is empty or ends with a slash."""

    bucket: str
    prefix: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `bucket` or `bucket/prefix`."""
        bucket, _, prefix = text.partition("/")
        return cls(bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/")

    def overlaps(self, other: Place) -> bool:
        """Say whether keys of both could be the same."""
        shorter, longer = sorted((self.prefix, other.prefix), key=len)
        return self.bucket == other.bucket and longer.startswith(shorter)


def overlapping(places: Iterable[str]) -> bool:
    """Say whether any two of these could hold the same key."""
    read = [Place.of(text) for text in places]
    return any(one.overlaps(other) for number, one in enumerate(read) for other in read[number + 1 :])


def chosen(
    context: Context, containers: Iterable[str], buckets: Mapping[str, str], service: BlobService
) -> dict[str, str]:
    """Return the place of every container that is to be moved; empty where none is known.

    Raises `ConfigError` for a container that is not there and for places that overlap.
    """
    from wkms_migrate.clients.azure_origin import is_narrow

    wanted = list(containers)
    narrow = is_narrow(context.settings.azure.storage.sas)
    there = [*wanted, *buckets] if narrow and wanted else _listed(service, [*wanted, *buckets])
    if unknown := [name for name in (*wanted, *buckets) if name not in there]:
        raise ConfigError(
            f"The storage account {service.account} has no container {', '.join(unknown)}.",
            hint=f"phases.blob names it. The account has: {', '.join(there) or 'none'}.",
        )
    made = _made_by_provision(context)
    found = {name: buckets.get(name) or made.get(name, made.get("", "")) for name in wanted or there}
    if overlapping(place for place in found.values() if place and place != UNKNOWN):
        raise ConfigError(
            "Two containers would share a bucket.",
            hint="Give each its own bucket, or bucket/prefix, in phases.blob.buckets.",
        )
    return found


def place_of(context: Context, buckets: Mapping[str, str], container: str) -> str:
    """Return the place of a container as it is known now. Raises `NotKnownYet` when provision was not done."""
    return buckets.get(container) or str(context.output("provision", "wkms")["buckets"][container])


def _listed(service: BlobService, named: list[str]) -> list[str]:
    """Return the account's containers; those that are named where the sign-in holds for containers only."""
    from wkms_migrate.clients.http_origin import ServiceError
    from wkms_migrate.phases.blob.refusals import DENIED

    try:
        return list(service.containers())
    except ServiceError as error:
        if named and error.status == FORBIDDEN and error.code in DENIED:
            return named
        raise


def _made_by_provision(context: Context) -> dict[str, str]:
    """Return bucket by container; under an empty name what stands for all while provision is not done."""
    try:
        return dict(context.output("provision", "wkms")["buckets"])
    except NotKnownYet:
        return {"": UNKNOWN}
