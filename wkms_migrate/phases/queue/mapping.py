"""How an Azure message becomes an SQS message. Pure, and reversible: `original` gives the Azure body back."""

from __future__ import annotations

import base64
import re
from typing import Literal

from wkms_migrate.clients.azure_queue import Message
from wkms_migrate.clients.sqs import Letter

POISON = "-poison"
DEAD_LETTER = "-dlq"
ENCODING = "azure.encoding"
# What SQS refuses in a body (its own page of SendMessage): control characters, surrogates, U+FFFE and U+FFFF.
ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def target_name(queue: str) -> str:
    """Return the name under which provision puts out the queue that takes these messages."""
    return queue.removesuffix(POISON) + DEAD_LETTER if queue.endswith(POISON) else queue


def letter_of(message: Message, decode: Literal["keep", "auto"]) -> Letter:
    """Return the message as SQS is to hold it."""
    body, encoding = _body(message.body, decode)
    return Letter(
        key=message.id,
        body=body,
        attributes={
            "azure.messageId": message.id,
            "azure.insertedOn": message.inserted_on,
            "azure.expiresOn": message.expires_on,
            "azure.dequeueCount": message.dequeue_count,
            ENCODING: encoding,
        },
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


def _body(text: str, decode: Literal["keep", "auto"]) -> tuple[str, str]:
    """Return body and encoding: text, base64 (kept), decoded, wrapped (illegal characters) or empty."""
    if not text:
        return " ", "empty"  # SQS takes no empty body
    if ILLEGAL.search(text):
        return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(), "wrapped"
    inner = _decoded(text)
    if inner is None:
        return text, "text"
    if decode == "keep" or not inner or ILLEGAL.search(inner):
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
