"""Azurite to moto: every message once, whatever happens on the way."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Callable

import pytest
from queue_driver import Ran, run
from queue_ends import Ends, bodies_of, new_queue, numbered

from wkms_migrate import config, engine, events, journal
from wkms_migrate.errors import Partial, Refused, VerificationFailed
from wkms_migrate.lab.seed.letters import AWKWARD_BODIES
from wkms_migrate.phases import queue
from wkms_migrate.plan import Context

pytestmark = pytest.mark.integration


def facts(ran: Ran, ends: Ends) -> dict[str, int]:
    return ran.state.outputs("queue")[f"drained/{ends.name}"]


def totals(**known: int) -> dict[str, object]:
    return {"mode": "drain", "held": 0, "rejected": 0, "perhaps_twice": 0, "dead": 0, "dead_existing": 0, **known}


def test_bodies_and_attributes_arrive_and_the_source_is_empty(ends):
    bodies = [*AWKWARD_BODIES, b64encode("문서".encode()).decode(), *numbered(60)]
    ends.put(bodies)
    ran = ends.move.run()
    assert ran.ran == 2
    assert all(check.ok for check in ran.verified)
    assert {(check.check, check.source, check.target) for check in ran.verified} == {
        ("left on the source", "0", "0"),
        ("found = sent + held + refused", str(len(bodies)), str(len(bodies))),
        ("messages", str(len(bodies)), str(len(bodies))),
    }
    assert ends.left() == 0
    arrived = ends.arrived()
    assert bodies_of(arrived) == Counter(bodies)
    attributes = arrived[0]["MessageAttributes"]
    assert attributes["azure.dequeueCount"] == {"DataType": "Number", "StringValue": "0"}
    assert attributes["azure.insertedOn"]["StringValue"].endswith("GMT")
    assert uuid.UUID(attributes["azure.messageId"]["StringValue"])


def test_base64_is_kept_unless_it_is_to_be_decoded(ends):
    body = b64encode('{"문서": 1}'.encode()).decode()
    ends.put([body])
    ends.move.run()
    (message,) = ends.arrived()
    assert message["Body"] == body
    assert message["MessageAttributes"]["azure.encoding"]["StringValue"] == "base64"

    ends.put([body])
    ran = ends.move.run(encoding="auto", on_existing="append")
    (message,) = ends.arrived()
    assert message["Body"] == '{"문서": 1}'
    assert [finding.kind for finding in ran.findings] == ["converted"]


def test_a_second_run_does_nothing_and_later_messages_make_another_drain_due(ends):
    ends.put(numbered(3))
    assert ends.move.run().ran == 2
    assert ends.move.run().ran == 0
    ends.put(["늦게 온 알림"])
    ran = ends.move.run()
    assert ran.ran == 2
    assert facts(ran, ends) == totals(found=1, sent=1, existing=3)
    assert len(ends.arrived()) == 4


@pytest.mark.parametrize(("where", "twice"), [("after send", 10), ("before delete", 0)])
def test_a_killed_drain_goes_on_and_repeats_at_most_the_batch_in_flight(ends, where, twice):
    bodies = numbered(75)
    ends.put(bodies)
    ends.move.run_until_death(where, 3 if where == "after send" else 25, lanes=1)
    ran = ends.move.run(lanes=1)
    arrived = bodies_of(ends.arrived())
    assert set(arrived) == set(bodies)
    assert arrived.total() == len(bodies) + twice
    assert ends.left() == 0
    assert [finding.code for finding in ran.findings] == (["queue.twice"] if twice else [])
    assert all(check.ok for check in ran.verified)


def test_a_drain_killed_again_and_again_loses_nothing(ends):
    bodies = numbered(300)  # enough that every death comes, however much the lanes do before it
    ends.put(bodies)
    for where, call in (("after send", 2), ("before delete", 12), ("after send", 3), ("before delete", 1)):
        ends.move.run_until_death(where, call, lanes=6)
    result = facts(ends.move.run(lanes=6), ends)
    arrived = bodies_of(ends.arrived())
    assert set(arrived) == set(bodies)
    assert result["sent"] == len(bodies)
    assert len(bodies) < arrived.total() <= len(bodies) + result["perhaps_twice"]
    assert result["perhaps_twice"] <= 4 * 10
    assert ends.left() == 0


def test_a_target_that_holds_messages_is_refused_unless_told_to_append(ends):
    ends.sqs.send_message(QueueUrl=ends.url, MessageBody="전부터 있던 것")
    ends.put(numbered(2))
    with pytest.raises(Refused, match="holds 1 message "):
        ends.move.run()
    assert ends.left() == 2
    ran = ends.move.run(on_existing="append")
    assert facts(ran, ends) == totals(found=2, sent=2, existing=1)
    assert len(ends.arrived()) == 3


def test_a_delayed_message_is_waited_for(ends):
    ends.put(["지금"])
    ends.put(["나중"], hidden=2)
    ends.move.run(settle_seconds=20)
    assert bodies_of(ends.arrived()) == Counter(["지금", "나중"])


def test_a_message_that_a_consumer_holds_makes_the_drain_partial(ends):
    ends.put(numbered(4))
    held = ends.source.receive_message(visibility_timeout=600)
    with pytest.raises(Partial, match="1 message "):
        ends.move.run(settle_seconds=1)
    ends.source.update_message(held, visibility_timeout=0)
    ran = ends.move.run()
    assert facts(ran, ends)["sent"] == 4
    assert bodies_of(ends.arrived()) == Counter(numbered(4))


def test_a_message_that_sqs_refuses_stays_and_fails_the_verification(ends):
    ends.sqs.set_queue_attributes(QueueUrl=ends.url, Attributes={"MaximumMessageSize": "2048"})
    ends.put([*numbered(3), "가" * 3_000])
    with pytest.raises(VerificationFailed, match="left on the source"):
        ends.move.run()
    assert ends.left() == 1
    assert len(ends.arrived()) == 3
    (finding,) = ends.move.state().findings.values()
    assert (finding.kind, finding.severity) == ("left", "error")


def test_the_order_of_one_lane_is_kept_on_a_fifo_queue(ends):
    ends.url = new_queue(ends.sqs, f"{ends.name}.fifo", FifoQueue="true", VisibilityTimeout="600")
    ends.move.targets[ends.name] = ends.url
    ends.put(numbered(25))
    ends.move.run()
    assert [message["Body"] for message in ends.arrived()] == numbered(25)


@pytest.mark.parametrize("where", ["after send", "before delete"])
def test_a_killed_drain_repeats_nothing_on_a_fifo_queue(ends, where):
    """The queue knows a message that it has taken: it is sent again under the same deduplication id."""
    ends.url = new_queue(ends.sqs, f"{ends.name}.fifo", FifoQueue="true", VisibilityTimeout="600")
    ends.move.targets[ends.name] = ends.url
    bodies = numbered(45)
    ends.put(bodies)
    ends.move.run_until_death(where, 3 if where == "after send" else 25, lanes=1)
    ran = ends.move.run(lanes=1)
    arrived = [message["Body"] for message in ends.arrived()]
    assert Counter(arrived) == Counter(bodies)
    assert arrived[:30] == bodies[:30]  # the three batches before the death; those still held come when shown again
    assert ends.left() == 0
    assert ran.findings == []
    assert all(check.ok for check in ran.verified)


def test_a_plan_reads_only(ends):
    ends.put(numbered(5))
    before = ends.source.peek_messages(32)
    settings = config.load(ends.move.write(), {"queue": queue.QueueSettings}, environ={})
    planned = engine.plan(queue.PHASE, Context(settings, journal.RunState(), ends.move.folder))
    assert planned.steps[0].step.summary == f"Drain {ends.name} (about 5 messages) into {ends.name}"
    assert [(one.id, one.dequeue_count) for one in ends.source.peek_messages(32)] == [(one.id, 0) for one in before]
    assert not (ends.move.folder / "runs").exists()


def meanwhile(ends: Ends, act: Callable[[], object]) -> Ran:
    """Drain, and do something as soon as the first batch has landed."""
    waiting = [act]

    def watch(event: events.Event) -> None:
        if isinstance(event, events.Progress) and waiting:
            waiting.pop()()

    return run(ends.move.write(settle_seconds=20), watch)


def test_a_message_that_a_consumer_took_is_told_as_unaccounted(ends):
    ends.put(numbered(3))
    held = ends.source.receive_message(visibility_timeout=600)
    ran = meanwhile(ends, lambda: ends.source.delete_message(held))
    assert [finding.code for finding in ran.findings] == ["queue.unaccounted"]
    assert "Of 3 messages 1 was gone before it could be taken." in ran.findings[0].text
    assert all(check.ok for check in ran.verified)


def test_a_message_that_comes_meanwhile_is_moved_and_told(ends):
    ends.put(numbered(3))
    ran = meanwhile(ends, lambda: ends.put(["새 것"]))
    assert [finding.code for finding in ran.findings] == ["queue.came"]
    assert bodies_of(ends.arrived()) == Counter([*numbered(3), "새 것"])


def test_a_target_in_use_is_not_counted(ends):
    ends.sqs.send_message(QueueUrl=ends.url, MessageBody="전부터 있던 것")
    ends.put(numbered(3))
    ran = ends.move.run(target_in_use=True)
    assert "messages" not in {check.check for check in ran.verified}
    assert [finding.code for finding in ran.findings] == ["queue.uncounted"]
