"""What writing a container takes, and costs, by each way that DynamoDB has for it, from the dated price list."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from wkms_migrate import assets
from wkms_migrate.cost import prices
from wkms_migrate.phases.cosmos.inspect import Inspected

MILLION: Final = 1_000_000
GB: Final = 1_000_000_000
CENTS: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePath:
    """A way to write, the quantity that it is billed by, and its price; `cost` is None where the list has none."""

    path: str
    quantity: str
    unit: str
    cost: str | None
    currency: str


def paths(found: Inspected) -> list[WritePath]:
    """Return each way to write all items of a container once, with its indexes."""
    listed = prices.load(sorted((assets.path("config") / "prices").glob("aws-*.yaml")))
    units = Decimal(found.estimate(found.survey.units) * (1 + found.indexes)) / MILLION
    gigabytes = Decimal(found.estimate(found.survey.item_bytes)) / GB
    return [
        _path(listed, "BatchWriteItem, on demand", units, "million write units", "aws.dynamodb.write"),
        _path(listed, "ImportTable, a new table only", gigabytes, "GB", "aws.dynamodb.import-gb"),
        _path(listed, "StartBulkPutItems", gigabytes, "GB", "aws.dynamodb.bulk-put"),
    ]


def _path(listed: prices.Prices, path: str, quantity: Decimal, unit: str, sku: str) -> WritePath:
    price = listed.get(sku) or prices.unknown(sku)
    cost = None if not price.tiers else (quantity * price.tiers[0].price.base).quantize(CENTS)
    return WritePath(
        path=path,
        quantity=f"{quantity:.6f}",
        unit=unit,
        cost=None if cost is None else str(cost),
        currency=price.currency,
    )
