"""Read a bill: AWS Cost and Usage Report (both makes), Cost Explorer, Azure usage, or FOCUS, as CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal

from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Format = Literal["cur", "cur2", "azure", "focus", "cost-explorer"]

COST_EXPLORER_TOTAL = ("Total costs($)", "Total cost ($)", "Total costs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where a format keeps what is needed; of several names the first that the file has is taken. `kind` may be ""."""

    meter: tuple[str, ...]
    operation: tuple[str, ...]
    usage: tuple[str, ...]
    cost: tuple[str, ...]
    currency: tuple[str, ...]
    region: tuple[str, ...]
    kind: tuple[str, ...]


COLUMNS: Mapping[Format, Columns] = {
    "cur": Columns(
        meter=("lineItem/UsageType",),
        operation=("lineItem/Operation",),
        usage=("lineItem/UsageAmount",),
        cost=("lineItem/UnblendedCost",),
        currency=("lineItem/CurrencyCode",),
        region=("product/regionCode", "product/region"),
        kind=("lineItem/LineItemType",),
    ),
    "cur2": Columns(
        meter=("line_item_usage_type",),
        operation=("line_item_operation",),
        usage=("line_item_usage_amount",),
        cost=("line_item_unblended_cost",),
        currency=("line_item_currency_code",),
        region=("product_region_code", "product_region"),
        kind=("line_item_line_item_type",),
    ),
    "azure": Columns(
        meter=("meterName", "MeterName", "Meter Name"),
        operation=("productName", "ProductName", "Product"),
        usage=("quantity", "Quantity", "UsageQuantity", "Consumed Quantity"),
        cost=("costInBillingCurrency", "CostInBillingCurrency", "Cost", "PreTaxCost"),
        currency=("billingCurrency", "BillingCurrencyCode", "BillingCurrency", "Currency"),
        region=("resourceLocation", "ResourceLocation", "Resource Location"),
        kind=("chargeType", "ChargeType"),
    ),
    "focus": Columns(
        meter=("x_SkuMeterName", "SkuMeter", "x_UsageType", "SkuId"),
        operation=("x_Operation", "x_SkuDescription", "ServiceName"),
        usage=("ConsumedQuantity", "PricingQuantity", "UsageQuantity"),
        cost=("BilledCost", "EffectiveCost", "ListCost"),
        currency=("BillingCurrency",),
        region=("RegionId", "Region"),
        kind=("ChargeCategory",),
    ),
}
REQUIRED = ("meter", "usage", "cost", "currency")
USED = {"", "usage", "discountedusage", "savingsplancoveredusage"}  # not tax, credit, refund, fee


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One row. `usage` is None where the bill tells money only."""

    number: int
    meter: str
    operation: str
    region: str
    usage: Decimal | None
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What was read: `other` is the sum of tax, credits and fees; `problems` names the rows that could not be used."""

    format: Format
    currency: str
    lines: tuple[BillLine, ...]
    other: Decimal
    problems: tuple[str, ...]


def read(path: Path, currency: str) -> Bill:
    """Return the bill in `currency`.

    A row that cannot be used is named and left out. Raises `ConfigError` when the file is none of the known formats.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read as CSV: {error}.", hint="Export the bill as CSV in UTF-8.") from error
    header = rows[0] if rows else []
    if any(name in header for name in COST_EXPLORER_TOTAL):
        return _cost_explorer(rows, currency)
    for name, columns in COLUMNS.items():
        at = {field: _column(header, getattr(columns, field)) for field in Columns.__slots__}
        if all(at[field] is not None for field in REQUIRED):
            return _table(name, rows, at, currency)
    raise ConfigError(
        f"{path} is no bill that is known: its first line has {', '.join(header[:6]) or 'nothing'}.",
        hint="Known are the AWS Cost and Usage Report, Cost Explorer, Azure usage details, and FOCUS, as CSV.",
    )


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _table(name: Format, rows: list[list[str]], at: Mapping[str, int | None], currency: str) -> Bill:
    lines, problems, other = [], [], Decimal(0)
    for number, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        told = {field: row[place] if place is not None and place < len(row) else "" for field, place in at.items()}
        problem, line = _line(number, told, currency)
        if line is None:
            problems.append(f"line {number}: {problem}")
        elif told["kind"].replace(" ", "").lower() in USED:
            lines.append(line)
        else:
            other += line.cost
    return Bill(format=name, currency=currency, lines=tuple(lines), other=other, problems=tuple(problems))


def _line(number: int, told: Mapping[str, str], currency: str) -> tuple[str, BillLine | None]:
    cost, usage = _number(told["cost"]), _number(told["usage"] or "0")
    used = told["kind"].replace(" ", "").lower() in USED
    if cost is None or usage is None:
        return f"{told['cost']!r} or {told['usage']!r} is not a number", None
    if used and usage < 0:
        return f"the usage of {told['meter']} is negative: {usage}", None
    if told["currency"] != currency:
        return f"it is in {told['currency'] or 'no currency'}, not in {currency}; nothing is converted", None
    return "", BillLine(
        number=number,
        meter=told["meter"],
        operation=told["operation"],
        region=told["region"],
        usage=usage,
        cost=cost,
    )


def _cost_explorer(rows: list[list[str]], currency: str) -> Bill:
    """Read a table of days by services: money only; the row that adds up a service is taken, days are not added."""
    header, totals = rows[0], next((row for row in rows[1:] if row and row[0].lower().endswith("total")), None)
    if totals is None:
        raise ConfigError(
            "The Cost Explorer file has no row of totals.", hint="Export it grouped by service, as it is shown."
        )
    lines, problems = [], []
    for service, text in list(zip(header, totals, strict=False))[1:]:
        if service in COST_EXPLORER_TOTAL:
            continue
        cost = _number(text or "0")
        if cost is None:
            problems.append(f"line 2: {service}: {text!r} is not a number")
            continue
        name = service.removesuffix("($)").strip()
        lines.append(BillLine(number=2, meter=name, operation="", region="", usage=None, cost=cost))
    return Bill(
        format="cost-explorer", currency=currency, lines=tuple(lines), other=Decimal(0), problems=tuple(problems)
    )


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def regions(bill: Bill) -> Iterator[str]:
    """Yield every region that the bill's lines name, once."""
    yield from sorted({line.region for line in bill.lines if line.region})
