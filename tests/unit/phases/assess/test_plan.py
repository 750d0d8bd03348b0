from __future__ import annotations

import pytest

from wkms_migrate import config
from wkms_migrate.journal import RunState
from wkms_migrate.phases import assess
from wkms_migrate.plan import Context


@pytest.fixture
def steps(tmp_path):
    def plan(text):
        file = tmp_path / "t.yaml"
        file.write_text(f"environment: test\n{text}\n", encoding="utf-8")
        settings = config.load(file, {"assess": assess.AssessSettings}, environ={})
        return {step.id: step for step in assess.plan(Context(settings, RunState(), tmp_path))}

    return plan


def test_a_source_without_an_address_is_skipped_with_its_key(steps):
    planned = steps("azure: {mysql: {host: db.example}}")
    assert planned["assess/mysql"].skip is None
    assert planned["assess/cosmos"].skip == "azure.cosmos.endpoint is not set"
    assert list(planned) == ["assess/mysql", "assess/blob", "assess/queue", "assess/cosmos", "assess/report"]


def test_the_report_comes_after_every_look(steps):
    planned = steps("lang: ko")
    assert {step.stage for step in planned.values() if step.id != "assess/report"} == {0}
    assert planned["assess/report"].stage == 1


def test_another_source_is_looked_at_anew(steps):
    first = steps("azure: {mysql: {host: a.example}}")["assess/mysql"].digest
    assert first == steps("azure: {mysql: {host: a.example}}")["assess/mysql"].digest
    assert first != steps("azure: {mysql: {host: b.example}}")["assess/mysql"].digest
