from __future__ import annotations

import csv
import io
import json
import os
import re
from datetime import date
from hashlib import sha256
from pathlib import Path

import openpyxl
import pytest
import run_cases as case
from html_page import Page, figures

from wkms_migrate import events
from wkms_migrate.report import files, recorded, run_files, run_json, run_page, run_report, run_workbook

GOLDEN = Path(__file__).parents[2] / "cases" / "reports" / "run"
DAY = date(2026, 11, 22)
TEXTS = ("run.json", "run.csv", "run.ko.html", "run.en.html", "run.ko.md", "run.en.md")
AT = case.BEGIN + 3900
UNFINISHED = events.StepStarted(at=AT, phase="blob", step="blob/verify/documents", summary="Verify", digest="d")


def broken(exit_code):
    step = "blob/verify/documents"
    return events.StepFailed(
        at=AT + 1, phase="blob", step=step, seconds=1.0, message="No answer.", hint="Try.", exit_code=exit_code
    )


def of(*parts, phases=case.PHASES):
    stream = [event for part in parts for event in (part if not isinstance(part, events.Event) else (part,))]
    return run_report.build(recorded.fold(stream, "0" * 64), DAY, phases)


def partly(lost_rows=0):
    return of(case.started(), case.steps(), case.checks(lost_rows), case.findings(), case.skipped(), case.ended())


def whole():
    return of(
        case.started(), case.steps(), case.checks(), case.deployed(), case.ended(), phases=(*case.PHASES, "verify")
    )


def sheet(content, index):
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(content)).worksheets[index].rows]


def test_the_report_is_the_one_on_file(tmp_path):
    """To renew the files after a wanted change: WKMS_UPDATE_GOLDEN=1 pytest tests/unit/report."""
    if os.environ.get("WKMS_UPDATE_GOLDEN"):
        run_files.write(partly(lost_rows=3), GOLDEN, ("ko", "en"), ("html", "md", "json", "csv"))
    run_files.write(partly(lost_rows=3), tmp_path, ("ko", "en"), ("html", "md", "json", "csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(TEXTS)
    for name in TEXTS:
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes(), f"{name} changed"


def test_every_usual_format_is_written_in_both_languages(tmp_path):
    written = run_files.write(partly(), tmp_path, ("ko", "en"), files.USUAL)
    assert {path.name for path in written} == {*TEXTS, "run.ko.xlsx", "run.en.xlsx"}


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


def test_a_missed_goal_is_not_proved_and_all_goals_are_shown():
    begun = events.StepStarted(at=AT, phase="verify", step="verify/kpis", summary="Measure", digest="d")
    measured = events.Checkpoint(at=AT, step="verify/kpis", key="kpis", cursor=[case.kpi(9), case.kpi(0.9, None)])
    failed = events.StepFailed(
        at=AT + 1, phase="verify", step="verify/kpis", seconds=1.0, message="Differs.", hint="", exit_code=3
    )
    report = of(case.started(), case.steps(), case.checks(), begun, measured, failed, case.ended(3), phases=())
    assert report.outcome == "unproved"
    text = Page(run_page.render(report, "en")).text
    assert "Mean response time ≤ 3 s 9 s Missed" in text
    assert "0.9 s for information" in text


def test_goals_are_named_in_the_language_of_the_page():
    ko, en = (Page(run_page.render(whole(), lang)).text for lang in ("ko", "en"))
    assert "평균 응답 시간 ≤ 3 s 0.4 s 달성" in ko
    assert "Mean response time ≤ 3 s 0.4 s Met" in en
    assert "Mean response time – 0.9 s for information" in en


def test_only_what_is_alike_on_both_ends_is_counted():
    assert partly().counts == {"rows": 180_150, "objects": 1_351}
    assert partly(lost_rows=3).counts == {"rows": 180_000, "objects": 1_351}


def test_what_was_moved_has_its_size_speed_and_checksums():
    rows, objects = partly(lost_rows=3).moved
    assert (rows.phase, rows.unit, rows.count, rows.bytes) == ("mysql", "rows", 180_000, None)
    assert rows.seconds == pytest.approx(48.1 + 6.3)
    assert rows.per_second == pytest.approx(180_000 / 54.4)
    assert [(one.object, one.checksum, one.ok) for one in rows.objects] == [
        ("wkms.chat_messages", "9f86d081884c7d65", True),
        ("wkms.users", "9f86d081884c7d65", False),
    ]
    assert (objects.phase, objects.count, objects.bytes) == ("blob", 1_351, 56_919_321)


def test_differences_come_first():
    assert [check.ok for check in partly(lost_rows=3).checks] == [False, *[True] * 9]


def test_phases_keep_the_running_order_and_show_those_that_never_ran():
    report = of(case.started(), case.steps(case.STEPS[1:3]), phases=case.PHASES)
    assert [(phase.name, phase.status) for phase in report.phases] == [
        ("provision", "pending"),
        ("mysql", "done"),
        ("blob", "pending"),
        ("deploy", "pending"),
    ]


def test_time_is_of_every_attempt_and_counts_what_runs_at_once_only_once():
    def done(step, began, seconds):
        yield events.StepStarted(at=began, phase="blob", step=step, summary=step, digest="d")
        yield events.StepDone(at=began + seconds, phase="blob", step=step, digest="d", seconds=seconds, result={})

    killed = events.StepStarted(at=100.0, phase="blob", step="blob/a", summary="a", digest="d")
    last = events.Checkpoint(at=130.0, step="blob/a", key="", cursor=1)
    again = events.RunStarted(at=1000.0, run="lab-1", environment="lab", version="0", phases=("blob",))
    report = of(case.started(), killed, last, again, done("blob/a", 1000.0, 20.0), done("blob/b", 1010.0, 20.0))
    blob = next(phase for phase in report.phases if phase.name == "blob")
    assert [(step.seconds, step.attempts) for step in blob.steps] == [(50.0, 2), (20.0, 1)]
    assert (blob.seconds, report.seconds, report.provenance.commands) == (60.0, 60.0, 2)


def test_downtime_is_that_of_the_cutover_and_a_bound_without_one():
    assert of(case.started()).downtime.kind == "unknown"
    bound = partly().downtime
    assert (bound.kind, bound.seconds) == ("bound", pytest.approx(48.1 + 6.3 + 3731.0))
    switched = case.steps([("cutover", "cutover/freeze", "Stop writing", 60.0)], begin=AT)
    measured = of(case.started(), case.steps(), case.checks(), switched, case.ended()).downtime
    assert (measured.kind, measured.seconds) == ("measured", pytest.approx(60.0))


def test_what_asks_for_a_decision_comes_by_gravity():
    assert [(group.code, group.severity) for group in partly().pressing] == [
        ("left-archived", "warning"),
        ("mysql-definer", "warning"),
    ]


def test_findings_speak_the_language_of_the_page_and_keep_their_record():
    text = Page(run_page.render(partly(), "ko")).text
    assert "보관(Archive) 계층에 있어 읽지 못해 남긴 파일입니다. Hot 계층으로 되돌린 뒤" in text
    assert "is in the archive tier and cannot be read." in text


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("make", [whole, partly, lambda: of(case.started())])
def test_a_page_stands_alone_and_is_sound(make, lang):
    page = Page(run_page.render(make(), lang))
    assert page.faults == []
    assert "script" not in page.tags
    assert page.links == []


@pytest.mark.parametrize("render", [lambda *to: Page(run_page.render(*to)).text, run_page.render_markdown])
def test_both_languages_carry_the_same_figures(render):
    ko, en = (render(partly(3), lang) for lang in ("ko", "en"))
    assert figures(in_english_durations(ko)) == figures(en)


def in_english_durations(text):
    """Write 1시간 4분 8초 as 1:04:08, so that one's figures can be compared with the other's."""
    return re.sub(
        r"(?:(\d+)시간 )?(\d+)분 (\d+)초",
        lambda found: ":".join(
            [found[1], found[2].zfill(2), found[3].zfill(2)] if found[1] else [found[2], found[3].zfill(2)]
        ),
        text,
    )


def test_a_run_of_many_checks_stays_small_and_says_what_it_leaves_out():
    many = [case.check(f"wkms.t{n}", "rows", str(n), str(n)) for n in range(5_000)]
    left = [
        events.Finding(step="blob/copy/x", code="left", text="x" * 200, object=f"o{n}", kind="left") for n in range(900)
    ]
    report = of(case.started(), case.steps(), many, left, case.ended())
    html = run_page.render(report, "ko")
    assert len(html.encode()) <= 150_000
    assert f"{5_000 - run_page.SHOWN['checks']}" in Page(html).text
    document = run_json.document(report)
    assert (len(document["checks"]), len(document["findings"])) == (5_000, 900)
    json.dumps(document)
    book = run_workbook.render(report, "ko")
    assert len([row for row in sheet(book, 3) if row[1] and row[1].startswith("wkms.")]) == 5_000


def test_long_names_and_texts_do_not_swell_the_page():
    name = "긴이름" * 300
    checks = [case.check(f"{name}{n}", "objects", "1", "1", step="blob/verify/x") for n in range(150)]
    found = [
        events.Finding(step="blob/copy/x", code=f"c{n}", text=name, object=name, kind="left", hint=name)
        for n in range(60)
    ]
    assert len(run_page.render(of(case.started(), case.steps(), checks, found), "ko").encode()) <= 150_000


def test_what_a_phase_reports_is_escaped():
    html = run_page.render(partly(), "en")
    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#39;1 &amp; 2&#39;)&lt;/script&gt;" in html
    assert "<script>" not in run_page.render_markdown(partly(), "en")


def test_no_cell_of_the_sheets_or_the_csv_is_a_formula():
    evil = case.check("=HYPERLINK(1)", "@check", "-1+1", "-1+1")
    report = of(case.started(), case.steps(), evil)
    rows = list(csv.reader(io.StringIO(run_json.render_csv(report).removeprefix("\ufeff"))))
    assert rows[1][2:6] == ["'=HYPERLINK(1)", "'@check", "'-1+1", "'-1+1"]
    book = openpyxl.load_workbook(io.BytesIO(run_workbook.render(report, "en")))
    assert [cell for page in book for row in page.rows for cell in row if cell.data_type == "f"] == []


def test_the_sheets_hold_what_the_page_leaves_out():
    book = run_workbook.render(partly(3), "ko")
    text = str([sheet(book, index) for index in range(6)])
    for wanted in ("wkms.users", "147", "180000", "보관(Archive)", "is in the archive tier", "서명", "0" * 64):
        assert wanted in text


def test_a_phase_that_the_catalogue_does_not_know_keeps_its_name():
    row = ("graph", "graph/copy", "Copy the graph", 1.0)
    report = of(case.started(), case.steps([row]), phases=())
    assert "graph" in Page(run_page.render(report, "ko")).text


def test_the_report_names_the_journal_that_it_is_made_from(tmp_path):
    lines = b'{"event":"RunStarted","run":"r","environment":"lab","version":"1.2","phases":[],"at":1.0}\n'
    (tmp_path / "journal.jsonl").write_bytes(lines + b'{"event":"RunDo')
    found = recorded.read(tmp_path)
    assert found.sha256 == sha256(lines).hexdigest()
    assert (found.events, found.commands, found.versions) == (1, 1, ("1.2",))
