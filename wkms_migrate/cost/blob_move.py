"""What it costs to get blobs out of Azure and into S3, once, by the dated prices. A missing price is named, never 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from wkms_migrate.cost import prices
from wkms_migrate.cost.egress import GB, SKU, priced
from wkms_migrate.cost.ranges import ZERO, Range

if TYPE_CHECKING:
    from wkms_migrate.cost.prices import Prices

TEN_THOUSAND, THOUSAND = 10_000, 1000
READS = {"Hot": "azure.blob.read", "Cool": "azure.blob.read.cool", "Cold": "azure.blob.read.cold"}
RETRIEVALS = {"Cool": "azure.blob.retrieval.cool", "Cold": "azure.blob.retrieval.cold"}
WRITES = {
    "STANDARD": "aws.s3.put",
    "STANDARD_IA": "aws.s3.put.standard-ia",
    "GLACIER_IR": "aws.s3.put.glacier-ir",
}
THAW: Mapping[str, tuple[str, str]] = {
    "Standard": ("azure.blob.read.archive", "azure.blob.retrieval.archive"),
    "High": ("azure.blob.read.archive-high", "azure.blob.retrieval.archive-high"),
}
STORED = "azure.blob.archive-lrs"

Priority = Literal["Standard", "High"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a copy takes: requests and bytes read by access tier, requests written by storage class."""

    reads: Mapping[str, int]
    read_bytes: Mapping[str, int]
    writes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thaw:
    """What is archived. `early` is what its minimum of 180 days lacks, in bytes times months."""

    objects: int
    bytes: int
    early: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One line of what will be charged; `amount` is None when the price of `sku` is missing."""

    what: str
    sku: str
    quantity: Range
    unit: str
    amount: Range | None
    currency: str
    status: str
    source: str
    basis: str


def of_copy(load: Load, known: Prices) -> list[Charge]:
    """Price one copy, as if nothing else left Azure in that month."""
    lines = [_charge("data leaving Azure", SKU, Decimal(sum(load.read_bytes.values())) / GB, known)]
    for tier, count in sorted(load.reads.items()):
        sku = READS.get(tier, f"azure.blob.read.{tier.lower() or 'no-tier'}")
        lines.append(_charge(f"reading from tier {tier or 'none'}", sku, Decimal(count) / TEN_THOUSAND, known))
    for tier, size in sorted(load.read_bytes.items()):
        if sku := RETRIEVALS.get(tier, ""):
            lines.append(_charge(f"retrieval from tier {tier}", sku, Decimal(size) / GB, known))
    for kind, count in sorted(load.writes.items()):
        sku = WRITES.get(kind, f"aws.s3.put.{kind.lower().replace('_', '-')}")
        lines.append(_charge(f"writing to S3 {kind}", sku, Decimal(count) / THOUSAND, known))
    return lines


def of_thaw(thaw: Thaw, priority: Priority, known: Prices) -> list[Charge]:
    """Price rehydration in place: the operation, the retrieval, and leaving the archive before its 180 days."""
    operation, retrieval = THAW[priority]
    return [
        _charge(f"rehydration requests, priority {priority}", operation, Decimal(thaw.objects) / TEN_THOUSAND, known),
        _charge(f"retrieval from the archive, priority {priority}", retrieval, Decimal(thaw.bytes) / GB, known),
        _charge("leaving the archive before 180 days", STORED, thaw.early.times(Decimal(1) / GB), known),
    ]


def total(charges: list[Charge]) -> Range:
    """Return the sum of what has a price."""
    return sum((one.amount for one in charges if one.amount), Range.exactly(0))


def missing(charges: list[Charge]) -> Iterator[str]:
    """Yield the SKUs without a price of what will be charged."""
    yield from (one.sku for one in charges if one.amount is None)


def _charge(what: str, sku: str, quantity: Decimal | Range, known: Prices) -> Charge:
    amount = quantity if isinstance(quantity, Range) else Range.exactly(quantity)
    price = known.get(sku) or prices.unknown(sku)
    return Charge(
        what=what,
        sku=sku,
        quantity=amount,
        unit=price.unit,
        amount=priced(amount, price).rounded() if price.tiers else Range.exactly(ZERO) if amount.high == 0 else None,
        currency=price.currency,
        status=price.status,
        source=f"{price.source.title}, {price.source.date}" if price.source else "",
        basis=price.basis,
    )
