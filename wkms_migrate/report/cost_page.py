from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wkms_migrate.cost.fields import AREAS
from wkms_migrate.report import charts, figures, page
from wkms_migrate.report.words import catalogue

if TYPE_CHECKING:
    from wkms_migrate.cost.compare import Comparison
    from wkms_migrate.cost.estimate import Estimate
    from wkms_migrate.cost.result import CostReport
    from wkms_migrate.report.charts import Chart, Item, Tone

GLOSSARY = ("range", "list", "billed", "estimated", "quoted", "missing", "lcu", "ru", "wru", "egress", "snapshot")


def render(report: CostReport, lang: str) -> str:
    """Return the report as a self-contained HTML page in `lang`."""
    return page.render("cost.html", lang, report.currency, _values(report, lang))


def _values(report: CostReport, lang: str) -> dict[str, Any]:
    comparison = report.comparison
    return {
        "report": report,
        "comparison": comparison,
        "headline": _headline(comparison),
        "estimates": (comparison.baseline, comparison.target),
        "totals_chart": _totals(comparison, report.currency, lang),
        "areas_chart": _areas(comparison, report.currency, lang),
        "price_dates": sorted(
            line.price.source.date
            for bill in (comparison.baseline, comparison.target)
            for line in bill.lines
            if line.price.source
        ),
        "glossary": GLOSSARY,
    }


def _headline(comparison: Comparison) -> str:
    """Name the summary sentence that fits."""
    saving = comparison.saving
    if saving is None:
        return "withheld"
    if saving.low >= 0:
        return "saves"
    return "dearer" if saving.high <= 0 else "either"


def _totals(comparison: Comparison, currency: str, lang: str) -> Chart:
    words = catalogue(lang)
    rows = [
        (estimate.scenario.title.to(lang), [_item(estimate, tone, currency, words)])
        for estimate, tone in _sides(comparison)
    ]
    return charts.chart(words["chart.totals.title"], words["chart.totals.description"], rows, thickness=26)


def _areas(comparison: Comparison, currency: str, lang: str) -> Chart:
    words = catalogue(lang)
    rows = []
    for area in AREAS:
        sides = [(estimate.only(area), tone) for estimate, tone in _sides(comparison)]
        if any(estimate.lines for estimate, _ in sides):
            items = [_item(estimate, tone, currency, words) for estimate, tone in sides]
            rows.append((words[f"area.{area}"], items))
    return charts.chart(words["chart.areas.title"], words["chart.areas.description"], rows, thickness=11)


def _sides(comparison: Comparison) -> tuple[tuple[Estimate, Tone], tuple[Estimate, Tone]]:
    return (comparison.baseline, "before"), (comparison.target, "after")


def _item(estimate: Estimate, tone: Tone, currency: str, words: dict[str, str]) -> Item:
    text = figures.money(estimate.known.base, currency) if estimate.lines else words["chart.no-line"]
    if estimate.missing:
        text = f"{text} {words['chart.known-part']}"
    return charts.Item(value=estimate.known, text=text, tone=tone, partial=bool(estimate.missing))
