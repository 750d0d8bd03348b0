"""Adding a phase is one file and one line: this does both in a scratch package and gets everything else for free."""

from __future__ import annotations

import json

import pytest

from wkms_migrate import phases
from wkms_migrate.cli import app

FILE = '''
"""Greets everyone by name."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from wkms_migrate.config import Section
from wkms_migrate.plan import Context, Phase, Step, StepRun, digest_of


class GreetSettings(Section):
    """Whom to greet."""

    names: tuple[str, ...] = Field(("세계",), description="Whom to greet.")


def plan(context: Context) -> Iterator[Step]:
    settings = context.section(GreetSettings)

    def greet(run: StepRun) -> dict[str, str]:
        for number, name in enumerate(settings.names, 1):
            run.progress(number, len(settings.names), unit="names")
        run.verified("greetings", "count", len(settings.names), number)
        return {"greeting": f"안녕, {settings.names[-1]}"}

    yield Step(id="greet/all", summary=f"Greet {len(settings.names)}", run=greet, digest=digest_of(settings))


PHASE = Phase(name="greet", summary="Greet everyone", plan=plan, settings=GreetSettings)
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    package = tmp_path / "extra"
    package.mkdir()
    (package / "greet.py").write_text(FILE, encoding="utf-8")  # the one file
    monkeypatch.setattr(phases, "PHASES", ("greet",))  # the one line
    monkeypatch.setattr(phases, "__path__", [*phases.__path__, str(package)])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "trial.yaml").write_text(
        "environment: trial\nlang: en\nphases:\n  greet:\n    names: [민수, 지은]\n", encoding="utf-8"
    )
    yield tmp_path
    import sys

    sys.modules.pop("wkms_migrate.phases.greet", None)


def call(capsys, *words):
    """Run a command in this process; return its exit code and its JSON."""
    try:
        app([*words, "--env", "trial", "--json"], standalone_mode=False)
        code = 0
    except SystemExit as ended:
        code = ended.code
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def test_it_is_listed_planned_run_resumed_and_summarised(project, capsys):
    _, listed = call(capsys, "phases")
    assert listed == [{"name": "greet", "summary": "Greet everyone", "needs": []}]

    _, planned = call(capsys, "run", "--dry-run")
    assert planned["pending"] == 1
    assert not (project / "runs").exists(), "a dry run writes nothing"

    _, ran = call(capsys, "run", "--yes", "--junit", "out.xml")
    assert ran["phases"][0]["state"] == "done"
    assert (ran["phases"][0]["checks_ok"], ran["phases"][0]["checks"]) == (1, 1)
    assert 'name="greet/all"' in (project / "out.xml").read_text()
    assert (project / "runs" / "trial" / "journal.jsonl").exists()

    _, again = call(capsys, "run", "--dry-run")
    assert again["pending"] == 0, "done, so not run again"

    (project / "config" / "trial.yaml").write_text("environment: trial\nphases: {greet: {names: [서연]}}\n")
    _, changed = call(capsys, "plan", "greet")
    assert changed["pending"] == 1, "its configuration is part of its digest"


def test_its_configuration_is_checked_with_the_rest(project, capsys):
    (project / "config" / "trial.yaml").write_text("environment: trial\nphases: {greet: {nmaes: []}}\n")
    with pytest.raises(Exception, match=r"phases\.greet\.nmaes: unknown key; did you mean names\?"):
        call(capsys, "plan")
