"""What SQS refuses, as its API reference says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

ALLOWED = re.compile("[\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
GROUP = re.compile(r"[!-~]{1,128}")
BATCH_BYTES = 1024 * 1024


class Refused(Exception):
    """A call that is refused as a whole; the first argument is the code."""


def check_batch(entries: list[dict[str, Any]]) -> None:
    if not entries:
        raise Refused("EmptyBatchRequest")
    if len(entries) > 10:
        raise Refused("TooManyEntriesInBatchRequest")
    ids = [entry["Id"] for entry in entries]
    if not all(ENTRY_ID.fullmatch(one) for one in ids):
        raise Refused("InvalidBatchEntryId")
    if len(set(ids)) != len(ids):
        raise Refused("BatchEntryIdsNotDistinct")
    if sum(size_of(entry) for entry in entries) > BATCH_BYTES:
        raise Refused("BatchRequestTooLong")


def size_of(entry: dict[str, Any]) -> int:
    total = len(entry["MessageBody"].encode())
    for name, value in entry.get("MessageAttributes", {}).items():
        total += len(name.encode()) + len(value["DataType"]) + len(value["StringValue"].encode())
    return total


def faults_of(entry: dict[str, Any], most_bytes: int, *, fifo: bool, replaces: bool) -> Iterator[str]:
    """Yield the codes for which an entry is refused."""
    body, attributes = entry["MessageBody"], entry.get("MessageAttributes", {})
    if not body:
        yield "MissingParameter"
    if not replaces and not ALLOWED.fullmatch(body):
        yield "InvalidMessageContents"
    if size_of(entry) > most_bytes:
        yield "InvalidParameterValue"
    if len(attributes) > 10 or any(not value["StringValue"] for value in attributes.values()):
        yield "InvalidParameterValue"
    yield from _order_faults_of(entry) if fifo else _delay_faults_of(entry)


def _order_faults_of(entry: dict[str, Any]) -> Iterator[str]:
    if not GROUP.fullmatch(entry.get("MessageGroupId", "")):
        yield "MissingParameter"
    if not GROUP.fullmatch(entry.get("MessageDeduplicationId", "")) or "DelaySeconds" in entry:
        yield "InvalidParameterValue"


def _delay_faults_of(entry: dict[str, Any]) -> Iterator[str]:
    if not 0 <= entry.get("DelaySeconds", 0) <= 900:
        yield "InvalidParameterValue"
