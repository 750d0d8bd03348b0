"""The sheet of the cost workbook that runs over time: month by month, total cost of ownership, break-even."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wkms_migrate.cost.outlook import HORIZON, YEAR
from wkms_migrate.report.cost_formulas import ENDS, here, reference
from wkms_migrate.report.cost_sheets import MONEY, ONCE_AMOUNT, spread

if TYPE_CHECKING:
    from wkms_migrate.cost.ranges import Range
    from wkms_migrate.cost.result import CostReport, TotalCost
    from wkms_migrate.report.cost_sheets import Priced
    from wkms_migrate.report.words import Words
    from wkms_migrate.report.workbook import Sheet, Workbook

BASELINE, TARGET, PAID_BACK = 1, 4, 7  # first columns of low, base, high; of the months that count as paid back
CASES = (("best", 2, 0), ("base", 1, 1), ("worst", 0, 2))  # name, which end of the baseline, which of the target


def write(
    book: Workbook, summary: Sheet, report: CostReport, places: tuple[Priced, Priced, Priced], words: Words
) -> None:
    """Write the months; `places` are those of the baseline, the target and the one-off costs."""
    assert report.outlook is not None
    sheet = book.sheet(words("sheet.course"), (10, *[14] * 9))
    sheet.title(words("time.chart"), words("time.years"))
    titles = [one.scenario.title.to(words.lang) for one in report.scenarios[:2]]
    heads = [f"{title} ({words(f'column.{end}')})" for title in titles for end in ENDS]
    sheet.head(
        [
            words("sheet.month"),
            *heads,
            *(f"{words('sheet.paid-back')} ({words(f'case.{name}')})" for name, _, _ in CASES),
        ]
    )
    first = sheet.row
    for month in report.outlook.months:
        sheet.put(0, month.number, "count")
        _paid(sheet, month.number, month.baseline, places, BASELINE)
        _paid(sheet, month.number, month.target, places, TARGET)
        if month.number:
            _back(sheet, month.baseline, month.target, month.number)
        sheet.row += 1
    _chart(book, sheet, first, titles, words)
    _break_even(summary, sheet.name, first, report, words)
    _totals(summary, report, places, titles, words)


def _paid(sheet: Sheet, number: int, paid: Range, places: tuple[Priced, Priced, Priced], column: int) -> None:
    """Write what has been paid up to a month: the one-off costs first, then bill after bill of its year."""
    side = places[0] if column == BASELINE else places[1]
    for index, value in enumerate((paid.low, paid.base, paid.high)):
        if number:
            formula = f"={here(column + index, sheet.row - 1)}+{side.month(index, (number - 1) // YEAR)}"
        else:
            formula = "=0" if column == BASELINE else f"={_once(places[2], index)}"
        sheet.formula(column + index, formula, value, num_format=MONEY)


def _back(sheet: Sheet, baseline: Range, target: Range, number: int) -> None:
    before, after = (baseline.low, baseline.base, baseline.high), (target.low, target.base, target.high)
    for offset, (_, ours, theirs) in enumerate(CASES):
        paid, spent = here(BASELINE + ours, sheet.row), here(TARGET + theirs, sheet.row)
        formula = f'=IF(ROUND({spent}-{paid},2)<=0,{here(0, sheet.row)},"")'
        shown = number if after[theirs] <= before[ours] else ""
        sheet.formula(PAID_BACK + offset, formula, shown, "count")


def _once(place: Priced, index: int) -> str:
    return reference(place.sheet, ONCE_AMOUNT + index, place.total)


def _break_even(summary: Sheet, sheet: str, first: int, report: CostReport, words: Words) -> None:
    assert report.outlook is not None
    found = report.outlook.break_even
    months = {"best": found.best, "base": found.base, "worst": found.worst}
    summary.head([words("payback.title"), *(words(f"case.{name}") for name, _, _ in CASES)], range(1, 4))
    summary.put(0, words("sheet.month"))
    never = words("payback.never")
    for offset, (name, _, _) in enumerate(CASES):
        column = PAID_BACK + offset
        cells = f"{reference(sheet, column, first + 1)}:{reference(sheet, column, first + HORIZON).split('!')[1]}"
        month = months[name]
        formula = f'=IF(COUNT({cells})=0,"{never}",MIN({cells}))'
        summary.formula(1 + offset, formula, never if month is None else month, "count")
    summary.row += 2


def _totals(
    summary: Sheet, report: CostReport, places: tuple[Priced, Priced, Priced], titles: list[str], words: Words
) -> None:
    assert report.outlook is not None
    summary.head([words("time.tco"), *(words(f"column.{end}") for end in ENDS)], range(1, 4))
    for one in report.outlook.totals:
        term = words("time.months", months=one.months)
        worth = words("time.present") if one.discount_percent else words("time.nominal")
        for side, title in enumerate(titles):
            summary.put(0, f"{title}, {term}, {worth}")
            value = report.taxed(one.target if side else one.baseline)
            for index, shown in enumerate((value.low, value.base, value.high)):
                summary.formula(1 + index, _total(one, places, side, index), shown, num_format=MONEY)
            summary.row += 1
    summary.row += 1


def _total(one: TotalCost, places: tuple[Priced, Priced, Priced], side: int, index: int) -> str:
    """Return the formula of a total cost: the bills of every year, discounted where it is, and the one-off costs."""
    years = range(one.months // YEAR)
    worth = [spread(year) if one.discount_percent else str(YEAR) for year in years]
    bills = "+".join(f"{places[side].month(index, year)}*{worth[year]}" for year in years)
    once = f"+{_once(places[2], index)}" if side else ""
    return f"=ROUND((ROUND({bills},2){once})*(1+tax/100),2)"


def _chart(book: Workbook, sheet: Sheet, first: int, titles: list[str], words: Words) -> None:
    chart = book.line_chart(words("time.chart"))
    months = [sheet.name, first, 0, first + HORIZON, 0]
    for column, title, colour in ((BASELINE + 1, titles[0], "#2b5fad"), (TARGET + 1, titles[1], "#b4530a")):
        values = [sheet.name, first, column, first + HORIZON, column]
        line = {"color": colour, "width": 2.25}
        chart.add_series({"name": title, "categories": months, "values": values, "line": line})
    sheet.sheet.insert_chart(first, PAID_BACK + 4, chart)
