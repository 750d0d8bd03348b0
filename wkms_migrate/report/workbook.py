"""A spreadsheet as bytes, the same each time: text is never a formula, and a formula has its value beside it."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from wkms_migrate.report import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

FONTS = {"ko": "맑은 고딕", "en": "Calibri"}  # on every Windows and Mac with Office; others substitute them
MOST_ROWS = 100_000  # more than anybody reads; Excel itself ends at 1,048,576
MOST_TEXT = 32_000  # Excel ends at 32,767 letters in a cell
STYLES: dict[str, dict[str, Any]] = {
    "text": {"text_wrap": True, "valign": "top"},
    "title": {"bold": True, "font_size": 16},
    "note": {"font_color": "#4a5568", "text_wrap": True, "valign": "top"},
    "head": {"bold": True, "bottom": 2, "text_wrap": True, "valign": "bottom", "bg_color": "#f5f7fa"},
    "total": {"bold": True, "top": 2, "bg_color": "#f5f7fa"},
    "input": {"bg_color": "#fff6d6", "border": 1, "border_color": "#d9b44a", "locked": False},
    "good": {"font_color": "#1b6e4a", "bold": True, "valign": "top"},
    "bad": {"font_color": "#a82020", "bold": True, "valign": "top"},
    "number": {"num_format": "#,##0.######", "valign": "top"},
    "count": {"num_format": "#,##0", "valign": "top"},
}

Value: TypeAlias = str | int | float | Decimal | None


class Workbook:
    """A workbook that is being written; `close` gives its bytes, the same for the same contents."""

    def __init__(self, title: str, lang: str, day: date) -> None:
        import xlsxwriter

        self._bytes = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._bytes, {"in_memory": True, "strings_to_formulas": False})
        made = datetime.combine(day, time(), UTC).replace(tzinfo=None)
        self._book.set_properties({"title": title, "created": made})
        self._font = {"font_name": FONTS[lang], "font_size": 10}
        self._styles: dict[tuple[str, ...], Any] = {}

    def style(self, *names: str, **extra: Any) -> Any:
        """Return the cell format that joins these styles of `STYLES`."""
        key = (*names, *(f"{name}={value}" for name, value in extra.items()))
        if key not in self._styles:
            joined = self._font | {k: v for name in names for k, v in STYLES[name].items()} | extra
            self._styles[key] = self._book.add_format(joined)
        return self._styles[key]

    def sheet(self, name: str, widths: Sequence[float]) -> Sheet:
        """Add a sheet with columns of these widths, in letters; printed on A4, as wide as the page."""
        made = self._book.add_worksheet(name)
        made.set_paper(9)
        made.fit_to_pages(1, 0)
        made.set_landscape()
        made.hide_gridlines(2)
        for column, width in enumerate(widths):
            made.set_column(column, column, width, self.style("text"))
        return Sheet(self, made)

    def name(self, name: str, reference: str) -> None:
        """Give a cell a name that formulas can use."""
        self._book.define_name(name, reference)

    def line_chart(self, title: str) -> Any:
        """Return an empty line chart that can be put into a sheet."""
        chart = self._book.add_chart({"type": "line"})
        chart.set_title({"name": title, "name_font": {"size": 12}})
        chart.set_legend({"position": "bottom"})
        chart.set_size({"width": 720, "height": 400})
        return chart

    def close(self) -> bytes:
        """Finish the workbook and return its bytes."""
        self._book.close()
        return self._bytes.getvalue()


class Sheet:
    """One sheet, written from the top down. Rows count from 0, as do columns."""

    def __init__(self, book: Workbook, sheet: Any) -> None:
        self.book = book
        self.sheet = sheet
        self.row = 0

    @property
    def name(self) -> str:
        """The name of the sheet."""
        return str(self.sheet.get_name())

    def title(self, text: str, *notes: str) -> None:
        """Write a heading and lines under it, then leave a row free."""
        self.sheet.write_string(self.row, 0, text, self.book.style("title"))
        for note in notes:
            self.row += 1
            self.sheet.write_string(self.row, 0, note, self.book.style("note", text_wrap=False))
        self.row += 2

    def put(self, column: int, value: Value, *styles: str, **extra: Any) -> None:
        """Write a value into the present row. None leaves the cell empty; text stays text whatever it begins with."""
        form = self.book.style(*(styles or ("text",)), **extra)
        if value is None:
            self.sheet.write_blank(self.row, column, None, form)
        elif isinstance(value, str):
            self.sheet.write_string(self.row, column, figures.short(value, MOST_TEXT), form)
        else:
            self.sheet.write_number(self.row, column, float(value), form)

    def formula(self, column: int, formula: str, value: Value, *styles: str, **extra: Any) -> None:
        """Write a formula with the value that it has as long as nobody changes anything; None: an empty text."""
        shown = (value or "") if isinstance(value, str | None) else float(value)
        self.sheet.write_formula(self.row, column, formula, self.book.style(*styles, **extra), shown)

    def head(self, names: Sequence[str], numbers: Sequence[int] = ()) -> None:
        """Write the heads of a table, over `numbers` to the right, and go to the next row; printed on every page."""
        for column, name in enumerate(names):
            self.put(column, name, "head", **({"align": "right"} if column in numbers else {}))
        self.sheet.repeat_rows(self.row)
        self.row += 1

    def table(self, names: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
        """Write a table that can be filtered, its heads kept in sight."""
        top = self.row
        self.head(names)
        self.sheet.freeze_panes(self.row, 0)
        for values in rows[:MOST_ROWS]:
            for column, value in enumerate(values):
                self.put(column, value, "text" if isinstance(value, str | None) else "number")
            self.row += 1
        self.sheet.autofilter(top, 0, max(self.row - 1, top), len(names) - 1)
        self.row += 1
