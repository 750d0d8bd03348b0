"""Every remote call of the queue phase fails once in every way: it goes on and loses nothing, or it says what to do."""

from __future__ import annotations

import random
import re
import threading
import time
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_sqs import StrictSqs
from endpoints import AwsEndpoint, StorageAccount
from queue_ends import Ends, bodies_of, new_ends, numbered

from wkms_migrate.errors import VerificationFailed, WkmsError

pytestmark = pytest.mark.integration

# Method and a part of path and query, of every call that the phase makes.
AZURE_CALLS = {
    "list": ("GET", "comp=list"),
    "count": ("GET", "comp=metadata"),
    "receive": ("GET", "visibilitytimeout="),
    "peek": ("GET", "peekonly"),
    "delete": ("DELETE", "popreceipt"),
    "give back": ("PUT", "popreceipt"),
}
AWS_CALLS = {"ask": ("POST", "GetQueueAttributes"), "send": ("POST", "SendMessageBatch")}
PASSING = ("unavailable", "reset", "truncate")
FINAL = ("denied", "expired")
COPIES = {"peek", "give back"}  # calls that only a copy makes


@pytest.fixture
def ends(
    azurite: StorageAccount, moto_server: AwsEndpoint, proxy: AzureProxy, double: StrictSqs, tmp_path: Path
) -> Ends:
    made = new_ends(azurite, moto_server, tmp_path)
    made.move = replace(made.move, queue_endpoint=proxy.endpoint, aws_endpoint=double.endpoint)
    return made


def options(call):
    return {"mode": "copy" if call in COPIES else "drain", "lanes": 3}


def fault_for(call, kind, proxy, double):
    owner, (method, where) = (proxy, AZURE_CALLS[call]) if call in AZURE_CALLS else (double, AWS_CALLS[call])
    return owner.faults.add(Fault(kind, method, where))


def count_for(call):
    return 20 if call == "peek" else 45


def assert_moved(ends, call, ran):
    bodies = numbered(count_for(call))
    arrived = bodies_of(ends.arrived())
    assert set(arrived) == set(bodies)
    result = ran.state.outputs("queue")[f"drained/{ends.name}"]
    assert result["sent"] == len(bodies)
    assert arrived.total() <= len(bodies) + result["perhaps_twice"]
    assert result["perhaps_twice"] <= 10
    assert ends.left() == (len(bodies) if call in COPIES else 0)
    assert all(check.ok for check in ran.verified)


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("call", [*AZURE_CALLS, *AWS_CALLS])
def test_what_passes_is_tried_again(ends, proxy, double, call, kind):
    ends.put(numbered(count_for(call)))
    fault = fault_for(call, kind, proxy, double)
    ran = ends.move.run(**options(call))
    assert fault.times == 0, "the fault was met"
    assert_moved(ends, call, ran)


def test_a_send_whose_answer_was_lost_is_counted_as_perhaps_twice(ends, double):
    ends.put(numbered(12))
    double.faults.add(Fault("reset", "POST", "SendMessageBatch"))
    ran = ends.move.run()
    assert bodies_of(ends.arrived()).total() == 22
    assert ran.state.outputs("queue")[f"drained/{ends.name}"]["perhaps_twice"] == 10
    assert "queue.twice" in {finding.code for finding in ran.findings}


@pytest.mark.parametrize("kind", FINAL)
@pytest.mark.parametrize("call", [call for call in (*AZURE_CALLS, *AWS_CALLS) if call != "give back"])
def test_what_does_not_pass_stops_with_advice_and_the_next_run_goes_on(ends, proxy, double, call, kind):
    ends.put(numbered(count_for(call)))
    fault = fault_for(call, kind, proxy, double)
    with pytest.raises(WkmsError, match=r"403|refuses") as caught:
        ends.move.run(**options(call))
    assert "credentials" in caught.value.hint
    assert fault.times == 0
    assert_moved(ends, call, ends.move.run(**options(call)))


def test_a_storm_of_partial_failures_and_throttling_loses_nothing(ends, double):
    double.failed, double.throttled = 0.2, 0.1
    bodies = numbered(120)
    ends.put(bodies)
    ran = ends.move.run()
    arrived = bodies_of(ends.arrived())
    assert arrived == Counter(bodies), "what was refused was not stored, so nothing is there twice"
    assert double.counts["failed"] > 5
    assert ran.state.outputs("queue")[f"drained/{ends.name}"]["sent"] == 120


def test_one_batch_is_on_its_way_unless_more_are_allowed(ends, double):
    ends.put(numbered(90))
    ends.move.run(lanes=6)
    assert double.most_at_once == 1
    ends.put(numbered(90))
    ends.move.run(lanes=6, batches_in_flight=3)
    assert 1 < double.most_at_once <= 3
    ends.arrived()


def test_the_service_takes_everything_that_is_sent(ends, double):
    dice = random.Random(5)
    bodies = ["", "x" * 65_536, b64encode(bytes(dice.randbytes(40_000))).decode(), "\t끝\r\n", "가" * 21_000]
    ends.put(bodies)
    ends.move.run(encoding="auto")
    assert double.counts["failed"] == 0
    ends.arrived()


def test_a_service_that_alters_a_text_is_found_out_and_the_source_keeps_it(ends, double, monkeypatch):
    monkeypatch.setattr("doubles.strict_sqs.limits.ALLOWED", re.compile("[a-z]*"))
    double.replaces = True
    ends.put(["알림"])
    with pytest.raises(WkmsError, match="another text"):
        ends.move.run()
    assert ends.left() == 1


def test_one_refused_message_stays_and_the_others_go(ends, double):
    ends.sqs.set_queue_attributes(QueueUrl=ends.url, Attributes={"MaximumMessageSize": "1024"})
    ends.put([*numbered(11), "x" * 900])  # its attributes make it too long
    with pytest.raises(VerificationFailed, match="left on the source"):
        ends.move.run()
    assert ends.left() == 1
    assert double.counts["failed"] == 0, "it was not even sent"
    assert bodies_of(ends.arrived()) == Counter(numbered(11))


def test_the_double_refuses_what_moto_takes(moto_server, ends, double):
    client = boto3.client(
        "sqs",
        endpoint_url=double.endpoint,
        region_name=moto_server.region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    entries = [{"Id": "a", "MessageBody": "a\x0b"}, {"Id": "b", "MessageBody": "b"}]
    answer = client.send_message_batch(QueueUrl=ends.url, Entries=entries)
    assert [one["Code"] for one in answer["Failed"]] == ["InvalidMessageContents"]
    assert [one["Id"] for one in answer["Successful"]] == ["b"]
    with pytest.raises(client.exceptions.ClientError, match="BatchRequestTooLong"):
        client.send_message_batch(
            QueueUrl=ends.url, Entries=[{"Id": str(number), "MessageBody": "x" * 600_000} for number in range(2)]
        )


@pytest.mark.parametrize("kind", FINAL)
def test_what_cannot_be_shown_again_shows_by_itself(ends, proxy, kind):
    ends.put(numbered(45))
    fault = proxy.faults.add(Fault(kind, *AZURE_CALLS["give back"]))
    ran = ends.move.run(**options("give back"))
    assert fault.times == 0
    assert_moved(ends, "give back", ran)
    assert shown(ends, 45)


def shown(ends, count):
    """Wait until so many messages are visible, 32 of them at a look."""
    deadline = time.monotonic() + 30
    while len(ends.source.peek_messages(32)) < min(count, 32) and time.monotonic() < deadline:
        threading.Event().wait(0.2)
    return len(ends.source.peek_messages(32)) == min(count, 32)


@pytest.fixture
def poison(ends, azurite, moto_server, tmp_path):
    """A poison queue beside the test's own, so that there is a redrive policy to set."""
    made = new_ends(azurite, moto_server, tmp_path / "poison", f"{ends.name}-poison")
    ends.move.targets[made.name] = made.url
    made.put(["아무도 처리하지 못한 것"])
    return made


def policy_of(ends):
    return ends.sqs.get_queue_attributes(QueueUrl=ends.url, AttributeNames=["All"])["Attributes"].get("RedrivePolicy")


SET = ("POST", "SetQueueAttributes")


@pytest.mark.parametrize("kind", PASSING)
def test_a_redrive_policy_is_set_in_spite_of_what_passes(ends, double, poison, kind):
    fault = double.faults.add(Fault(kind, *SET))
    ran = ends.move.run(redrive="set")
    assert fault.times == 0
    assert f":{poison.name}" in policy_of(ends)
    assert "dead letters go to" in {check.check for check in ran.verified}


@pytest.mark.parametrize("kind", FINAL)
def test_a_redrive_policy_that_may_not_be_set_stops_with_advice_and_the_next_run_sets_it(ends, double, poison, kind):
    ends.put(numbered(3))
    fault = double.faults.add(Fault(kind, *SET))
    with pytest.raises(WkmsError, match=r"403|refuses") as caught:
        ends.move.run(redrive="set")
    assert "credentials" in caught.value.hint
    assert fault.times == 0
    assert policy_of(ends) is None
    ends.move.run(redrive="set")
    assert f":{poison.name}" in policy_of(ends)
    assert bodies_of(ends.arrived()) == Counter(numbered(3)), "the move itself is not made again"


def test_a_queue_that_is_deleted_meanwhile_is_told_and_nothing_is_lost(ends, double):
    ends.put(numbered(45))
    gone = double.faults.add(Fault("absent", "POST", "SendMessageBatch"))
    with pytest.raises(WkmsError, match="There is no SQS queue") as caught:
        ends.move.run(lanes=3)
    assert gone.times == 0
    assert "phase provision" in caught.value.hint
    assert_moved(ends, "send", ends.move.run(lanes=3))


def test_a_source_that_is_deleted_meanwhile_is_told(ends, proxy):
    ends.put(numbered(45))
    gone = proxy.faults.add(Fault("absent", *AZURE_CALLS["receive"]))
    with pytest.raises(WkmsError, match="404 QueueNotFound") as caught:
        ends.move.run(lanes=3)
    assert gone.times == 0
    assert "names" in caught.value.hint
    assert_moved(ends, "receive", ends.move.run(lanes=3))
