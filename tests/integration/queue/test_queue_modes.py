"""Copies that leave the source as it is, and bridges that run until they are stopped."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_sqs import StrictSqs
from queue_driver import run
from queue_ends import Ends, bodies_of, new_ends, new_queue, numbered

from wkms_migrate import events
from wkms_migrate.errors import ConfigError, Partial, Refused, WkmsError

pytestmark = pytest.mark.integration


def moved(ran, ends):
    return ran.state.outputs("queue")[f"drained/{ends.name}"]


def kept(ends, at_most=32):
    return {one.id: one.dequeue_count for one in ends.source.peek_messages(at_most)}


def test_a_short_queue_is_copied_by_looking(ends):
    ends.put(numbered(32))
    before = kept(ends)
    ran = ends.move.run(mode="copy")
    assert kept(ends) == before, "no message was taken"
    arrived = ends.arrived()
    assert bodies_of(arrived) == Counter(numbered(32))
    assert {one["MessageAttributes"]["azure.dequeueCount"]["StringValue"] for one in arrived} == {"0"}
    assert moved(ran, ends)["sent"] == 32
    assert {check.check for check in ran.verified} == {"messages", "found = sent + held + refused"}
    assert ends.move.run(mode="copy").ran == 0


def test_a_long_queue_is_copied_and_shown_again(ends):
    ends.put(numbered(75))
    ran = ends.move.run(mode="copy", hidden_seconds=60)
    assert all(check.ok for check in ran.verified)
    assert bodies_of(ends.arrived()) == Counter(numbered(75))
    assert ends.left() == 75
    assert set(kept(ends).values()) == {1}, "visible at once, and tried once more"


def test_a_copy_that_was_killed_goes_on_and_repeats_one_batch_at_most(ends):
    ends.put(numbered(75))
    ends.move.run_until_death("after send", 5, mode="copy", hidden_seconds=3)
    ran = ends.move.run(mode="copy", hidden_seconds=3)
    arrived = bodies_of(ends.arrived())
    assert set(arrived) == set(numbered(75))
    assert arrived.total() <= 85
    assert moved(ran, ends)["sent"] == 75
    assert ends.left() == 75


def test_a_copy_says_what_it_could_not_see(ends):
    ends.put(numbered(3))
    ends.put(["나중"], hidden=600)
    with pytest.raises(Partial, match="1 message "):
        ends.move.run(mode="copy", settle_seconds=0)
    assert bodies_of(ends.arrived()) == Counter(numbered(3))


class Bridge:
    """A forward in a thread of its own."""

    def __init__(self, ends: Ends, **options: object) -> None:
        self.said: list[str] = []
        self.sent = threading.Condition()
        self.count = 0
        path = ends.move.write(mode="forward", **options)
        self.outcome: list[object] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(path,))
        self.thread.start()

    def _run(self, path: Path) -> None:
        try:
            self.outcome.append(run(path, self._watch, self.stop))
        except WkmsError as error:
            self.outcome.append(error)

    def _watch(self, event: events.Event) -> None:
        if isinstance(event, events.Progress):
            with self.sent:
                self.count = event.done
                self.said.append(event.item)
                self.sent.notify_all()

    def wait_for(self, count: int) -> None:
        with self.sent:
            assert self.sent.wait_for(lambda: self.count >= count, 30), self.outcome

    def end(self) -> object:
        self.stop.set()
        self.thread.join(30)
        (outcome,) = self.outcome
        return outcome


def test_a_bridge_moves_what_comes_until_it_is_stopped_and_a_drain_goes_on(ends):
    ends.put(numbered(3))
    bridge = Bridge(ends)
    bridge.wait_for(3)
    ends.put(["더"] * 40)
    bridge.wait_for(43)
    ran = bridge.end()
    assert not isinstance(ran, BaseException), ran
    assert moved(ran, ends)["sent"] == 43
    assert any("behind" in said for said in bridge.said)
    assert not ran.verified, "nothing is compared while consumers may run"

    ends.put(["마지막"])
    ran = ends.move.run()
    assert all(check.ok for check in ran.verified)
    assert moved(ran, ends)["existing"] == 43
    assert bodies_of(ends.arrived()) == Counter([*numbered(3), *["더"] * 40, "마지막"])


def test_a_bridge_that_is_to_end_when_the_source_is_empty_ends_and_compares(ends):
    ends.put(numbered(5))
    bridge = Bridge(ends, until_empty=True)
    bridge.thread.join(30)
    ran = bridge.end()
    assert not isinstance(ran, BaseException), ran
    assert all(check.ok for check in ran.verified)
    assert ran.verified
    assert bodies_of(ends.arrived()) == Counter(numbered(5))


def test_a_killed_bridge_leaves_its_knowledge_to_the_drain(ends):
    ends.put(numbered(40))
    ends.move.run_until_death("before delete", 5, mode="forward", lanes=1)
    ran = ends.move.run(lanes=1)
    assert bodies_of(ends.arrived()) == Counter(numbered(40)), "none twice: the death was between two batches"
    assert moved(ran, ends)["sent"] == 40


@pytest.fixture
def double(moto_server):
    with StrictSqs(moto_server.endpoint_url) as running:
        yield running


@pytest.fixture
def proxy(azurite):
    with AzureProxy(azurite.queue_endpoint) as running:
        yield running


def met(fault, times):
    """Wait until a fault was met so often."""
    deadline = time.monotonic() + 30
    while fault.seen < times and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert fault.seen >= times


def test_a_bridge_that_is_stopped_between_two_tries_ends_as_any_other(ends, double):
    ends.move = replace(ends.move, aws_endpoint=double.endpoint)
    down = double.faults.add(Fault("reset", "POST", "SendMessageBatch", times=1_000))
    ends.put(numbered(15))
    bridge = Bridge(ends, hidden_seconds=60)
    met(down, 2)
    ran = bridge.end()
    assert not isinstance(ran, BaseException), ran
    facts = moved(ran, ends)
    assert (facts["sent"], facts["held"]) == (0, 15)
    assert facts["perhaps_twice"] == 10, "the batch whose answers were lost"
    assert ends.left() == len(kept(ends)) == 15, "all are visible again"
    arrived = len(ends.arrived())
    assert arrived > 0
    double.faults.clear()
    assert all(check.ok for check in ends.move.run().verified)
    assert bodies_of(ends.arrived()) == Counter(numbered(15))


def test_a_bridge_that_is_stopped_before_sqs_has_answered_ends_as_any_other(ends, double):
    ends.move = replace(ends.move, aws_endpoint=double.endpoint)
    down = double.faults.add(Fault("reset", "POST", "GetQueueAttributes", times=1_000))
    ends.put(numbered(3))
    bridge = Bridge(ends)
    met(down, 2)
    ran = bridge.end()
    assert not isinstance(ran, BaseException), ran
    assert moved(ran, ends)["sent"] == 0
    assert ends.left() == len(kept(ends)) == 3
    double.faults.clear()
    assert all(check.ok for check in ends.move.run().verified)
    assert bodies_of(ends.arrived()) == Counter(numbered(3))


def test_a_bridge_that_was_killed_and_is_stopped_before_sqs_has_answered_says_so_with_5(ends, double):
    ends.put(numbered(40))
    ends.move.run_until_death("before delete", 5, mode="forward", lanes=1)
    ends.move = replace(ends.move, aws_endpoint=double.endpoint)
    down = double.faults.add(Fault("reset", "POST", "GetQueueAttributes", times=1_000))
    bridge = Bridge(ends, lanes=1)
    met(down, 2)
    error = bridge.end()
    assert isinstance(error, Partial), error
    assert "not yet deleted" in str(error)
    double.faults.clear()
    assert moved(ends.move.run(lanes=1), ends)["sent"] == 40
    assert bodies_of(ends.arrived()) == Counter(numbered(40))


def test_a_bridge_that_is_stopped_while_the_source_is_silent_says_so_with_5(ends, proxy):
    ends.move = replace(ends.move, queue_endpoint=proxy.endpoint)
    ends.put(numbered(3))
    bridge = Bridge(ends)
    bridge.wait_for(3)
    silent = proxy.faults.add(Fault("reset", "GET", "comp=metadata", times=1_000))
    met(silent, 2)
    error = bridge.end()
    assert isinstance(error, Partial)
    assert "did not answer" in error.message
    proxy.faults.clear()
    bridge = Bridge(ends, until_empty=True)
    bridge.thread.join(30)
    assert not isinstance(bridge.end(), BaseException)
    assert bodies_of(ends.arrived()) == Counter(numbered(3))


def test_more_bridges_than_threads_are_refused(ends, azurite, moto_server, tmp_path):
    second = new_ends(azurite, moto_server, tmp_path / "second")
    ends.move.targets[second.name] = second.url
    with pytest.raises(ConfigError, match="2 queues are to be forwarded, and workers is 1"):
        ends.move.run(mode="forward", workers=1)


@pytest.mark.parametrize(("rule", "groups"), [("queue", 1), ("message", 6), ("json:user", 2)])
def test_groups_of_a_fifo_queue(ends, rule, groups):
    ends.url = new_queue(ends.sqs, f"{ends.name}.fifo", FifoQueue="true", VisibilityTimeout="600")
    ends.move.targets[ends.name] = ends.url
    ends.put([f'{{"user": {number % 2}, "no": {number}}}' for number in range(6)])
    ends.move.run(fifo_group=rule)
    answer = ends.sqs.receive_message(QueueUrl=ends.url, MaxNumberOfMessages=10, AttributeNames=["All"])
    found = {message["Attributes"]["MessageGroupId"] for message in answer["Messages"]}
    assert len(found) == groups


def test_a_delay_hides_messages_on_the_target(ends):
    ends.put(numbered(2))
    ends.move.run(delay_seconds=900)
    asked = ends.sqs.get_queue_attributes(QueueUrl=ends.url, AttributeNames=["All"])["Attributes"]
    assert asked["ApproximateNumberOfMessagesDelayed"] == "2"
    fifo = new_queue(ends.sqs, f"{ends.name}.fifo", FifoQueue="true")
    ends.move.targets[ends.name] = fifo
    ends.put(["하나 더"])
    with pytest.raises(Refused, match="no delay per message"):
        ends.move.run(delay_seconds=900)
    assert ends.left() == 1


def test_base64_that_is_none_is_told(ends):
    ends.put([b64encode("문서".encode()).decode(), "그냥 글"])
    ran = ends.move.run(encoding="base64")
    assert {one["Body"] for one in ends.arrived()} == {"문서", "그냥 글"}
    assert {finding.code for finding in ran.findings} == {"queue.decoded", "queue.plain"}


@pytest.mark.parametrize(
    ("encoding", "told"), [("base64", {"queue.undecoded"}), ("auto", {"queue.undecoded"}), ("raw", set())]
)
def test_base64_that_has_to_stay_is_told_to_who_wished_it_decoded(ends, encoding, told):
    bell = b64encode(b"\x00bell").decode()
    ends.put([bell])
    ran = ends.move.run(encoding=encoding)
    assert [one["Body"] for one in ends.arrived()] == [bell]
    assert {finding.code for finding in ran.findings} == told
