from __future__ import annotations

import threading

import pytest

from wkms_migrate import config, events, journal
from wkms_migrate.engine import Engine, plan
from wkms_migrate.errors import Interrupted, NotKnownYet, UsageError, VerificationFailed, WkmsError
from wkms_migrate.plan import Context, Phase, Step, digest_of


class Recorder:
    """Folds events as the journal does, and keeps them."""

    def __init__(self, state=None):
        self.state = state or journal.RunState()
        self.events = []

    def __call__(self, event):
        self.events.append(event)
        self.state.apply(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


def phase(*steps, name="toy", plan=None):
    return Phase(name=name, summary="toy", plan=plan or (lambda _: steps), settings=config.Section)


def run(phases, recorder, tmp_path, **options):
    context = Context(config.Settings(config.Root(environment="test"), {}, ()), recorder.state, tmp_path)
    engine = Engine(context, recorder, **options)
    engine.run(phases)
    return engine


def test_steps_run_stage_by_stage_and_once(tmp_path):
    order = []
    steps = [
        Step(id=f"toy/{n}", summary=n, run=lambda _, n=n: order.append(n), stage=s) for n, s in (("b", 1), ("a", 0))
    ]
    recorder = Recorder()
    assert run([phase(*steps)], recorder, tmp_path).ran == 2
    assert order == ["a", "b"]
    assert run([phase(*steps)], recorder, tmp_path).ran == 0, "a done step is not run again"


def test_a_changed_input_makes_a_step_and_all_later_stages_pending(tmp_path):
    recorder, ran = Recorder(), []

    def steps(digest):
        return phase(
            Step(id="toy/schema", summary="", run=lambda _: ran.append("schema"), digest="same"),
            Step(id="toy/data", summary="", run=lambda _: ran.append("data"), digest=digest, stage=1),
            Step(id="toy/verify", summary="", run=lambda _: ran.append("verify"), digest="same", stage=2),
        )

    run([steps("one")], recorder, tmp_path)
    ran.clear()
    run([steps("two")], recorder, tmp_path)
    assert ran == ["data", "verify"]


def test_steps_of_a_stage_run_at_the_same_time(tmp_path):
    both = threading.Barrier(2, timeout=10)
    steps = [Step(id=f"toy/{n}", summary="", run=lambda _: both.wait() and None) for n in "ab"]
    run([phase(*steps)], Recorder(), tmp_path, workers=2)


def test_the_first_failure_stops_the_run_and_keeps_what_is_done(tmp_path):
    def fail(_):
        raise WkmsError("disk on fire", hint="water")

    later = []
    steps = phase(
        Step(id="toy/a", summary="", run=lambda _: {"x": 1}),
        Step(id="toy/b", summary="", run=fail, stage=1),
        Step(id="toy/c", summary="", run=lambda _: later.append(1), stage=2),
    )
    recorder = Recorder()
    with pytest.raises(WkmsError, match="disk on fire"):
        run([steps], recorder, tmp_path)
    assert recorder.state.steps["toy/a"].status == "done"
    assert recorder.state.steps["toy/b"].status == "failed"
    assert not later
    (failed,) = recorder.of(events.StepFailed)
    assert (failed.message, failed.hint, failed.exit_code) == ("disk on fire", "water", 1)


def test_a_step_that_is_stopped_for_anothers_failure_says_so(tmp_path):
    under_way = threading.Event()

    def fail(_):
        assert under_way.wait(10)
        raise WkmsError("disk on fire")

    def go_on(step):
        under_way.set()
        while not step.stopping.wait(0.01):
            """Work."""
        step.check_stop()

    recorder = Recorder()
    steps = [Step(id="toy/a", summary="", run=fail), Step(id="toy/b", summary="", run=go_on)]
    with pytest.raises(WkmsError, match="disk on fire"):
        run([phase(*steps)], recorder, tmp_path, workers=2)
    told = {event.step: event.message for event in recorder.of(events.StepFailed)}
    assert told == {"toy/a": "disk on fire", "toy/b": "Stopped, because toy/a failed."}
    assert recorder.state.steps["toy/b"].status == "stopped"


def test_a_mismatch_fails_the_step_with_the_verification_code(tmp_path):
    def check(step):
        assert step.verified("users", "rows", 3, 3)
        assert not step.verified("documents", "rows", 10, 9)

    recorder = Recorder()
    with pytest.raises(VerificationFailed, match="documents: rows is 10 on the source and 9 on the target") as caught:
        run([phase(Step(id="toy/verify", summary="", run=check))], recorder, tmp_path)
    assert caught.value.exit_code == 3
    assert not recorder.state.is_done("toy/verify", "")


def test_a_skipped_step_is_told_with_its_reason_and_never_done(tmp_path):
    recorder = Recorder()
    engine = run([phase(Step(id="toy/vm", summary="", run=lambda _: 1 / 0, skip="no engine"))], recorder, tmp_path)
    assert engine.ran == 0
    assert recorder.state.steps["toy/vm"].status == "skipped"
    assert recorder.of(events.StepSkipped)[0].reason == "no engine"


def test_outputs_reach_later_phases_that_are_planned_just_in_time(tmp_path):
    first = phase(Step(id="one/make", summary="", run=lambda _: {"bucket": "b-1"}), name="one")

    def use(context):
        bucket = context.output("one", "bucket")
        yield Step(id="two/use", summary=bucket, run=lambda _: {"used": bucket})

    recorder = Recorder()
    run([first, phase(name="two", plan=use)], recorder, tmp_path)
    assert recorder.state.outputs("two") == {"used": "b-1"}


def test_an_output_that_is_not_there_yet_says_which_phase_gives_it(tmp_path):
    context = Context(config.Settings(config.Root(environment="test"), {}, ()), journal.RunState(), tmp_path)
    with pytest.raises(NotKnownYet, match="bucket is known after one"):
        context.output("one", "bucket")


@pytest.mark.parametrize("ids", [("toy/a", "toy/a"), ("other/a",)])
def test_a_phase_that_names_steps_wrongly_is_refused(tmp_path, ids):
    steps = [Step(id=one, summary="", run=lambda _: None) for one in ids]
    with pytest.raises(UsageError):
        plan(phase(*steps), Context(None, journal.RunState(), tmp_path))


def copier(target, crash_at):
    """Copy ten records with a checkpoint after each, and fall over at one of them."""

    def copy(step):
        begin = step.cursors.get("", 0)
        for number in range(begin, 10):
            step.check_stop()
            target[number] = number * number
            if number == crash_at:
                raise OSError("power cut between the write and its checkpoint")
            step.checkpoint(number + 1)

    return phase(Step(id="toy/copy", summary="", run=copy, digest="d"))


@pytest.mark.parametrize("crash_at", range(10))
def test_resuming_from_a_crash_at_any_checkpoint_gives_the_same_result(tmp_path, crash_at):
    target, recorder = {}, Recorder()
    with pytest.raises(OSError, match="power cut"):
        run([copier(target, crash_at)], recorder, tmp_path)
    resumed = Recorder(journal.fold(recorder.events))
    run([copier(target, None)], resumed, tmp_path)
    assert target == {number: number * number for number in range(10)}
    written_twice = [e.cursor for e in resumed.of(events.Checkpoint)]
    assert written_twice[0] == crash_at + 1, "only what had no checkpoint is repeated"


def test_stopping_ends_at_the_next_safe_point_and_resumes(tmp_path):
    target, recorder = {}, Recorder()
    context = Context(config.Settings(config.Root(environment="test"), {}, ()), recorder.state, tmp_path)
    engine = Engine(context, recorder)

    def stop_soon(event):
        recorder(event)
        if isinstance(event, events.Checkpoint) and event.cursor == 4:
            engine.stopping.set()

    engine._sink = stop_soon
    with pytest.raises(Interrupted):
        engine.run([copier(target, None)])
    assert sorted(target) == [0, 1, 2, 3]
    assert recorder.state.steps["toy/copy"].status == "stopped"
    run([copier(target, None)], Recorder(recorder.state), tmp_path)
    assert len(target) == 10


def test_every_event_carries_the_time(tmp_path):
    recorder = Recorder()
    run([phase(Step(id="toy/a", summary="", run=lambda _: None))], recorder, tmp_path, clock=lambda: 1234.5)
    assert {event.at for event in recorder.events} == {1234.5}


def test_digest_depends_on_values_not_on_order_of_keys():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert digest_of(config.Cosmos()) != digest_of(config.Cosmos(database="other"))


def test_a_finding_said_twice_is_told_once(tmp_path):
    def find(step):
        for text in ("first", "first", "second"):
            step.finding("definer", text, "admin@%")

    recorder = Recorder()
    run([phase(Step(id="toy/objects", summary="", run=find))], recorder, tmp_path)
    assert [found.text for found in recorder.of(events.Finding)] == ["first", "second"]
