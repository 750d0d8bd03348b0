from __future__ import annotations

import io
import json
import threading
from xml.etree import ElementTree as ET

import pytest

from wkms_migrate import events, journal
from wkms_migrate.ui import summary
from wkms_migrate.ui.jsonl import JsonLines
from wkms_migrate.ui.junit import Junit
from wkms_migrate.ui.live import Live
from wkms_migrate.ui.plain import Plain, progress_line
from wkms_migrate.ui.readers import Readers
from wkms_migrate.ui.text import duration, rate, short, size

STARTED = events.StepStarted(phase="blob", step="blob/copy/documents", summary="Copy 1,000 blobs", digest="d")
DONE = events.StepDone(phase="blob", step="blob/copy/documents", digest="d", seconds=2.0, result={})
FAILED = events.StepFailed(
    phase="blob", step="blob/verify/documents", seconds=1.0, message="1 object differs", hint="look", exit_code=3
)
GOOD = events.Verified(step="blob/copy/documents", object="documents", check="objects", source="5", target="5", ok=True)
BAD = events.Verified(step="blob/verify/documents", object="a.pdf", check="crc64", source="1", target="2", ok=False)


class Collector:
    def __init__(self):
        self.events, self.closed = [], False

    def __call__(self, event):
        self.events.append(event)

    def close(self):
        self.closed = True


class Broken(Collector):
    def __call__(self, _event):
        raise RuntimeError("terminal gone")


class Stuck(Collector):
    def __init__(self):
        super().__init__()
        self.release = threading.Event()

    def __call__(self, event):
        self.release.wait(30)
        super().__call__(event)


def test_a_broken_reader_is_dropped_and_told_and_the_others_go_on():
    good, told = Collector(), []
    readers = Readers([Broken(), good], told.append)
    readers(STARTED)
    readers(DONE)
    readers.close()
    assert good.events == [STARTED, DONE]
    assert good.closed
    assert told == ["Broken stopped: RuntimeError: terminal gone"]


def test_a_stuck_reader_does_not_hold_the_work_back():
    stuck = Stuck()
    readers = Readers([stuck], print)
    for number in range(1000):
        readers(events.Log(step="x", text=str(number)))
    assert len(stuck.events) == 0, "handing on a thousand events returned while the reader stood still"
    stuck.release.set()
    readers.close()
    assert len(stuck.events) == 1000


def test_only_the_newest_progress_of_a_step_is_shown_and_before_its_end():
    seen = Collector()
    readers = Readers([seen], print)
    readers(STARTED)
    for done in range(1, 501):
        readers(events.Progress(step=STARTED.step, done=done, total=500))
    readers(DONE)
    readers.close()
    progress = [event.done for event in seen.events if isinstance(event, events.Progress)]
    assert progress[-1] == 500
    assert len(progress) < 500
    assert seen.events[-1] == DONE


def plain(*facts, verbose=0, times=None):
    stream, clock = io.StringIO(), iter(times or [0.0] * 100)
    reader = Plain(stream, verbose=verbose, clock=lambda: next(clock))
    for fact in facts:
        reader(fact)
    return stream.getvalue().splitlines()


def test_plain_gives_a_line_per_step_and_per_ten_seconds():
    progress = [events.Progress(step=STARTED.step, done=n, total=100, bytes=n * 1024) for n in (10, 20, 50)]
    lines = plain(STARTED, *progress, DONE, times=[0.0, 4.0, 9.0, 10.0, 10.0])
    assert lines[0] == "▸ blob/copy/documents: Copy 1,000 blobs"
    assert lines[1].startswith("  blob/copy/documents: 50/100 (50 %) rows · 50.0 KiB, 5.0 KiB/s · ")
    assert lines[2] == "✔ blob/copy/documents: done in 2.0 s"
    assert len(lines) == 3


def test_quiet_shows_only_problems_and_verbose_every_check():
    assert plain(STARTED, DONE, GOOD, FAILED, BAD, verbose=-1) == [
        "✘ blob/verify/documents: 1 object differs",
        "= a.pdf: crc64 1 ≠ 2",
    ]
    assert "= documents: objects 5" in plain(GOOD, verbose=1)


def test_progress_tells_rate_time_left_and_errors():
    event = events.Progress(step="x", done=1000, total=4000, unit="rows", errors=2)
    assert progress_line(event, elapsed=10.0) == "1,000/4,000 (25 %) rows · 100 rows/s · 30 s left · 2 errors"
    assert progress_line(events.Progress(step="x", done=0), elapsed=0.0) == "0 rows"


def test_json_lines_are_one_object_per_event():
    stream = io.StringIO()
    reader = JsonLines(stream)
    reader(STARTED)
    reader(FAILED)
    kinds = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert kinds == ["StepStarted", "StepFailed"]


def test_junit_has_a_case_per_step_and_per_comparison(tmp_path):
    path = tmp_path / "deep" / "junit.xml"
    reader = Junit(path)
    for event in (
        STARTED,
        GOOD,
        DONE,
        events.StepSkipped(phase="deploy", step="deploy/vm", summary="", reason="no engine"),
    ):
        reader(event)
    reader(events.StepStarted(phase="blob", step=FAILED.step, summary="", digest=""))
    reader(BAD)
    reader(FAILED)
    reader.close()
    suites = {suite.get("name"): suite for suite in ET.parse(path).getroot()}
    assert suites["blob"].get("tests") == "4"
    assert suites["blob"].get("failures") == "2"
    assert suites["deploy"].get("skipped") == "1"
    assert suites["deploy"].find("testcase/skipped").get("message") == "no engine"


def test_live_draws_and_gives_the_terminal_back():
    stream = io.StringIO()
    live = Live(stream)
    for event in (STARTED, events.Progress(step=STARTED.step, done=5, total=10, bytes=10), BAD, DONE, FAILED):
        live(event)
    live.close()
    assert "blob/copy/documents" in stream.getvalue()
    assert "1 object differs" in stream.getvalue()


def test_the_summary_counts_per_phase_in_both_languages():
    state = journal.fold(
        [STARTED, GOOD, DONE, events.StepStarted(phase="blob", step=FAILED.step, summary="", digest=""), BAD, FAILED]
    )
    (row, other) = summary.rows(state, ["blob", "cosmos"])
    assert (row.state, row.steps_done, row.steps, row.checks_ok, row.checks) == ("failed", 1, 2, 1, 2)
    assert other.state == "pending"
    for lang, word in (("ko", "실패"), ("en", "failed")):
        stream = io.StringIO()
        summary.show(state, ["blob", "cosmos"], lang, stream)
        assert word in stream.getvalue()
        assert "1 object differs" in stream.getvalue()


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (32 * 1024**2, "32.0 MiB"), (1024**4, "1.0 TiB")]
)
def test_sizes_are_readable(count, text):
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.44, "0.4 s"), (59.4, "59 s"), (185, "3 m 05 s"), (7440, "2 h 04 m")])
def test_durations_are_readable(seconds, text):
    assert duration(seconds) == text


def test_the_time_of_a_phase_counts_steps_that_ran_at_once_only_once():
    def done(step, at, seconds):
        return events.StepDone(phase="cosmos", step=step, digest="", seconds=seconds, result={}, at=at)

    state = journal.fold([done("cosmos/a", 100.0, 10.0), done("cosmos/b", 102.0, 10.0), done("cosmos/c", 120.0, 5.0)])
    assert summary.rows(state, ["cosmos"])[0].seconds == pytest.approx(17.0)


def test_slow_rates_keep_a_tenth_and_long_names_their_ends():
    assert (rate(3, 10), rate(12_040, 10)) == ("0.3", "1,204")
    assert short("가" * 200 + ".md", 21) == "가" * 10 + "…" + "가" * 7 + ".md"
    assert short("a.md") == "a.md"
