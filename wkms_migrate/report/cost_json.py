"""The cost comparison for programs: columns named as in FOCUS 1.2 where it has them, `x_` before our own.

Amounts are strings, so that no reader makes floats of them unasked. A missing price is null, never 0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wkms_migrate.cost.estimate import Estimate, Line
    from wkms_migrate.cost.fields import Area, Notice
    from wkms_migrate.cost.ranges import Range
    from wkms_migrate.cost.result import CostReport

SCHEMA_VERSION = 1

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


def document(report: CostReport) -> dict[str, Any]:
    """Return the report as plain values."""
    comparison = report.comparison
    return {
        "schema_version": SCHEMA_VERSION,
        "report": "cost",
        "as_of": report.as_of.isoformat(),
        "BillingCurrency": report.currency,
        "comparison": {
            "baseline": comparison.baseline.scenario.name,
            "target": comparison.target.scenario.name,
            "goal_percent": str(comparison.goal_percent),
            "verdict": comparison.verdict,
            "monthly_saving": _range(comparison.saving),
            "saving_percent": _range(comparison.percent),
            "headroom": _range(comparison.headroom),
            "withheld": [_notice(notice) for notice in comparison.withheld],
        },
        "scenarios": [_scenario(comparison.baseline), _scenario(comparison.target)],
        "quantities": [
            {"name": q.name, "unit": q.unit, "origin": q.origin, **(_range(q.value) or {})} for q in report.quantities
        ],
        "cautions": [_notice(notice) for notice in report.cautions],
        "guide": {"kind": report.guide.kind, "contradictions": [_notice(notice) for notice in report.contradictions]},
    }


def _scenario(estimate: Estimate) -> dict[str, Any]:
    return {
        "name": estimate.scenario.name,
        "kind": estimate.scenario.kind,
        "complete": not estimate.missing,
        "monthly_total": _range(estimate.total),
        "known_part": _range(estimate.known),
        "estimated_percent": str(estimate.estimated_percent.quantize(1)),
        "outside": [note.area for note in estimate.scenario.outside],
        "lines": [_line(line, estimate.currency) for line in estimate.lines],
    }


def _line(line: Line, currency: str) -> dict[str, Any]:
    price, source = line.price, line.price.source
    amount = line.amount
    return {
        "x_Line": line.key,
        "ProviderName": price.provider,
        "RegionId": price.region,
        "ServiceCategory": SERVICE_CATEGORY[line.area],
        "ServiceName": price.service,
        "SkuId": price.sku,
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Recurring" if line.charge == "fixed" else "Usage-Based",
        "ChargeDescription": line.spec.en,
        "PricingCategory": "Standard",
        "PricingQuantity": str(line.quantity.base),
        "PricingUnit": price.unit,
        "ListUnitPrice": str(line.unit_price.base) if line.unit_price else None,
        "ListCost": str(amount.base) if amount else None,
        "BillingCurrency": currency,
        "x_Quantity": _range(line.quantity),
        "x_UnitPrice": _range(line.unit_price),
        "x_Cost": _range(amount),
        "x_PriceStatus": price.status,
        "x_PriceBasis": price.basis or None,
        "x_PriceSource": source.title if source else None,
        "x_PriceUrl": source.url if source else None,
        "x_PriceDate": source.date.isoformat() if source else None,
    }


def _range(value: Range | None) -> dict[str, str] | None:
    return None if value is None else {"low": str(value.low), "base": str(value.base), "high": str(value.high)}


def _notice(notice: Notice) -> dict[str, Any]:
    return {"code": notice.code, "severity": notice.severity, "values": {k: _plain(v) for k, v in notice.values}}


def _plain(value: Any) -> Any:
    if hasattr(value, "en"):
        return value.en
    return list(value) if isinstance(value, tuple) else str(value)
