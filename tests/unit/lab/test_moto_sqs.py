"""The quick clock of moto's SQS is the one that its messages ask, and tells the same time."""

from __future__ import annotations

from moto.core.utils import unix_time_millis
from moto.sqs import models

from wkms_migrate.lab import moto_sqs


def test_messages_ask_the_quick_clock_and_hide_and_show_as_before(monkeypatch):
    monkeypatch.setattr(models, "unix_time_millis", models.unix_time_millis)  # put back afterwards
    asked = []
    monkeypatch.setattr(moto_sqs, "_milliseconds", lambda: asked.append(1) or 5_000.0)
    moto_sqs.quicken()
    message = models.Message("id", "body")
    message.mark_sent(delay_seconds=2)
    assert message.sent_timestamp == 5_000
    assert message.delayed
    assert asked


def test_it_tells_the_same_time():
    before = unix_time_millis()
    assert before - 1 <= moto_sqs._milliseconds() <= unix_time_millis() + 1
