"""The cost comparison as a spreadsheet that computes: a changed assumption or price changes every total."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from wkms_migrate.report import cost_course, cost_sheets
from wkms_migrate.report.cost_formulas import ENDS, here
from wkms_migrate.report.cost_page import GLOSSARY
from wkms_migrate.report.cost_sheets import MONEY
from wkms_migrate.report.page import environment
from wkms_migrate.report.words import Words
from wkms_migrate.report.workbook import Workbook

if TYPE_CHECKING:
    from wkms_migrate.cost.ranges import Range
    from wkms_migrate.cost.result import CostReport
    from wkms_migrate.report.cost_sheets import Priced
    from wkms_migrate.report.workbook import Sheet


def render(report: CostReport, lang: str) -> bytes:
    """Return the report as an XLSX workbook in `lang`."""
    words = Words(lang, environment(report.currency, escape=False))
    book = Workbook(words("cost.title"), lang, report.as_of)
    summary = book.sheet(words("sheet.summary"), (40, 16, 16, 16, 16, 40))
    assumed = cost_sheets.assumptions(book, report, words)
    priced = [
        cost_sheets.scenario(book, one, assumed, words, years=report.outlook is not None and number < 2)  # noqa: PLR2004
        for number, one in enumerate(report.scenarios)
    ]
    once = cost_sheets.once(book, report, assumed, (priced[0], priced[1]), words) if report.one_off.lines else None
    _summary(summary, report, priced, words)
    if report.outlook is not None and once is not None:
        cost_course.write(book, summary, report, (priced[0], priced[1], once), words)
    _depends(book, report, words)
    _notes(book, report, words)
    _glossary(book, words)
    return book.close()


def _summary(sheet: Sheet, report: CostReport, priced: list[Priced], words: Words) -> None:
    comparison = report.comparison
    before, after = (one.scenario.title.to(words.lang) for one in (comparison.baseline, comparison.target))
    sheet.title(f"{before} → {after}", f"{words('meta.as-of')} {report.as_of}", words("sheet.edit"))
    rows = [sheet.row]
    _settings(sheet, report, words)
    sheet.row += 1
    ends = [words(f"column.{end}") for end in ENDS]
    sheet.head([words("scenarios.title"), *ends, words("sheet.open")], range(1, 5))
    rows.append(sheet.row)
    for estimate, one in zip(report.scenarios, priced, strict=True):
        sheet.put(0, estimate.scenario.title.to(words.lang))
        for index, value in enumerate(_ends(report.taxed(estimate.known))):
            sheet.formula(1 + index, f"=ROUND({one.month(index)}*(1+tax/100),2)", value, num_format=MONEY)
        sheet.formula(4, f"={one.missing}", Decimal(len(estimate.missing)), "count")
        sheet.row += 1
    _saving(sheet, report, rows[1], words)


def _settings(sheet: Sheet, report: CostReport, words: Words) -> None:
    """Write the figures that are no quantities, each under a name that formulas use."""
    tax = report.tax.percent if report.tax is not None and report.tax_included else Decimal(0)
    tax_name = report.tax.text.to(words.lang) if report.tax else words("meta.before-tax").strip(", ")
    discounts = [one.discount_percent for one in report.outlook.totals] if report.outlook else [Decimal(0)]
    goal = report.comparison.goal_percent
    settings = [
        ("goal", words("sheet.goal"), goal, "%", ""),
        ("tax", tax_name, tax, "%", report.tax.source if report.tax else ""),
        ("discount", words("sheet.discount"), max(discounts), "%", words("time.tco")),
    ]
    if report.exchange:
        found = report.exchange
        settings.append(
            ("exchange", words("meta.exchange"), found.rate, found.currency, f"{found.source} {found.date}")
        )
    for name, text, value, unit, basis in settings:
        sheet.put(0, text)
        sheet.put(1, value, "number", "input")
        sheet.put(2, unit)
        sheet.put(3, basis, "note", text_wrap=False)
        sheet.book.name(name, f"='{sheet.name}'!$B${sheet.row + 1}")
        sheet.row += 1


def _saving(sheet: Sheet, report: CostReport, first: int, words: Words) -> None:
    """Write what is saved, or that nothing can be said as long as a price is open or the areas are unlike."""
    comparison = report.comparison
    unlike = any(notice.code == "unlike-scope" for notice in comparison.withheld)
    withheld = "TRUE" if unlike else f"{here(4, first)}+{here(4, first + 1)}>0"
    word = words("tile.withheld")

    def row(text: str, formulas: list[str], values: Range | None, form: str) -> None:
        sheet.put(0, text, "total")
        for index, formula in enumerate(formulas):
            shown = word if values is None else _ends(values)[index]
            sheet.formula(1 + index, f'=IF({withheld},"{word}",{formula})', shown, "total", num_format=form)
        sheet.row += 1

    pairs = ((0, 2), (1, 1), (2, 0))  # the lowest saving is the lowest before with the highest after
    before = [here(1 + ours, first) for ours, _ in pairs]
    after = [here(1 + theirs, first + 1) for _, theirs in pairs]
    saving = None
    if comparison.saving is not None:
        saving = report.taxed(comparison.baseline.known) - report.taxed(comparison.target.known)
    row(words("tile.saving"), [f"{one}-{other}" for one, other in zip(before, after, strict=True)], saving, MONEY)
    percents = [f"({one}-{other})/{one}*100" for one, other in zip(before, after, strict=True)]
    row(f"{words('tile.saving')} %", percents, comparison.percent, "0.0")
    at = sheet.row
    low, high = here(1, at - 1), here(3, at - 1)
    texts = {name: words(f"verdict.{name}") for name in ("met", "missed", "open", "unknown")}
    verdict = f'IF({low}>=goal,"{texts["met"]}",IF({high}<goal,"{texts["missed"]}","{texts["open"]}"))'
    sheet.put(0, words("tile.goal", goal=f"{comparison.goal_percent}%"), "total")
    sheet.formula(1, f'=IF({withheld},"{texts["unknown"]}",{verdict})', texts[comparison.verdict], "total")
    sheet.row += 1
    if report.exchange and saving is not None:
        sheet.put(0, f"{words('tile.saving')} ({report.exchange.currency})", "total")
        for index, value in enumerate(_ends(saving)):
            cell = here(1 + index, at - 2)
            formula = f'=IF({withheld},"{word}",ROUND({cell}*exchange,0))'
            sheet.formula(1 + index, formula, report.exchanged(value) or Decimal(0), "total", num_format="#,##0")
        sheet.row += 1
    sheet.row += 1


def _depends(book: Workbook, report: CostReport, words: Words) -> None:
    if report.sensitivity is None:
        return
    sheet = book.sheet(words("sheet.depends"), (40, 22, 14, 14, 14, 18, 18, 30))
    sheet.title(words("depends.chart", months=report.sensitivity.months), words("sheet.fixed"))
    heads = [words("depends.driver"), words("column.unit"), *(words(f"column.{end}") for end in ENDS)]
    heads += [words("depends.saving-at-low"), words("depends.saving-at-high"), words("column.basis")]
    rows = [
        (
            one.text.to(words.lang),
            words.measure(one.unit),
            one.low,
            one.base,
            one.high,
            one.saving_at_low,
            one.saving_at_high,
            words("depends.percent") if one.varied == "percent" else None,
        )
        for one in report.sensitivity.drivers
    ]
    sheet.table(heads, rows)


def _notes(book: Workbook, report: CostReport, words: Words) -> None:
    sheet = book.sheet(words("sheet.notes"), (18, 30, 110))
    sheet.title(words("cost.bear-in-mind"))
    rows = [(words(f"severity.{one.severity}"), one.code, words.notice(one)) for one in report.notices]
    outside = [
        (words("cost.outside"), words(f"area.{note.area}"), note.reason.to(words.lang))
        for note in report.comparison.baseline.scenario.outside
    ]
    quoted = [(words("status.quoted"), one.code, words.notice(one)) for one in report.contradictions]
    heads = (words("sheet.severity"), words("column.code"), words("sheet.text"))
    sheet.table(heads, [*rows, *outside, *quoted])


def _glossary(book: Workbook, words: Words) -> None:
    sheet = book.sheet(words("sheet.terms"), (24, 110))
    sheet.title(words("glossary.title"))
    for term in GLOSSARY:
        sheet.put(0, words(f"glossary.{term}.term"))
        sheet.put(1, words(f"glossary.{term}.text"))
        sheet.row += 1


def _ends(value: Range) -> tuple[Decimal, Decimal, Decimal]:
    return value.low, value.base, value.high
