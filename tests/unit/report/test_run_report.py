from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest
import run_cases as case
from html_page import Page, figures

from wkms_migrate import events
from wkms_migrate.journal import fold
from wkms_migrate.report import run_page, run_report

GOLDEN = Path(__file__).parents[2] / "cases" / "reports" / "run"
DAY = date(2026, 11, 22)
NAMES = ("run.json", "run.ko.html", "run.en.html")
UNFINISHED = events.StepStarted(phase="blob", step="blob/verify/documents", summary="Verify", digest="d")


def broken(exit_code):
    step = "blob/verify/documents"
    return events.StepFailed(
        phase="blob", step=step, seconds=1.0, message="No answer.", hint="Try again.", exit_code=exit_code
    )


def of(*parts, phases=case.PHASES):
    stream = [event for part in parts for event in (part if not isinstance(part, events.Event) else (part,))]
    return run_report.build(fold(stream), DAY, phases)


def partly(lost_rows=0):
    return of(case.started(), case.steps(), case.checks(lost_rows), case.findings(), case.skipped(), case.ended())


def whole():
    return of(
        case.started(), case.steps(), case.checks(), case.deployed(), case.ended(), phases=(*case.PHASES, "verify")
    )


def test_the_report_is_the_one_on_file(tmp_path):
    """To renew the files after a wanted change: WKMS_UPDATE_GOLDEN=1 pytest tests/unit/report."""
    if os.environ.get("WKMS_UPDATE_GOLDEN"):
        run_report.write(partly(lost_rows=3), GOLDEN, ("ko", "en"))
    written = run_report.write(partly(lost_rows=3), tmp_path, ("ko", "en"))
    assert [path.name for path in written] == list(NAMES)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes(), f"{name} changed"


@pytest.mark.parametrize(
    ("report", "outcome"),
    [
        (whole(), "proved"),
        (partly(), "open"),
        (partly(lost_rows=3), "unproved"),
        (of(case.started(), case.steps(), case.ended()), "open"),
        (of(case.started(), case.steps(), UNFINISHED), "stopped"),
        (of(case.started(), case.steps(), UNFINISHED, broken(1), case.ended(1)), "failed"),
        (of(case.started(), case.steps(), UNFINISHED, broken(130), case.ended(130)), "stopped"),
        (of(case.started()), "empty"),
    ],
)
def test_the_outcome_is_never_better_than_what_was_proved(report, outcome):
    assert report.outcome == outcome


def test_nothing_verified_is_not_proved():
    unchecked = of(case.started(), case.steps(case.STEPS[:1]), case.ended(), phases=("provision",))
    assert {phase.status for phase in unchecked.phases} == {"done"}
    assert unchecked.outcome == "open"


def test_a_missed_goal_is_not_proved():
    missed = {"kpis": [case.kpi(9)]}
    step = events.StepDone(phase="verify", step="verify/kpis", digest="d", seconds=1.0, result=missed)
    begun = events.StepStarted(phase="verify", step="verify/kpis", summary="Measure", digest="d")
    report = of(case.started(), case.steps(), case.checks(), begun, step, case.ended(3), phases=())
    assert report.outcome == "unproved"
    assert "9 s" in Page(run_page.render(report, "en")).text


def test_goals_are_named_in_the_language_of_the_page():
    ko, en = (Page(run_page.render(whole(), lang)).text for lang in ("ko", "en"))
    assert "평균 응답 시간 ≤ 3 s 0.4 s 달성" in ko
    assert "Mean response time ≤ 3 s 0.4 s Met" in en
    assert "Mean response time – 0.9 s for information" in en


def test_only_what_is_alike_on_both_ends_is_counted():
    assert partly().counts == {"rows": 180_150}
    assert partly(lost_rows=3).counts == {"rows": 180_000}


def test_differences_come_first():
    assert [check.ok for check in partly(lost_rows=3).checks] == [False, True, True, True]


def test_phases_keep_the_running_order_and_show_those_that_never_ran():
    report = of(case.started(), case.steps(case.STEPS[1:3]), phases=case.PHASES)
    assert [(phase.name, phase.status) for phase in report.phases] == [
        ("provision", "pending"),
        ("mysql", "done"),
        ("blob", "pending"),
        ("deploy", "pending"),
    ]


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("make", [whole, partly, lambda: of(case.started())])
def test_a_page_stands_alone_and_is_sound(make, lang):
    page = Page(run_page.render(make(), lang))
    assert page.faults == []
    assert "script" not in page.tags
    assert page.links == []


def test_both_languages_carry_the_same_figures():
    ko, en = (figures(Page(run_page.render(partly(3), lang)).text) for lang in ("ko", "en"))
    assert ko == en


def test_a_run_of_many_checks_stays_small_and_says_what_it_leaves_out():
    many = [case.check(f"wkms.t{n}", "rows", str(n), str(n)) for n in range(5_000)]
    left = [
        events.Finding(step="blob/copy/x", code="left", text="x" * 200, object=f"o{n}", kind="left") for n in range(900)
    ]
    report = of(case.started(), case.steps(), many, left, case.ended())
    html = run_page.render(report, "ko")
    assert len(html.encode()) <= 150_000
    assert f"{5_000 - run_page.SHOWN_CHECKS}" in Page(html).text
    document = run_report.document(report)
    assert (len(document["checks"]), len(document["findings"])) == (5_000, 900)
    json.dumps(document)


def test_what_a_phase_reports_is_escaped():
    html = run_page.render(partly(), "en")
    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#39;1 &amp; 2&#39;)&lt;/script&gt;" in html


def test_a_phase_that_the_catalogue_does_not_know_keeps_its_name():
    row = ("graph", "graph/copy", "Copy the graph", 1.0)
    report = of(case.started(), case.steps([row]), phases=())
    assert "graph" in Page(run_page.render(report, "ko")).text
