"""What a table has otherwise than the mapping and the configuration want it, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from wkms_migrate.phases.cosmos import table_shape
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.settings import Tables

ON_DEMAND: Final = "PAY_PER_REQUEST"


@dataclass(frozen=True, slots=True)
class Found:
    """A table as the service describes it, whether it can be restored to a point in time, and its tags by name."""

    described: Mapping[str, Any]
    recoverable: bool
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.described["TableName"])


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is otherwise: a word for it, what it belongs to, what is so, what to do, and what it comes to."""

    code: str
    object: str
    text: str
    hint: str
    kind: Literal["left", "risk"] = "left"


def differences(found: Found, work: Job, settings: Tables) -> Iterator[Difference]:
    """Yield all that is otherwise. Keys are not looked at: a table with other keys is refused before."""
    yield from _billing(found, work, settings)
    yield from _indexes(found, work)
    yield from _vectors(found, work)
    yield from _encryption(found, work, settings)
    yield from _tags(found, work, settings)
    if settings.recoverable and not found.recoverable:
        yield Difference(
            "not-recoverable",
            work.name,
            f"{found.name} cannot be restored to a point in time.",
            "Switch point_in_time_recovery on in the Terraform root.",
            kind="risk",
        )


def _billing(found: Found, work: Job, settings: Tables) -> Iterator[Difference]:
    there = _throughput(found.described)
    wanted = None if settings.capacity is None else (settings.capacity.read, settings.capacity.write)
    if there != wanted:
        yield Difference(
            "billing-mode",
            work.name,
            f"{found.name} is {_billed(there)}, and is wanted {_billed(wanted)}.",
            "Change billing_mode or capacity of the table in the Terraform root, or phases.cosmos.tables.capacity.",
        )


def _throughput(described: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the read and write units of a table; None on demand."""
    if described.get("BillingModeSummary", {}).get("BillingMode") == ON_DEMAND:
        return None
    units = described.get("ProvisionedThroughput", {})
    read, write = int(units.get("ReadCapacityUnits", 0)), int(units.get("WriteCapacityUnits", 0))
    return (read, write) if read or write else None


def _billed(throughput: tuple[int, int] | None) -> str:
    if throughput is None:
        return "on demand"
    read, write = throughput
    return f"provisioned with {read:,} read and {write:,} write units"


def _indexes(found: Found, work: Job) -> Iterator[Difference]:
    there = {one["IndexName"]: one for one in found.described.get("GlobalSecondaryIndexes", ())}
    for index in work.rules.indexes if work.rules else ():
        held = there.get(index.name, {})
        projection = held.get("Projection", {}).get("ProjectionType", "ALL")
        if held.get("KeySchema") == table_shape.schema_of(index) and projection == index.projection:
            continue
        told = "has no index" if not held else "has another index"
        yield Difference(
            "index-missing" if not held else "index-differs",
            f"{work.name}/{index.name}",
            f"{found.name} {told} {index.name}; the mapping wants {_described(table_shape.schema_of(index))},"
            f" projecting {index.projection}.",
            "Add it to the table in the Terraform root; it may be added while the table holds items."
            + (" One of this name must be deleted first." if held else ""),
        )


def _described(schema: list[dict[str, str]]) -> str:
    return ", ".join(f"{part['KeyType']} {part['AttributeName']}" for part in schema)


def _vectors(found: Found, work: Job) -> Iterator[Difference]:
    there = {one["IndexName"]: one for one in found.described.get("VectorIndexes", ())}
    for wanted in table_shape.vector_indexes(work.rules):
        held = there.get(wanted["IndexName"], {})
        if all(held.get(name) == value for name, value in wanted.items()):
            continue
        yield Difference(
            "vector-index-missing" if not held else "vector-index-differs",
            f"{work.name}/{wanted['IndexName']}",
            f"{found.name} {'has no' if not held else 'has another'} vector index {wanted['IndexName']}; the mapping"
            f" wants {wanted['Dimensions']} dimensions of {wanted['VectorAttribute']['AttributeName']} by"
            f" {wanted['DistanceFunction']}.",
            f"`aws dynamodb update-table --table-name {found.name} --vector-index-updates` adds it, also while the"
            " table holds items; the AWS provider of the Terraform root does not know it.",
        )


def _encryption(found: Found, work: Job, settings: Tables) -> Iterator[Difference]:
    held = found.described.get("SSEDescription", {})
    if held.get("SSEType") != "KMS" or held.get("Status") not in ("ENABLED", "ENABLING", "UPDATING"):
        yield Difference(
            "not-encrypted-by-kms",
            work.name,
            f"{found.name} is encrypted with a key that AWS owns, and none of the account's.",
            "Switch server_side_encryption on in the Terraform root.",
        )
    elif not _is_key(settings.kms_key, str(held.get("KMSMasterKeyArn", ""))):
        yield Difference(
            "other-kms-key",
            work.name,
            f"{found.name} is encrypted with {held.get('KMSMasterKeyArn')}, and not with {settings.kms_key}.",
            "Set server_side_encryption.kms_key_arn in the Terraform root, or phases.cosmos.tables.kms_key.",
        )


def _is_key(wanted: str | None, arn: str) -> bool:
    """Say whether a key is the wanted one; one that is wanted by its alias cannot be told by its ARN."""
    if wanted is None or "alias/" in wanted or not arn:
        return True
    return arn.rpartition("/")[2] == wanted.rpartition("/")[2]


def _tags(found: Found, work: Job, settings: Tables) -> Iterator[Difference]:
    wrong = {name: value for name, value in sorted(settings.tags.items()) if found.tags.get(name) != value}
    if wrong:
        told = ", ".join(f"{name}={value} (is {found.tags.get(name, 'not there')})" for name, value in wrong.items())
        yield Difference(
            "tags-differ",
            work.name,
            f"{found.name} lacks tags: {told}.",
            "Set them in the Terraform root, or take them out of phases.cosmos.tables.tags.",
        )
