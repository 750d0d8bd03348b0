"""The cost comparison for programs: columns named as in FOCUS 1.2 where it has them, `x_` before our own.

Amounts are strings, so that no reader makes floats of them unasked, and before tax. A missing price is null (in CSV
an empty cell), never 0.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wkms_migrate.report import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wkms_migrate.cost.estimate import Estimate, Line
    from wkms_migrate.cost.fields import Area, Notice, Source
    from wkms_migrate.cost.prices import Price
    from wkms_migrate.cost.ranges import Range
    from wkms_migrate.cost.result import BreakEven, CostReport, OneOffLine, Outlook, Sensitivity

SCHEMA_VERSION = 2

SERVICE_CATEGORY: dict[Area, str] = {
    "compute": "Compute",
    "database": "Databases",
    "nosql": "Databases",
    "nosql-storage": "Databases",
    "cache": "Databases",
    "search": "Analytics",
    "ai": "AI and Machine Learning",
    "storage": "Storage",
    "queue": "Integration",
    "network": "Networking",
    "backup": "Storage",
    "monitoring": "Management and Governance",
}


def render(report: CostReport) -> str:
    """Return the report as one JSON document."""
    return json.dumps(document(report), ensure_ascii=False, indent=1) + "\n"


def render_csv(report: CostReport) -> str:
    """Return every line of every scenario, and the costs that come once, as rows of FOCUS columns."""
    rows = [_flat(row) for row in _rows(report)]
    return table.csv(list(rows[0]), [list(row.values()) for row in rows])


def document(report: CostReport) -> dict[str, Any]:
    """Return the report as plain values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "report": "cost",
        "as_of": report.as_of.isoformat(),
        "BillingCurrency": report.currency,
        "complete": report.complete,
        "comparison": _comparison(report),
        "scenarios": [_scenario(estimate) for estimate in report.scenarios],
        "areas": [
            {"area": one.area, "complete": one.complete, "baseline": _range(one.baseline), "target": _range(one.target)}
            for one in report.waterfall
        ],
        "commitments": [
            {
                "commitment": one.commitment,
                "baseline": _range(one.baseline),
                "target": _range(one.target),
                "lines_for_the_term": list(one.lines),
            }
            for one in report.commitments
        ],
        "one_off": {
            "total": _range(report.one_off.total),
            "lines": [_one_off(line, report.currency) for line in report.one_off.lines],
        },
        "movers": [{"name": one.name, "chosen": one.chosen, "total": _range(one.total)} for one in report.movers],
        "outlook": _outlook(report.outlook),
        "sensitivity": _sensitivity(report.sensitivity),
        "quantities": [
            {"name": q.name, "unit": q.unit, "origin": q.origin, **(_range(q.value) or {})} for q in report.quantities
        ],
        **_conversions(report),
        "cautions": [_notice(notice) for notice in report.cautions],
        "guide": {"kind": report.guide.kind, "contradictions": [_notice(notice) for notice in report.contradictions]},
    }


def _comparison(report: CostReport) -> dict[str, Any]:
    comparison = report.comparison
    return {
        "baseline": comparison.baseline.scenario.name,
        "target": comparison.target.scenario.name,
        "goal_percent": str(comparison.goal_percent),
        "verdict": comparison.verdict,
        "monthly_saving": _range(comparison.saving),
        "like_for_like_saving": _range(report.like_for_like),
        "saving_percent": _range(comparison.percent),
        "headroom": _range(comparison.headroom),
        "withheld": [_notice(notice) for notice in comparison.withheld],
    }


def _conversions(report: CostReport) -> dict[str, Any]:
    """Return the dated rate of the second currency, and the tax; null where there is none."""
    found, tax = report.exchange, report.tax
    return {
        "exchange": found
        and {
            "currency": found.currency,
            "rate": str(found.rate),
            "source": found.source,
            "date": found.date.isoformat(),
        },
        "tax": tax and {"percent": str(tax.percent), "source": tax.source, "shown": report.tax_included},
    }


def _scenario(estimate: Estimate) -> dict[str, Any]:
    return {
        "name": estimate.scenario.name,
        "kind": estimate.scenario.kind,
        "complete": not estimate.missing,
        "monthly_total": _range(estimate.total),
        "known_part": _range(estimate.known),
        "estimated_percent": str(estimate.estimated_percent.quantize(Decimal(1))),
        "outside": [note.area for note in estimate.scenario.outside],
        "problems": list(estimate.problems),
        "lines": [_line(line, estimate.currency) for line in estimate.lines],
    }


def _line(line: Line, currency: str) -> dict[str, Any]:
    return {
        "x_Line": line.key,
        **_priced(line.price),
        "ServiceCategory": SERVICE_CATEGORY[line.area],
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Recurring" if line.charge == "fixed" else "Usage-Based",
        "ChargeDescription": line.spec.en,
        **_amounts(line.quantity, line.price.unit, line.unit_price, line.amount),
        "BillingCurrency": currency,
        **_source(line.price.status, line.price.basis, line.price.source),
    }


def _one_off(line: OneOffLine, currency: str) -> dict[str, Any]:
    price = line.price
    return {
        "x_Line": line.key,
        **_priced(price),
        "ServiceCategory": "Other",
        "ChargeCategory": "Purchase",
        "ChargeFrequency": "One-Time",
        "ChargeDescription": line.text.en,
        **_amounts(line.quantity, line.unit, line.unit_price, line.amount),
        "BillingCurrency": currency,
        **_source(price.status if price else "estimated", line.basis.en, price.source if price else None),
    }


def _priced(price: Price | None) -> dict[str, Any]:
    return {
        "ProviderName": price.provider if price else None,
        "RegionId": price.region if price else None,
        "ServiceName": price.service if price else None,
        "SkuId": price.sku if price else None,
    }


def _amounts(quantity: Range, unit: str, unit_price: Range | None, amount: Range | None) -> dict[str, Any]:
    """Return what is to be paid: list prices, as nothing is negotiated, so all costs of FOCUS are the same."""
    cost = str(amount.base) if amount else None
    return {
        "PricingCategory": "Standard",
        "PricingQuantity": str(quantity.base),
        "PricingUnit": unit,
        "ListUnitPrice": str(unit_price.base) if unit_price else None,
        "ListCost": cost,
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "BilledCost": cost,
        "x_Quantity": _range(quantity),
        "x_UnitPrice": _range(unit_price),
        "x_Cost": _range(amount),
    }


def _source(status: str, basis: str, source: Source | None) -> dict[str, Any]:
    return {
        "x_PriceStatus": status,
        "x_PriceBasis": basis or None,
        "x_PriceSource": source.title if source else None,
        "x_PriceUrl": source.url if source else None,
        "x_PriceDate": source.date.isoformat() if source else None,
    }


def _rows(report: CostReport) -> Iterator[dict[str, Any]]:
    for estimate in report.scenarios:
        for line in estimate.lines:
            yield {"x_Scenario": estimate.scenario.name, **_line(line, estimate.currency)}
    for one in report.one_off.lines:
        yield {"x_Scenario": report.comparison.target.scenario.name, **_one_off(one, report.currency)}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Spread every range over three columns: x_CostLow, x_CostBase, x_CostHigh."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name in {"x_Quantity", "x_UnitPrice", "x_Cost"}:
            flat |= {f"{name}{end.title()}": value[end] if value else None for end in ("low", "base", "high")}
        else:
            flat[name] = value
    return flat


def _outlook(outlook: Outlook | None) -> dict[str, Any] | None:
    if outlook is None:
        return None
    return {
        "break_even_month": _break_even(outlook.break_even),
        "total_cost": [
            {
                "months": one.months,
                "discount_percent": str(one.discount_percent),
                "baseline": _range(one.baseline),
                "target": _range(one.target),
                "saving": _range(one.saving),
            }
            for one in outlook.totals
        ],
        "cumulative": [
            {"month": one.number, "baseline": _range(one.baseline), "target": _range(one.target)}
            for one in outlook.months
        ],
    }


def _break_even(found: BreakEven) -> dict[str, int | None]:
    return {"best": found.best, "base": found.base, "worst": found.worst, "horizon": found.horizon}


def _sensitivity(found: Sensitivity | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "months": found.months,
        "saving": str(found.saving),
        "drivers": [
            {
                "name": one.name,
                "unit": one.unit,
                "varied": one.varied,
                "low": str(one.low),
                "base": str(one.base),
                "high": str(one.high),
                "saving_at_low": str(one.saving_at_low),
                "saving_at_high": str(one.saving_at_high),
            }
            for one in found.drivers
        ],
        "thresholds": [
            {"name": one.name, "unit": one.unit, "base": str(one.base), "value": str(one.value), "holds": one.holds}
            for one in found.thresholds
        ],
    }


def _range(value: Range | None) -> dict[str, str] | None:
    return None if value is None else {"low": str(value.low), "base": str(value.base), "high": str(value.high)}


def _notice(notice: Notice) -> dict[str, Any]:
    return {"code": notice.code, "severity": notice.severity, "values": {k: _plain(v) for k, v in notice.values}}


def _plain(value: Any) -> Any:
    if hasattr(value, "en"):
        return value.en
    return list(value) if isinstance(value, tuple) else str(value)
