from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from cost_cases import BUNDLED, CASES, report
from external import need_korean_font
from html_page import Page, figures
from report_cases import folder, whole

from wkms_migrate.cost import inputs
from wkms_migrate.errors import WkmsError
from wkms_migrate.report import cost_files, cost_json, cost_page, cost_workbook, files
from wkms_migrate.report.page import TEMPLATES

GOLDEN = Path(__file__).parents[2] / "cases" / "reports"
NAMES = ("cost.json", "cost.csv", "cost.ko.html", "cost.en.html", "cost.ko.md", "cost.en.md")
TEXTS = ("html", "md", "json", "csv")
CASES_ON_FILE = {"after": report, "unpriced": lambda: report("unpriced"), "whole": lambda: whole(tax=True)}
PAIRS = [("before", "after", CASES), ("before", "unpriced", CASES), ("before", "narrow", CASES)]
PAIRS += [("azure-floor", "aws-vm", BUNDLED), ("azure-now", "aws-rds", BUNDLED), ("aws-vm", "azure-floor", BUNDLED)]


@pytest.fixture(params=[*PAIRS, None], ids=lambda pair: f"{pair[0]}-{pair[1]}" if pair else "whole")
def any_report(request):
    if request.param is None:
        return whole()
    baseline, target, place = request.param
    return report(target, place, baseline)


@pytest.mark.parametrize("name", sorted(CASES_ON_FILE))
def test_the_reports_are_those_on_file(tmp_path, name):
    """To renew the files after a wanted change: WKMS_UPDATE_GOLDEN=1 pytest tests/unit/report."""
    on_file, made = GOLDEN / f"cost-{name}", CASES_ON_FILE[name]()
    if os.environ.get("WKMS_UPDATE_GOLDEN"):
        cost_files.write(made, on_file, ("ko", "en"), TEXTS)
    cost_files.write(made, tmp_path, ("ko", "en"), TEXTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for file in NAMES:
        assert (tmp_path / file).read_bytes() == (on_file / file).read_bytes(), f"{file} changed"


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_page_stands_alone_and_is_sound(any_report, lang):
    html = cost_page.render(any_report, lang)
    page = Page(html)
    assert page.faults == []
    assert len(html.encode()) <= 150_000
    assert not {"script", "link", "iframe", "img", "object", "embed"} & set(page.tags)
    assert not re.search(r"@import|url\(|javascript:", html)
    assert all(link.startswith("https://") for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert html.startswith(f'<!DOCTYPE html>\n<html lang="{lang}">')
    assert (page.tags.count("h1"), page.tags.count("svg")) == (1, page.tags.count("desc"))
    assert "None" not in page.text
    assert "Translated" not in page.text


@pytest.mark.parametrize("render", [lambda *to: Page(cost_page.render(*to)).text, cost_page.render_markdown])
def test_both_languages_carry_the_same_figures(any_report, render):
    ko, en = (figures(render(any_report, lang)) for lang in ("ko", "en"))
    assert ko == en


def test_totals_on_the_page_and_in_json_are_the_sum_of_the_lines():
    document = cost_json.document(report())
    for scenario in document["scenarios"][:2]:
        for end in ("low", "base", "high"):
            summed = sum(Decimal(line["x_Cost"][end]) for line in scenario["lines"])
            assert scenario["monthly_total"][end] == str(summed)
        assert f"${Decimal(scenario['monthly_total']['base']):,}" in cost_page.render(report(), "en")


def test_an_incomplete_report_states_no_saving():
    document = cost_json.document(report("unpriced"))
    assert document["comparison"]["monthly_saving"] is None
    assert document["scenarios"][1]["monthly_total"] is None
    lost = next(line for line in document["scenarios"][1]["lines"] if line["SkuId"] == "unknown.tokens")
    assert (lost["ListUnitPrice"], lost["ListCost"], lost["x_PriceStatus"]) == (None, None, "missing")
    page = Page(cost_page.render(report("unpriced"), "en")).text
    assert "cannot be said yet" in page
    assert "unknown.tokens" in page
    difference = report("unpriced").comparison.baseline.known.base - report("unpriced").comparison.target.known.base
    assert f"{difference:,}" not in page


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("before", "after", "falls from"),
        ("after", "before", "rises from"),
        ("after", "after", "may fall or rise"),
    ],
)
def test_the_summary_says_which_way_it_goes(before, after, sentence):
    assert sentence in Page(cost_page.render(report(after, CASES, before), "en")).text


def test_a_second_currency_is_shown_at_its_dated_rate():
    text = Page(cost_page.render(report(), "ko")).text
    total = report().comparison.baseline.total.base
    assert f"₩{round(total * 1400):,}" in text
    assert "1 USD = 1,400 KRW (Example bank, 2026-11-20)" in text


def test_what_is_filled_in_is_escaped():
    html = cost_page.render(report(), "en")
    assert "Old &lt;Server&gt;" in html
    assert "<Server>" not in html


def test_the_quoted_guide_stays_apart(any_report):
    html = cost_page.render(any_report, "en")
    box = html[html.index('<div class="quoted-box">') :]
    assert html.count("$1,489") == box.count("$1,489") > 0
    assert "quoted" not in {line.price.status for line in any_report.comparison.target.lines}
    assert any_report.guide.kind == "quoted"


def test_nothing_asks_the_network(monkeypatch, tmp_path):
    need_korean_font()

    def refuse(*_args, **_kwargs):
        raise AssertionError("a report opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(cost_files.write(whole(), tmp_path, ("ko", "en"), files.FORMATS)) == 2 * 4 + 2


@pytest.mark.parametrize(("seed", "zone", "locale"), [("0", "UTC", "C"), ("1", "Asia/Seoul", "ko_KR.UTF-8")])
def test_the_same_data_gives_the_same_bytes_in_another_process(tmp_path, seed, zone, locale):
    code = (
        "import sys; from datetime import date; from pathlib import Path; from wkms_migrate.cost import build\n"
        "from wkms_migrate.report import cost_files\n"
        "asked = build.Question(baseline='before', target='after', as_of=date(2026, 11, 22), tax=True)\n"
        "report = build.build(Path(sys.argv[1]), asked)\n"
        "cost_files.write(report, Path(sys.argv[2]), ('ko', 'en'), ('html', 'xlsx', 'md', 'json', 'csv'))\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
    subprocess.run([sys.executable, "-c", code, folder(tmp_path), tmp_path / "out"], env=environment, check=True)
    for name in NAMES:
        assert (tmp_path / "out" / name).read_bytes() == (GOLDEN / "cost-whole" / name).read_bytes()
    for lang in ("ko", "en"):
        made = cost_workbook.render(whole(tax=True), lang)
        assert (tmp_path / "out" / f"cost.{lang}.xlsx").read_bytes() == made


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(WkmsError, match="cannot be written"):
        cost_files.write(report(), tmp_path / "file", ("en",))


def test_every_bundled_scenario_can_be_reported():
    for name in inputs.load(BUNDLED).scenarios:
        assert json.loads(cost_json.render(report(name, BUNDLED, "azure-now")))["schema_version"] == 2


def test_colours_can_be_read_on_paper_and_wash():
    css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", css))
    for name in ("ink", "soft", "before", "after", "good", "bad", "warn"):
        for ground in ("paper", "wash"):
            assert contrast(colours[name], colours[ground]) >= 4.5, f"{name} on {ground}"


def contrast(one, other):
    """Return the contrast ratio of WCAG 2 for two #rrggbb colours."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_whole_way_is_on_the_page():
    text = Page(cost_page.render(whole(), "en")).text
    found = whole().outlook
    assert f"Month {found.break_even.base}" in text
    assert f"At best Month {found.break_even.best}, at worst Month {found.break_even.worst}" in text
    for one in found.totals:
        assert f"${one.target.base:,}" in text
    assert f"${whole().one_off.total.base:,}" in text
    assert "Weeks of work" in text


def test_with_tax_the_totals_shown_carry_it_and_the_lines_do_not():
    taxed, plain = (Page(cost_page.render(whole(tax=tax), "en")).text for tax in (True, False))
    total, line = whole().comparison.baseline.total.base, whole().comparison.baseline.lines[0].amount.base
    assert f"falls from ${total:,} to" in plain
    assert f"falls from ${(total * Decimal('1.1')).quantize(Decimal('0.01')):,} to" in taxed
    assert "with VAT of 10%" in taxed
    assert f"${line:,}" in taxed


def test_without_a_price_for_moving_there_is_no_break_even():
    lost = whole(change=lambda text: text.replace("mover: own", "mover: managed"))
    assert lost.outlook is None
    for lang, word in (("ko", "계산할 수 없음"), ("en", "Not computed")):
        assert word in Page(cost_page.render(lost, lang)).text
    assert json.loads(cost_json.render(lost))["outlook"] is None
    assert lost.complete is False


def test_csv_has_the_lines_of_every_scenario_and_what_comes_once():
    rows = list(csv.DictReader(io.StringIO(cost_json.render_csv(whole()).removeprefix("\ufeff"))))
    document = cost_json.document(whole())
    lines = sum(len(one["lines"]) for one in document["scenarios"])
    assert len(rows) == lines + len(document["one_off"]["lines"])
    before = [row for row in rows if row["x_Scenario"] == "before"]
    total = sum(Decimal(row["ListCost"]) for row in before)
    assert str(total) == document["scenarios"][0]["monthly_total"]["base"]
    missing = next(row for row in rows if row["SkuId"] == "unknown.tokens")
    assert (missing["ListCost"], missing["x_PriceStatus"]) == ("", "missing")
    assert {row["ChargeFrequency"] for row in rows} == {"Recurring", "Usage-Based", "One-Time"}


def test_a_move_that_never_pays_back_says_so():
    dear = whole(change=lambda text: text.replace('high: "1200"', 'high: "99000"').replace('"810.55"', '"90000"'))
    text = Page(cost_page.render(dear, "en")).text
    assert "Never not within 36 months At best Month 4, at worst Never" in text
    assert "more over 36 months" in text
