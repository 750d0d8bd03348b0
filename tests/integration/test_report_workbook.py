"""The cost workbook, computed again by LibreOffice, against the engine."""

from __future__ import annotations

import json

import pytest
from cost_cases import BUNDLED, report
from external import missing
from report_cases import whole
from spreadsheet import program, recomputed

from wkms_migrate.report import cost_json, cost_workbook

pytestmark = pytest.mark.integration
CENT = 0.000_001


@pytest.fixture(autouse=True)
def _office():
    if program() is None:
        missing("LibreOffice is not installed (apt-get install libreoffice-calc-nogui)")


def rows(sheet):
    return [row for row in sheet.iter_rows(values_only=True) if row[0] is not None]


def equal_to_the_report(book, made):
    document = json.loads(cost_json.render(made))
    for scenario in document["scenarios"]:
        lines = rows(book[scenario["name"]])
        priced = {(row[2], index): row for index, row in enumerate(lines) if row[2] and row[2] != "SKU"}
        assert len(priced) == len(scenario["lines"])
        for row, line in zip(priced.values(), scenario["lines"], strict=True):
            same(row[10:13], line["x_Cost"])
        same(lines[-1][10:13], scenario["known_part"])
    if document["outlook"]:
        summary = rows(book["Summary"])
        start = next(index for index, row in enumerate(summary) if row[0] == "Total cost of ownership")
        expected = [one[side] for one in document["outlook"]["total_cost"] for side in ("baseline", "target")]
        for row, value in zip(summary[start + 1 :], expected, strict=False):
            same(row[1:4], value)
        found = document["outlook"]["break_even_month"]
        month = next(row for row in summary if row[0] == "Month")
        assert month[1:4] == tuple(found[name] or "Never" for name in ("best", "base", "worst"))
        months = [row for row in rows(book["Over time"]) if isinstance(row[0], int | float)]
        for row, one in zip(months, document["outlook"]["cumulative"], strict=True):
            same(row[1:4], one["baseline"])
            same(row[4:7], one["target"])
        same(rows(book["One-off"])[-1][8:11], document["one_off"]["total"])


def same(cells, value):
    if value is None:
        assert [cell or "" for cell in cells] == [""] * 3
        return
    for cell, end in zip(cells, ("low", "base", "high"), strict=True):
        assert abs(cell - float(value[end])) < CENT, (cells, value)


@pytest.mark.parametrize(
    "made",
    [whole(), report("unpriced"), report("aws-vm", BUNDLED, "azure-floor")],
    ids=["whole", "unpriced", "bundled"],
)
def test_recomputed_it_equals_the_report_to_the_cent(made, tmp_path):
    equal_to_the_report(recomputed(cost_workbook.render(made, "en"), tmp_path), made)


def test_a_changed_assumption_and_price_change_every_total_as_the_engine_would(tmp_path):
    changed = whole(
        change=lambda text: (
            text.replace('base: "120", high: "400"', 'base: "333.3", high: "400"')
            .replace('base: "15", high: "40"', 'base: "33", high: "40"')
            .replace('base: "810.55"', 'base: "999.99"')
            .replace('discount_percent: "8"', 'discount_percent: "11"')
        )
    )

    def change(book):
        sheet = book["Assumptions"]
        names = {sheet.cell(row, 7).value: row for row in range(1, sheet.max_row + 1)}
        for name, value in (("egress_gb", 333.3), ("usage_growth_percent", 33), ("week_rate", 999.99)):
            sheet.cell(names[name], 4).value = value
        summary = book["Summary"]
        row = next(row for row in range(1, 30) if summary.cell(row, 1).value == "Discount a year")
        summary.cell(row, 2).value = 11

    equal_to_the_report(recomputed(cost_workbook.render(whole(), "en"), tmp_path, change), changed)
    assert changed.outlook.totals != whole().outlook.totals


def test_filling_in_a_missing_price_gives_the_saving(tmp_path):
    def change(book):
        sheet = book["unpriced"]
        row = next(row for row in range(1, sheet.max_row + 1) if sheet.cell(row, 3).value == "unknown.tokens")
        for column in (8, 9, 10):
            sheet.cell(row, column).value = 0.01

    book = recomputed(cost_workbook.render(report("unpriced"), "en"), tmp_path, change)
    saving = next(row for row in rows(book["Summary"]) if row[0] == "Monthly saving")
    assert all(isinstance(value, float) for value in saving[1:4])
