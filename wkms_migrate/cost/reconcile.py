"""Hold our prices against a bill: for every line that we have a price for, what it should have cost and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from wkms_migrate.cost import bills
from wkms_migrate.cost.ranges import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wkms_migrate.cost.bills import Bill, BillLine
    from wkms_migrate.cost.prices import Price, Prices
    from wkms_migrate.cost.selectors import PriceLists, Selector

HUNDRED = Decimal(100)
METERS = ("usageType", "meterName", "skuName")
OPERATIONS = ("operation", "productName")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One SKU: its usage on the bill (in our unit), what we reckon it costs, and what was billed."""

    sku: str
    unit: str
    usage: Decimal
    reckoned: Decimal | None
    billed: Decimal

    @property
    def percent(self) -> Decimal | None:
        """By how much we are above the bill, in percent; None without a price, or when nothing was billed."""
        if self.reckoned is None or not self.billed:
            return None
        return (self.reckoned - self.billed) / self.billed * HUNDRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The bill against our prices. `unmatched` holds the meters that no price of ours is for, dearest first."""

    bill: Bill
    matched: tuple[Reconciled, ...]
    unmatched: tuple[tuple[str, Decimal], ...]
    regions: tuple[str, ...]

    @property
    def billed(self) -> Decimal:
        """The sum of all usage on the bill."""
        return sum((line.cost for line in self.bill.lines), ZERO)

    @property
    def covered_percent(self) -> Decimal:
        """How much of the billed usage we have prices for, in percent."""
        matched = sum((one.billed for one in self.matched if one.reckoned is not None), ZERO)
        return matched / self.billed * HUNDRED if self.billed else ZERO

    def beyond(self, tolerance_percent: Decimal) -> tuple[Reconciled, ...]:
        """Return the SKUs that differ from the bill by more than a tolerance."""
        return tuple(one for one in self.matched if one.percent is not None and abs(one.percent) > tolerance_percent)


def reconcile(bill: Bill, prices: Prices, lists: PriceLists) -> Reconciliation:
    """Compare a bill with our prices, SKU by SKU."""
    meters = _by_meter(lists)
    usage: dict[str, list[tuple[Selector, BillLine]]] = {}
    unmatched: dict[str, Decimal] = {}
    for line in bill.lines:
        selector = _selector(meters.get(line.meter, ()), line)
        if selector is None or line.usage is None:
            unmatched[line.meter] = unmatched.get(line.meter, ZERO) + line.cost
        else:
            usage.setdefault(selector.sku, []).append((selector, line))
    return Reconciliation(
        bill=bill,
        matched=tuple(_reconciled(sku, found, prices.get(sku)) for sku, found in sorted(usage.items())),
        unmatched=tuple(sorted(unmatched.items(), key=lambda one: (-one[1], one[0]))),
        regions=tuple(bills.regions(bill)),
    )


def _by_meter(lists: PriceLists) -> Mapping[str, list[Selector]]:
    found: dict[str, list[Selector]] = {}
    for selector in (one for each in lists.lists for one in each.select):
        meter = next((selector.where[name] for name in METERS if name in selector.where), None)
        if meter:
            found.setdefault(meter, []).append(selector)
    return found


def _selector(candidates: Iterable[Selector], line: BillLine) -> Selector | None:
    """Return the one selector that also agrees on the operation, where the bill tells it."""
    fitting = [
        one
        for one in candidates
        if not line.operation or all(one.where[name] == line.operation for name in OPERATIONS if name in one.where)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _reconciled(sku: str, found: list[tuple[Selector, BillLine]], price: Price | None) -> Reconciled:
    usage = sum(((line.usage or ZERO) / selector.times for selector, line in found), ZERO)
    return Reconciled(
        sku=sku,
        unit=price.unit if price else "",
        usage=usage,
        reckoned=_cost(usage, price) if price and price.tiers else None,
        billed=sum((line.cost for _, line in found), ZERO),
    )


def _cost(usage: Decimal, price: Price) -> Decimal:
    ceilings = [tier.above for tier in price.tiers[1:]] + [usage]
    return sum(
        (
            max(min(usage, ceiling) - tier.above, ZERO) * tier.price.base
            for tier, ceiling in zip(price.tiers, ceilings, strict=True)
        ),
        ZERO,
    )
