"""What Azure charges for the data that leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from wkms_migrate.cost import prices
from wkms_migrate.cost.prices import Price
from wkms_migrate.cost.ranges import Range

SKU = "azure.egress"
GB = 10**9


@dataclass(frozen=True, slots=True)
class Egress:
    """An amount, with where its price comes from; `amount` is None when the price list has none."""

    amount: Range | None
    currency: str
    source: str
    basis: str


def of(size: int, folder: Path) -> Egress:
    """Price so many bytes out to the internet in one month, as if nothing else left; `folder` holds the price files."""
    price = prices.load(sorted(folder.glob("azure-*.yaml"))).get(SKU)
    if price is None or not price.tiers:
        return Egress(None, "", "", f"the price of {SKU} is missing")
    total = priced(Range.exactly(Decimal(size) / GB), price)
    source = f"{price.source.title}, {price.source.date}" if price.source else ""
    return Egress(total.rounded(), price.currency, source, price.basis)


def priced(quantity: Range, price: Price) -> Range:
    """Return what so many units cost, each at the price of its tier; not rounded."""
    ceilings = [*(tier.above for tier in price.tiers[1:]), None]
    total = Range.exactly(0)
    for tier, ceiling in zip(price.tiers, ceilings, strict=True):
        total = total + quantity.clipped(tier.above, ceiling) * tier.price
    return total
