"""How an Azure message becomes an SQS message. Pure, and reversible: `original` gives the Azure body back."""

from __future__ import annotations

import base64
import json
import re

from wkms_migrate.clients.azure_queue import Message
from wkms_migrate.clients.sqs import Letter
from wkms_migrate.phases.queue.settings import Encoding, QueueSettings

POISON = "-poison"
DEAD_LETTER = "-dlq"
ENCODING = "azure.encoding"
TRIES = "azure.dequeueCount"
MOST_GROUP = 128  # characters of a message group id
# What SQS refuses in a body (its own page of SendMessage): control characters, surrogates, U+FFFE and U+FFFF.
ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_GROUP = re.compile(r"[^A-Za-z0-9!-/:-@\[-`{-~]")  # letters, digits and ASCII punctuation are


def target_name(queue: str) -> str:
    """Return the name under which provision puts out the queue that takes these messages."""
    return queue.removesuffix(POISON) + DEAD_LETTER if queue.endswith(POISON) else queue


def policy_of(queue: str, settings: QueueSettings) -> Encoding:
    """Return what is wished of the bodies of a queue."""
    return settings.encodings.get(queue, settings.encoding)


def letter_of(message: Message, queue: str, settings: QueueSettings) -> Letter:
    """Return the message as SQS is to hold it. Its tries do not count our own taking."""
    body, encoding = _body(message.body, policy_of(queue, settings))
    ours = 1 if message.receipt else 0
    return Letter(
        key=message.id,
        body=body,
        attributes={
            "azure.messageId": message.id,
            "azure.insertedOn": message.inserted_on,
            "azure.expiresOn": message.expires_on,
            TRIES: max(0, message.dequeue_count - ours),
            ENCODING: encoding,
        },
        group=group_of(message.id, body, settings.fifo_group),
        delay=settings.delay_seconds,
    )


def original(body: str, encoding: str) -> str:
    """Return the body that Azure held, from what SQS holds."""
    match encoding:
        case "empty":
            return ""
        case "wrapped":
            return base64.b64decode(body).decode("utf-8", "surrogatepass")
        case "decoded":
            return base64.b64encode(body.encode()).decode()
        case _:
            return body


def group_of(key: str, body: str, rule: str) -> str:
    """Return the message group on a FIFO queue; empty for the one group of the queue."""
    if rule == "message":
        return key
    if not rule.startswith("json:"):
        return ""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    value = document.get(rule.removeprefix("json:")) if isinstance(document, dict) else None
    if value is None:
        return ""
    return _NOT_IN_GROUP.sub(lambda found: f"%{ord(found[0]):x}", str(value))[:MOST_GROUP]


def _body(text: str, policy: Encoding) -> tuple[str, str]:
    """Return body and what became of it.

    text; base64 (kept); decoded; plain (was to be base64 and is not); wrapped (illegal characters); empty.
    """
    if not text:
        return " ", "empty"  # SQS takes no empty body
    if ILLEGAL.search(text):
        return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(), "wrapped"
    inner = _decoded(text)
    if inner is None:
        return text, "plain" if policy == "base64" else "text"
    if policy == "raw" or not inner or ILLEGAL.search(inner):
        return text, "base64"
    return inner, "decoded"


def _decoded(text: str) -> str | None:
    """Return the text inside strict base64 of UTF-8, or None when it is anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
        inner = raw.decode()
    except ValueError:
        return None
    # Spare bits that no encoder sets would not come back.
    return inner if base64.b64encode(raw).decode() == text else None
