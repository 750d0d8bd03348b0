from __future__ import annotations

import json

import pytest
import run_cases as case
from typer.testing import CliRunner

from wkms_migrate import cli
from wkms_migrate.errors import UsageError
from wkms_migrate.journal import Journal


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a working directory with one finished run in it."""
    monkeypatch.chdir(tmp_path)
    with Journal(tmp_path / "runs" / "lab-1") as journal:
        for part in (case.steps(), case.checks(), case.findings()):
            for event in [case.started(), *part]:
                journal.append(event)
        journal.append(case.ended())
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "lab.yaml").write_text("environment: lab\n")
    return tmp_path


def report(*argv):
    return CliRunner().invoke(cli.app, ["report", *argv])


def test_it_writes_every_usual_format_beside_the_journal(place):
    before = (place / "runs/lab-1/journal.jsonl").read_bytes()
    ran = report("--run", "lab-1", "--json")
    assert ran.exit_code == 0, ran.output
    written = sorted(path.name for path in (place / "runs/lab-1/report").iterdir())
    assert written == sorted(
        ["run.json", "run.csv", *(f"run.{lang}.{form}" for lang in ("ko", "en") for form in ("html", "md", "xlsx"))]
    )
    assert len(json.loads(ran.stdout)["reports"]) == 8
    assert (place / "runs/lab-1/journal.jsonl").read_bytes() == before


def test_formats_language_day_and_folder_can_be_chosen(place):
    ran = report(
        "--run", "lab-1", "--format", "md,json", "--lang", "en", "--as-of", "2027-01-02", "-o", str(place / "x")
    )
    assert ran.exit_code == 0, ran.output
    assert sorted(path.name for path in (place / "x").iterdir()) == ["run.en.md", "run.json"]
    assert "As of 2027-01-02" in (place / "x" / "run.en.md").read_text()


@pytest.mark.parametrize("wrong", [["--format", "docx"], ["--format", ","], ["--as-of", "soon"], ["--lang", "fr"]])
@pytest.mark.usefixtures("place")
def test_what_cannot_be_meant_is_a_usage_error(wrong):
    assert report("--run", "lab-1", *wrong).exit_code == 2


@pytest.mark.usefixtures("place")
def test_a_run_that_is_not_there_is_a_usage_error_and_leaves_nothing(place):
    ran = report("--run", "other")
    assert isinstance(ran.exception, UsageError)
    assert ran.exception.exit_code == 2
    assert not (place / "runs" / "other").exists()


def test_a_journal_alone_is_enough(place):
    (place / "config" / "lab.yaml").write_text("overlay: not-there.yaml\n")
    kept = place / "runs" / "lab-1"
    assert report("--run", "lab-1", "--env", "lab").exit_code != 0
    ran = report("--run-dir", str(kept), "--format", "json", "-o", str(place / "x"))
    assert ran.exit_code == 0, ran.output
    assert json.loads((place / "x" / "run.json").read_text())["run"] == "lab-1"
    assert isinstance(report("--run-dir", str(place / "nothing")).exception, UsageError)
