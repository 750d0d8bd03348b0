"""The sheets of the cost workbook that compute: assumptions, one per scenario, one-off costs, the course over time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from wkms_migrate.cost.outlook import YEAR, YEARS
from wkms_migrate.cost.ranges import Range, total
from wkms_migrate.report.cost_formulas import ENDS, Assumed, clipped, here, later, reference

if TYPE_CHECKING:
    from wkms_migrate.cost.estimate import Estimate, Line
    from wkms_migrate.cost.result import CostReport, OneOffLine
    from wkms_migrate.report.words import Words
    from wkms_migrate.report.workbook import Sheet, Workbook

MONEY = "#,##0.00"
PRICE = "#,##0.00######"
QUANTITY, UNIT_PRICE, AMOUNT, NEXT_YEARS = 4, 7, 10, 17  # first columns of low, base, high in a scenario's sheet
ONCE_QUANTITY, ONCE_PRICE, ONCE_AMOUNT = 2, 5, 8  # the same of the one-off costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Where the results of a scenario's sheet stand: `total` is the row of its totals, `missing` counts open prices."""

    sheet: str
    total: int
    missing: str

    def month(self, end: int, year: int = 0) -> str:
        """Return the cell of a monthly total in a year; `end` is 0, 1, 2 for low, base, high."""
        column = AMOUNT + end if year == 0 else NEXT_YEARS + 3 * (year - 1) + end
        return reference(self.sheet, column, self.total)


def assumptions(book: Workbook, report: CostReport, words: Words) -> Assumed:
    """Write the sheet whose yellow cells may be changed."""
    sheet = book.sheet(words("sheet.assumptions"), (34, 14, 14, 14, 14, 60, 24))
    sheet.title(words("assumptions.title"), words("sheet.edit"))
    names = ("assumption", "unit", "low", "base", "high", "basis")
    sheet.head([*(words(f"column.{name}") for name in names), "id"], range(2, 5))
    assumed = Assumed.at(sheet.name, 2, sheet.row, report.quantities)
    for quantity in report.quantities:
        sheet.put(0, quantity.text.to(words.lang))
        sheet.put(1, words.measure(quantity.unit))
        for column, value in enumerate((quantity.value.low, quantity.value.base, quantity.value.high), 2):
            sheet.put(column, value, "number", "input")
        measured = quantity.origin == "measured"
        sheet.put(5, words("assumptions.measured") if measured else quantity.basis.to(words.lang))
        sheet.put(6, quantity.name, "note")
        sheet.row += 1
    return assumed


def scenario(book: Workbook, estimate: Estimate, assumed: Assumed, words: Words, *, years: bool) -> Priced:
    """Write one scenario line by line, with what it costs in the next years when `years`."""
    widths = [26, 30, 26, 14, *[12] * 9, 11, 12, 40, 40, *([12] * 6 if years else [])]
    sheet = book.sheet(estimate.scenario.name, widths)
    sheet.title(estimate.scenario.title.to(words.lang), estimate.scenario.summary.to(words.lang))
    sheet.head(_heads(words, years=years), range(QUANTITY, AMOUNT + 3))
    sheet.sheet.freeze_panes(sheet.row, 1)
    first = sheet.row
    for line in estimate.lines:
        _line(sheet, line, assumed, words, years=years)
        sheet.row += 1
    _totals(sheet, estimate, assumed, first, words, years=years)
    sheet.sheet.print_area(0, 0, sheet.row, AMOUNT + 3)
    prices = f"'{sheet.name}'!$I${first + 1}:$I${sheet.row}"
    return Priced(sheet=sheet.name, total=sheet.row, missing=f"COUNTBLANK({prices})")


def _heads(words: Words, *, years: bool) -> list[str]:
    ends = [words(f"column.{end}") for end in ENDS]
    named = [words(f"column.{name}") for name in ("service", "spec")]
    heads = [*named, "SKU", words("column.unit")]
    for name in ("quantity", "unit-price", "monthly"):
        heads += [f"{words(f'column.{name}')} ({end})" for end in ends]
    heads += [words("column.state"), words("meta.prices"), words("column.source"), words("column.basis")]
    for year in range(2, YEARS + 1 if years else 0):
        heads += [f"{words('sheet.year', year=year)} ({end})" for end in ends]
    return heads


def _line(sheet: Sheet, line: Line, assumed: Assumed, words: Words, *, years: bool) -> None:
    source = line.price.source
    texts = (line.price.service, line.spec.to(words.lang), line.price.sku, words.measure(line.price.unit))
    for column, text in enumerate(texts):
        sheet.put(column, text)
    _quantity(sheet, QUANTITY, line.factors, assumed, line)
    _price(sheet, UNIT_PRICE, line.unit_price)
    _amount(sheet, AMOUNT, QUANTITY, UNIT_PRICE, line.amount)
    sheet.put(13, words(f"status.{line.price.status}"))
    sheet.put(14, source.date.isoformat() if source else None)
    sheet.put(15, source.title if source else None)
    sheet.put(16, line.price.basis)
    for year in range(1, YEARS if years else 0):
        _later(sheet, line, assumed, year)


def _later(sheet: Sheet, line: Line, assumed: Assumed, year: int) -> None:
    value = later(line, assumed, year)
    for index, end in enumerate(ENDS):
        price = here(UNIT_PRICE + index, sheet.row)
        quantity = clipped(assumed.product(line.factors, end, year), line.price, line.above)
        formula = f'=IF({price}="","",ROUND({quantity}*{price},2))'
        sheet.formula(NEXT_YEARS + 3 * (year - 1) + index, formula, _end(value, index), num_format=MONEY)


def _quantity(sheet: Sheet, column: int, factors: tuple[str, ...], assumed: Assumed, line: Line | OneOffLine) -> None:
    for index, end in enumerate(ENDS):
        value = (line.quantity.low, line.quantity.base, line.quantity.high)[index]
        if assumed.knows(factors):
            formula = clipped(assumed.product(factors, end), line.price, line.above)
            sheet.formula(column + index, f"={formula}", value, "number")
        else:
            sheet.put(column + index, value, "number", "input")


def _price(sheet: Sheet, column: int, price: Range | None) -> None:
    for index in range(len(ENDS)):
        sheet.put(column + index, _end(price, index), "number", "input", num_format=PRICE)


def _amount(sheet: Sheet, column: int, quantity: int, price: int, value: Range | None) -> None:
    for index in range(len(ENDS)):
        one, other = here(quantity + index, sheet.row), here(price + index, sheet.row)
        formula = f'=IF({other}="","",ROUND({one}*{other},2))'
        sheet.formula(column + index, formula, _end(value, index), num_format=MONEY)


def _totals(sheet: Sheet, estimate: Estimate, assumed: Assumed, first: int, words: Words, *, years: bool) -> None:
    sheet.put(0, words("lines.total") if estimate.total else words("lines.known"), "total")
    for column in range(1, AMOUNT):
        sheet.put(column, None, "total")
    _sums(sheet, AMOUNT, first, estimate.known)
    for year in range(1, YEARS if years else 0):
        amounts = [amount for line in estimate.lines if (amount := later(line, assumed, year)) is not None]
        _sums(sheet, NEXT_YEARS + 3 * (year - 1), first, total(amounts))


def _sums(sheet: Sheet, column: int, first: int, value: Range) -> None:
    for index in range(len(ENDS)):
        column_of = here(column + index, first)
        formula = f"=SUM({column_of}:{here(column + index, sheet.row - 1)})"
        sheet.formula(column + index, formula, _known(_end(value, index)), "total", num_format=MONEY)


def once(book: Workbook, report: CostReport, assumed: Assumed, pair: tuple[Priced, Priced], words: Words) -> Priced:
    """Write the costs that come once; the result's sheet and row are those of their total."""
    sheet = book.sheet(words("sheet.once"), (34, 14, *[13] * 9, 60))
    sheet.title(words("once.title"), words("sheet.edit"))
    ends = [words(f"column.{end}") for end in ENDS]
    heads: list[str] = [words("once.item"), words("column.unit")]
    for name in ("once.quantity", "column.unit-price", "once.amount"):
        heads += [f"{words(name)} ({end})" for end in ends]
    sheet.head([*heads, words("column.basis")], range(ONCE_QUANTITY, ONCE_AMOUNT + 3))
    first = sheet.row
    for line in report.one_off.lines:
        sheet.put(0, line.text.to(words.lang))
        sheet.put(1, words.measure(line.unit))
        _once_quantity(sheet, line, assumed)
        _once_price(sheet, line, pair, first)
        _amount(sheet, ONCE_AMOUNT, ONCE_QUANTITY, ONCE_PRICE, line.amount)
        sheet.put(11, line.basis.to(words.lang))
        sheet.row += 1
    sheet.put(0, words("once.total"), "total")
    for column in range(1, ONCE_AMOUNT):
        sheet.put(column, None, "total")
    known = total([line.amount for line in report.one_off.lines if line.amount is not None])
    _sums(sheet, ONCE_AMOUNT, first, known)
    prices = f"'{sheet.name}'!$G${first + 1}:$G${sheet.row}"
    return Priced(sheet=sheet.name, total=sheet.row, missing=f"COUNTBLANK({prices})")


def _once_quantity(sheet: Sheet, line: OneOffLine, assumed: Assumed) -> None:
    if line.per != "so-far":
        _quantity(sheet, ONCE_QUANTITY, line.factors, assumed, line)
        return
    for index, end in enumerate(ENDS):
        formula = f"={assumed.product(line.factors, end)}/100"
        sheet.formula(ONCE_QUANTITY + index, formula, _known(_end(line.quantity, index)), "number")


def _once_price(sheet: Sheet, line: OneOffLine, pair: tuple[Priced, Priced], first: int) -> None:
    bills = {"baseline-month": pair[0], "target-month": pair[1]}
    if line.per not in (*bills, "so-far") or line.unit_price is None:
        _price(sheet, ONCE_PRICE, line.unit_price)
        return
    for index in range(len(ENDS)):
        amounts = f"{here(ONCE_AMOUNT + index, first)}:{here(ONCE_AMOUNT + index, sheet.row - 1)}"
        formula = f"=SUM({amounts})" if line.per == "so-far" else f"={bills[line.per].month(index)}"
        sheet.formula(ONCE_PRICE + index, formula, _known(_end(line.unit_price, index)), num_format=MONEY)


def spread(years: int) -> str:
    """Return what a unit paid in every month of a year (from 0) is worth today; the rate is the cell `discount`."""
    return f"SUMPRODUCT((1+discount/100)^(-(ROW($1:${YEAR})+{YEAR * years})/{YEAR}))"


def _end(value: Range | None, index: int) -> Decimal | None:
    return None if value is None else (value.low, value.base, value.high)[index]


def _known(value: Decimal | None) -> Decimal:
    return Decimal(0) if value is None else value
