"""What verify makes of a journal, without contacting anything."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from wkms_migrate import engine, events
from wkms_migrate.config import Root, Settings
from wkms_migrate.errors import VerificationFailed
from wkms_migrate.journal import RunState, fold
from wkms_migrate.phases import verify
from wkms_migrate.phases.verify import VerifySettings
from wkms_migrate.phases.verify.recount import quoted
from wkms_migrate.plan import Context, StepRun


def done(step, result=None):
    phase = step.partition("/")[0]
    return [
        events.StepStarted(phase=phase, step=step, summary="", digest="d"),
        events.StepDone(phase=phase, step=step, digest="d", seconds=1.0, result=result or {}),
    ]


def compared(step, *, ok=True, object="wkms.users", check="rows"):
    return events.Verified(step=step, object=object, check=check, source="1", target="1" if ok else "0", ok=ok)


def moved(*phases, ok=True):
    stream = []
    for phase in phases:
        stream += [*done(f"{phase}/verify/x"), compared(f"{phase}/verify/x", ok=ok, check="digest")]
    return stream


MOVED = moved("mysql", "blob", "cosmos", "queue")
SKIPPED = events.StepSkipped(phase="deploy", step="deploy/release/wkms", summary="", reason="no server here")


def context(stream, **options):
    settings = Settings(Root(environment="test"), {"verify": VerifySettings(**options)}, ())
    return Context(settings, fold(stream), Path())


def steps(stream, **options):
    return {one.step.id: one.step for one in engine.plan(verify.PHASE, context(stream, **options)).steps}


def run(step_id, stream, **options):
    """Run a step; return what it stated and its result. Raises as the engine does."""
    stated = []
    here = context(stream, recount=False, **options)
    step = {one.step.id: one.step for one in engine.plan(verify.PHASE, here).steps}[step_id]
    running = StepRun(here, step, stated.append, threading.Event(), {})
    result = step.run(running)
    running.check_verified()
    return stated, result


def test_health_is_skipped_with_deploys_reason():
    assert steps([*MOVED, SKIPPED])["verify/health/wkms"].skip == "deploy was skipped: no server here"


def test_an_address_in_the_settings_does_without_deploy():
    assert steps([*MOVED, SKIPPED], url="http://127.0.0.1:1")["verify/health/wkms"].skip is None


def test_before_deploy_the_address_is_known_later():
    step = steps([])["verify/health/wkms"]
    assert step.skip is None
    assert "known after deploy" in step.summary


def test_data_of_a_good_run_match():
    stated, result = run("verify/data/run", MOVED)
    assert all(event.ok for event in stated if isinstance(event, events.Verified))
    assert result == {"compared": {"mysql": 1, "blob": 1, "cosmos": 1, "queue": 1}}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ([compared("mysql/verify/x", ok=False, object="wkms.documents")], "comparisons that match"),
        (
            [events.StepFailed(phase="blob", step="blob/copy/y", seconds=1.0, message="no", hint="", exit_code=1)],
            "steps not done",
        ),
    ],
)
def test_a_difference_or_an_unfinished_step_fails_the_data(extra, message):
    with pytest.raises(VerificationFailed, match=message):
        run("verify/data/run", [*MOVED, *extra])


def test_a_mover_that_compared_nothing_fails_the_data():
    with pytest.raises(VerificationFailed, match="cosmos: comparisons is some"):
        run("verify/data/run", [*moved("mysql", "blob", "queue"), *done("cosmos/copy/x")])


def test_a_mover_that_never_ran_is_a_risk():
    stated, _ = run("verify/data/run", moved("mysql"))
    risks = [event.object for event in stated if isinstance(event, events.Finding)]
    assert risks == ["blob", "cosmos", "queue"]


def test_without_a_deployment_only_the_data_are_judged_and_that_is_said():
    stated, result = run("verify/kpi/wkms", [*MOVED, SKIPPED])
    assert [one["id"] for one in result["kpis"]] == ["data_match"]
    assert [event.code for event in stated if isinstance(event, events.Finding)] == ["verify.not-measured"]


def test_a_missed_kpi_fails_the_step():
    with pytest.raises(VerificationFailed, match="Data match"):
        run("verify/kpi/wkms", [*MOVED, SKIPPED, compared("mysql/verify/x", ok=False, object="wkms.documents")])


def test_a_second_plan_has_nothing_to_do_until_a_mover_ran_again():
    stream = [*MOVED, SKIPPED]
    state = fold(stream)
    planned = engine.plan(verify.PHASE, context(stream))
    for one in planned.pending:
        for event in done(one.id):
            changed = {"digest": one.digest} if not isinstance(event, events.StepSkipped) else {}
            state.apply(type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | changed))
    settings = Settings(Root(environment="test"), {"verify": VerifySettings()}, ())
    assert engine.plan(verify.PHASE, Context(settings, state, Path())).pending == ()
    state.apply(compared("mysql/verify/x", object="wkms.audit_logs"))
    assert [step.id for step in engine.plan(verify.PHASE, Context(settings, state, Path())).pending] == [
        "verify/data/run",
        "verify/kpi/wkms",
    ]


def test_an_empty_run_can_be_planned():
    assert len(steps([])) == 3
    assert RunState().verified == {}


def test_names_of_tables_are_quoted():
    assert quoted("wkms.a`b.c") == "`wkms`.`a``b.c`"
