from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wkms_migrate.cost.fields import AREAS
from wkms_migrate.report import charts, course, figures, page, tornado, waterfall
from wkms_migrate.report.words import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wkms_migrate.cost.compare import Comparison
    from wkms_migrate.cost.estimate import Estimate
    from wkms_migrate.cost.ranges import Range
    from wkms_migrate.cost.result import CostReport
    from wkms_migrate.report.charts import Chart, Item, Tone
    from wkms_migrate.report.course import Course
    from wkms_migrate.report.tornado import Tornado
    from wkms_migrate.report.waterfall import Stage, Waterfall

GLOSSARY = ("range", "list", "billed", "estimated", "quoted", "missing", "lcu", "ru", "wru", "egress", "snapshot")
DRIVERS = 9  # as many bars as a reader takes in; the sheets and JSON have all


def render(report: CostReport, lang: str) -> str:
    """Return the report as a self-contained HTML page in `lang`."""
    return page.render("cost.html", lang, report.currency, _values(report, lang))


def render_markdown(report: CostReport, lang: str) -> str:
    """Return the report as Markdown in `lang`, for a pull request or a wiki."""
    return page.render("cost.md", lang, report.currency, _values(report, lang))


def saving(report: CostReport) -> Range | None:
    """Return the monthly saving as it is shown: the difference of the totals that are shown, with tax or without."""
    before, after = report.comparison.baseline.total, report.comparison.target.total
    if report.comparison.saving is None or before is None or after is None:
        return None
    return report.taxed(before) - report.taxed(after)


def headline(comparison: Comparison) -> str:
    """Name the summary sentence that fits."""
    found = comparison.saving
    if found is None:
        return "withheld"
    if found.low >= 0:
        return "saves"
    return "dearer" if found.high <= 0 else "either"


def _values(report: CostReport, lang: str) -> dict[str, Any]:
    comparison, words = report.comparison, catalogue(lang)
    return {
        "report": report,
        "comparison": comparison,
        "headline": headline(comparison),
        "saving": saving(report),
        "taxed": report.taxed,
        "estimates": (comparison.baseline, comparison.target),
        "scenarios_chart": _scenarios(report, lang, words),
        "areas_chart": _areas(report, words),
        "waterfall": _waterfall(report, lang, words),
        "course": _course(report, words),
        "tornado": _tornado(report, lang, words),
        "price_dates": sorted(
            line.price.source.date
            for bill in (comparison.baseline, comparison.target)
            for line in bill.lines
            if line.price.source
        ),
        "areas_named": [area for area in AREAS if any(area == change.area for change in report.waterfall)],
        "glossary": GLOSSARY,
    }


def _scenarios(report: CostReport, lang: str, words: Mapping[str, str]) -> Chart:
    rows = [
        (estimate.scenario.title.to(lang), [_item(report, estimate, _tone(report, estimate), words)])
        for estimate in report.scenarios
    ]
    return charts.chart(words["scenarios.title"], words["scenarios.description"], rows, thickness=18)


def _tone(report: CostReport, estimate: Estimate) -> Tone:
    if estimate is report.scenarios[0]:
        return "before"
    return "after" if estimate is report.scenarios[1] else "plain"


def _areas(report: CostReport, words: Mapping[str, str]) -> Chart:
    sides: tuple[tuple[Estimate, Tone], ...] = (
        (report.comparison.baseline, "before"),
        (report.comparison.target, "after"),
    )
    rows = [
        (words[f"area.{change.area}"], [_item(report, bill.only(change.area), tone, words) for bill, tone in sides])
        for change in report.waterfall
    ]
    return charts.chart(words["chart.areas.title"], words["chart.areas.description"], rows, thickness=11)


def _item(report: CostReport, estimate: Estimate, tone: Tone, words: Mapping[str, str]) -> Item:
    known = report.taxed(estimate.known)
    text = figures.money(known.base, report.currency) if estimate.lines else words["chart.no-line"]
    if estimate.missing:
        text = f"{text} {words['chart.known-part']}"
    return charts.Item(value=known, text=text, tone=tone, partial=bool(estimate.missing))


def _waterfall(report: CostReport, lang: str, words: Mapping[str, str]) -> Waterfall | None:
    """Return no chart as long as one total is not known: its steps would lead somewhere else."""
    before, after = report.comparison.baseline, report.comparison.target
    if before.total is None or after.total is None:
        return None
    stages = [_total(report, before, "before", lang)]
    for change in report.waterfall:
        amount = (report.taxed(change.target) - report.taxed(change.baseline)).base
        if amount:
            text = figures.money(amount, report.currency)
            stages.append(
                waterfall.Stage(
                    label=words[f"area.{change.area}"],
                    amount=amount,
                    text=text if amount < 0 else f"+{text}",
                    tone="good" if amount < 0 else "bad",
                )
            )
    stages.append(_total(report, after, "after", lang))
    return waterfall.waterfall(words["waterfall.title"], words["waterfall.description"], stages)


def _total(report: CostReport, estimate: Estimate, tone: waterfall.Tone, lang: str) -> Stage:
    amount = report.taxed(estimate.known).base
    text = figures.money(amount, report.currency)
    return waterfall.Stage(label=estimate.scenario.title.to(lang), amount=amount, text=text, tone=tone, change=False)


def _course(report: CostReport, words: Mapping[str, str]) -> Course | None:
    if report.outlook is None:
        return None
    found = report.outlook
    return course.course(words["time.chart"], words["time.description"], found.months, found.break_even.base)


def _tornado(report: CostReport, lang: str, words: Mapping[str, str]) -> Tornado | None:
    found = report.sensitivity
    if found is None or not found.drivers:
        return None

    def said(amount: Any) -> str:
        return figures.whole(amount, report.currency)

    swings = [
        tornado.Swing(
            label=driver.text.to(lang),
            at_low=driver.saving_at_low,
            at_high=driver.saving_at_high,
            low_text=said(driver.saving_at_low),
            high_text=said(driver.saving_at_high),
        )
        for driver in found.drivers[:DRIVERS]
    ]
    return tornado.tornado(words["depends.title"], words["depends.description"], found.saving, swings)
