"""Tables for spreadsheets and scripts: CSV whose cells no program takes for a formula."""

from __future__ import annotations

import csv as csv_module
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads Korean as another encoding
ACTIVE = re.compile(r"[=+\-@\t\r]")  # what a spreadsheet begins a formula with
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as RFC 4180 text; None is an empty cell."""
    text = io.StringIO()
    writer = csv_module.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return BYTE_ORDER_MARK + text.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if ACTIVE.match(text) and not NUMBER.fullmatch(text) else text
