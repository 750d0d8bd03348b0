from __future__ import annotations

import io

import openpyxl
import pytest
from cost_cases import report
from report_cases import whole

from wkms_migrate.report import cost_workbook


def opened(made, lang="en", **how):
    return openpyxl.load_workbook(io.BytesIO(cost_workbook.render(made, lang)), **how)


def test_every_scenario_has_a_sheet_and_totals_are_formulas():
    book = opened(whole())
    assert book.sheetnames == [
        "Summary", "Assumptions", "before", "after", "narrow", "unpriced", "One-off", "Over time", "Sensitivity",
        "Notes", "Glossary",
    ]  # fmt: skip
    formulas = [cell for sheet in book for row in sheet.rows for cell in row if cell.data_type == "f"]
    assert len(formulas) > 400
    assert [cell for cell in formulas if cell.value.startswith("=SUM(")] != []


def test_the_values_beside_the_formulas_are_those_of_the_report():
    made = whole()
    sheet = opened(made, data_only=True)["Summary"]
    rows = {row[0]: row[1:4] for row in sheet.iter_rows(values_only=True) if row[0]}
    saving = made.comparison.saving
    assert rows["Monthly saving"] == tuple(float(value) for value in (saving.low, saving.base, saving.high))
    found = made.outlook.break_even
    assert rows["Month"] == tuple(month or "Never" for month in (found.best, found.base, found.worst))


def test_both_languages_have_the_same_numbers_and_formulas():
    ko, en = (
        [
            cell.value
            for sheet in opened(whole(), lang, data_only=True)
            for row in sheet.rows
            for cell in row
            if isinstance(cell.value, int | float)
        ]
        for lang in ("ko", "en")
    )
    assert ko == en
    assert len(ko) > 500


@pytest.mark.parametrize("made", [report("unpriced"), report("narrow")])
def test_nothing_is_said_of_a_saving_that_is_withheld(made):
    rows = {row[0]: row[1:4] for row in opened(made, data_only=True)["Summary"].iter_rows(values_only=True)}
    assert rows["Monthly saving"] == ("Withheld",) * 3


def test_a_missing_price_is_an_empty_cell_and_never_0():
    sheet = opened(report("unpriced"), data_only=True)["unpriced"]
    row = next(row for row in sheet.iter_rows(values_only=True) if row[2] == "unknown.tokens")
    assert row[7:10] == (None, None, None)
    assert {value or "" for value in row[10:13]} == {""}
