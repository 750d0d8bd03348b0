"""Answers of SQS that moto never gives: partial failures, wrong digests, throttling."""

from __future__ import annotations

import hashlib

import pytest
from botocore.exceptions import ClientError

from wkms_migrate import retry
from wkms_migrate.clients.sqs import Letter, SqsQueue
from wkms_migrate.errors import WkmsError


class Scripted:
    """A client whose answers are scripted per call; the last one goes on for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def send_message_batch(self, *, Entries, **_):  # noqa: N803 - the SDK's names
        self.asked.append([entry["MessageBody"] for entry in Entries])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(Entries)


def taken(entries):
    return {"Successful": [success(entry) for entry in entries]}


def success(entry):
    return {"Id": entry["Id"], "MD5OfMessageBody": hashlib.md5(entry["MessageBody"].encode()).hexdigest()}


def failing(*bodies, sender_fault):
    def answer(entries):
        good = [success(entry) for entry in entries if entry["MessageBody"] not in bodies]
        bad = [
            {"Id": entry["Id"], "Code": "InternalError", "SenderFault": sender_fault}
            for entry in entries
            if entry["MessageBody"] in bodies
        ]
        return {"Successful": good, "Failed": bad}

    return answer


def throttled(_):
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "SendMessageBatch")


def denied(_):
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessageBatch")


LETTERS = [Letter(key=f"k{name}", body=name) for name in "abc"]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(retry, "_jitter", lambda _: 0)


def send(*answers):
    client = Scripted(*answers)
    return SqsQueue(client, "https://sqs/1/q").send(LETTERS), client


def test_only_what_failed_is_sent_again():
    outcome, client = send(failing("b", sender_fault=False), taken)
    assert client.asked == [["a", "b", "c"], ["b"]]
    assert sorted(outcome.sent) == ["ka", "kb", "kc"]
    assert not outcome.waiting


def test_a_fault_of_the_sender_is_not_tried_again():
    outcome, client = send(failing("b", sender_fault=True))
    assert client.asked == [["a", "b", "c"]]
    assert outcome.sent == ["ka", "kc"]
    assert list(outcome.rejected) == ["kb"]


def test_giving_up_keeps_what_was_sent():
    outcome, client = send(failing("c", sender_fault=False))
    assert outcome.sent == ["ka", "kb"]
    assert list(outcome.waiting) == ["kc"]
    assert "InternalError" in outcome.reason
    assert len(client.asked) > 1


def test_throttling_is_waited_out():
    outcome, client = send(throttled, taken)
    assert sorted(outcome.sent) == ["ka", "kb", "kc"]
    assert len(client.asked) == 2


def test_a_refusal_of_the_whole_call_is_told():
    with pytest.raises(WkmsError, match="AccessDenied") as caught:
        send(denied)
    assert "sqs:SendMessage" in caught.value.hint


def test_a_body_that_was_changed_on_the_way_is_found():
    def altered(entries):
        return {"Successful": [{"Id": entry["Id"], "MD5OfMessageBody": "0" * 32} for entry in entries]}

    with pytest.raises(WkmsError, match="another text"):
        send(altered)
