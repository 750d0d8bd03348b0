from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients.azure_queue import Message
from wkms_migrate.phases.queue.mapping import ENCODING, ILLEGAL, group_of, letter_of, original, target_name
from wkms_migrate.phases.queue.settings import QueueSettings

TEXTS = st.one_of(st.text(), st.binary().map(lambda data: b64encode(data).decode()), st.from_regex(r"[A-Za-z0-9+/=]*"))


def message(body: str, receipt: str = "r", tries: int = 3) -> Message:
    return Message(id="1", receipt=receipt, body=body, inserted_on="then", expires_on="later", dequeue_count=tries)


def letter(body: str, **settings):
    return letter_of(message(body), "q", QueueSettings(**settings))


@given(TEXTS, st.sampled_from(["raw", "base64", "auto"]))
def test_every_body_comes_back_and_sqs_takes_what_is_sent(body, encoding):
    made = letter(body, encoding=encoding)
    assert made.body
    assert not ILLEGAL.search(made.body)
    assert original(made.body, made.attributes[ENCODING]) == body


@given(TEXTS)
def test_raw_changes_no_body_that_sqs_can_hold(body):
    if body and not ILLEGAL.search(body):
        assert letter(body).body == body


@pytest.mark.parametrize(
    ("body", "policy", "sent", "encoding"),
    [
        ("안녕", "auto", "안녕", "text"),
        ("안녕", "base64", "안녕", "plain"),
        (b64encode("안녕".encode()).decode(), "auto", "안녕", "decoded"),
        (b64encode("안녕".encode()).decode(), "base64", "안녕", "decoded"),
        (b64encode("안녕".encode()).decode(), "raw", b64encode("안녕".encode()).decode(), "base64"),
        (b64encode(b"\xff\xfe").decode(), "auto", b64encode(b"\xff\xfe").decode(), "text"),
        (b64encode(b"\x00bell").decode(), "auto", b64encode(b"\x00bell").decode(), "base64"),
        (b64encode(b"\x00bell").decode(), "base64", b64encode(b"\x00bell").decode(), "base64"),
        ("YWJ=", "auto", "YWJ=", "text"),  # bits are set that no encoder sets
        ("\x0b", "raw", b64encode(b"\x0b").decode(), "wrapped"),
        ("\ufffe", "raw", b64encode("\ufffe".encode()).decode(), "wrapped"),
        ("", "raw", " ", "empty"),
    ],
)
def test_bodies(body, policy, sent, encoding):
    made = letter(body, encoding=policy)
    assert (made.body, made.attributes[ENCODING]) == (sent, encoding)


def test_a_queue_may_have_an_encoding_of_its_own():
    body = b64encode("안녕".encode()).decode()
    assert letter(body, encodings={"q": "base64"}).body == "안녕"
    assert letter(body, encoding="base64", encodings={"q": "raw"}).body == body


@pytest.mark.parametrize(("receipt", "tries"), [("r", 2), ("", 3)])
def test_our_own_taking_does_not_count_as_a_try(receipt, tries):
    made = letter_of(message("x", receipt), "q", QueueSettings())
    assert made.attributes["azure.dequeueCount"] == tries
    assert letter_of(message("x", "r", 0), "q", QueueSettings()).attributes["azure.dequeueCount"] == 0


@pytest.mark.parametrize(
    ("body", "rule", "group"),
    [
        ("x", "queue", ""),
        ("x", "message", "1"),
        ('{"user": 17}', "json:user", "17"),
        ('{"user": "김 철수"}', "json:user", "%ae40%20%cca0%c218"),
        ('{"user": "%ae40"}', "json:user", "%ae40"),
        ('{"other": 17}', "json:user", ""),
        ("[1]", "json:user", ""),
        ("not json", "json:user", ""),
    ],
)
def test_groups(body, rule, group):
    assert group_of("1", body, rule) == group


def test_a_poison_queue_goes_to_the_dead_letters_of_its_queue():
    assert target_name("notifications-poison") == "notifications-dlq"
    assert target_name("notifications") == "notifications"
