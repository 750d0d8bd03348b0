"""Answers of SQS that moto never gives: partial failures, wrong digests, throttling."""

from __future__ import annotations

import hashlib

import pytest

from wkms_migrate import retry
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.clients.sqs import Letter, Reply, SqsQueue, attributes_digest
from wkms_migrate.errors import TransientError, WkmsError


class Scripted:
    """A service whose answers are scripted per call; the last one goes on for ever."""

    def __init__(self, *answers, tries=1):
        self.answers = list(answers)
        self.tries = tries
        self.asked = []

    def __call__(self, _operation, wanted):
        entries = wanted["Entries"]
        self.asked.append([entry["MessageBody"] for entry in entries])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Reply(answer(entries), self.tries)


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


def lost(_):
    raise TransientError("SQS: POST / broke off")


def expired(_):
    raise ServiceError("SQS answered 403 ExpiredToken", status=403, code="ExpiredToken")


LETTERS = [Letter(key=f"k{name}", body=name) for name in "abc"]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(retry, "_jitter", lambda _: 0)


def send(*answers, name="q", tries=1):
    client = Scripted(*answers, tries=tries)
    return SqsQueue(client, f"https://sqs/1/{name}").send(LETTERS), client


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


def test_a_call_that_is_given_up_leaves_everything_waiting_and_is_not_made_again():
    outcome, client = send(lost)
    assert list(outcome.waiting) == ["ka", "kb", "kc"]
    assert "broke off" in outcome.reason
    assert len(client.asked) == 1


def test_a_refusal_of_the_whole_call_is_told():
    with pytest.raises(WkmsError, match="ExpiredToken"):
        send(expired)


@pytest.mark.parametrize(("name", "tries", "repeated"), [("q", 1, 0), ("q", 2, 3), ("q.fifo", 2, 0)])
def test_a_try_after_a_lost_answer_may_repeat_what_the_first_sent(name, tries, repeated):
    outcome, _ = send(taken, name=name, tries=tries)
    assert outcome.repeated == repeated


def test_an_answer_that_forgets_a_message_is_no_success():
    outcome, client = send(lambda entries: taken(entries[:1]))
    assert len(client.asked) >= 3, "what it forgot is sent again, one by one"
    assert sorted(outcome.sent) == ["ka", "kb", "kc"]


def test_fifo_entries_carry_group_and_deduplication_and_others_a_delay():
    entries = []
    letter = Letter(key="k", body="b", group="g", delay=9)

    def keep(given):
        entries.extend(given)
        return taken(given)

    SqsQueue(Scripted(keep), "https://sqs/1/q").send([letter])
    SqsQueue(Scripted(keep), "https://sqs/1/q.fifo").send([letter])
    standard, fifo = entries
    assert standard["DelaySeconds"] == 9
    assert "MessageGroupId" not in standard
    assert (fifo["MessageGroupId"], fifo["MessageDeduplicationId"]) == ("g", "k")
    assert "DelaySeconds" not in fifo


def test_the_digest_of_attributes_is_that_of_the_service():
    # Computed by moto for the same attributes.
    assert attributes_digest({"azure.b": 3, "azure.a": "김"}) == "1770de6400bb79231a24cbeb6dff228b"


def test_a_body_that_was_changed_on_the_way_is_found():
    def altered(entries):
        return {"Successful": [{"Id": entry["Id"], "MD5OfMessageBody": "0" * 32} for entry in entries]}

    with pytest.raises(WkmsError, match="another text"):
        send(altered)
