from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients.azure_queue import Message
from wkms_migrate.phases.queue.mapping import ENCODING, ILLEGAL, letter_of, original, target_name

TEXTS = st.one_of(st.text(), st.binary().map(lambda data: b64encode(data).decode()), st.from_regex(r"[A-Za-z0-9+/=]*"))


def message(body: str) -> Message:
    return Message(id="1", receipt="r", body=body, inserted_on="then", expires_on="later", dequeue_count=3)


@given(TEXTS, st.sampled_from(["keep", "auto"]))
def test_every_body_comes_back_and_sqs_takes_what_is_sent(body, decode):
    letter = letter_of(message(body), decode)
    assert letter.body
    assert not ILLEGAL.search(letter.body)
    assert original(letter.body, letter.attributes[ENCODING]) == body


@given(TEXTS)
def test_keep_changes_no_body_that_sqs_can_hold(body):
    if body and not ILLEGAL.search(body):
        assert letter_of(message(body), "keep").body == body


@pytest.mark.parametrize(
    ("body", "decode", "sent", "encoding"),
    [
        ("안녕", "auto", "안녕", "text"),
        (b64encode("안녕".encode()).decode(), "auto", "안녕", "decoded"),
        (b64encode("안녕".encode()).decode(), "keep", b64encode("안녕".encode()).decode(), "base64"),
        (b64encode(b"\xff\xfe").decode(), "auto", b64encode(b"\xff\xfe").decode(), "text"),
        (b64encode(b"\x00bell").decode(), "auto", b64encode(b"\x00bell").decode(), "base64"),
        ("YWJ=", "auto", "YWJ=", "text"),  # bits are set that no encoder sets
        ("\x0b", "keep", b64encode(b"\x0b").decode(), "wrapped"),
        ("\ufffe", "keep", b64encode("\ufffe".encode()).decode(), "wrapped"),
        ("", "keep", " ", "empty"),
    ],
)
def test_bodies(body, decode, sent, encoding):
    letter = letter_of(message(body), decode)
    assert (letter.body, letter.attributes[ENCODING]) == (sent, encoding)


def test_a_poison_queue_goes_to_the_dead_letters_of_its_queue():
    assert target_name("notifications-poison") == "notifications-dlq"
    assert target_name("notifications") == "notifications"
