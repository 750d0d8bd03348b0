"""The items of the Cosmos containers."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from functools import cache
from struct import unpack
from typing import Any, TypeAlias

from wkms_migrate.lab.seed.chats import Session, chat_sessions, messages
from wkms_migrate.lab.seed.draw import Draw
from wkms_migrate.lab.seed.library import DOCUMENTS, Document, documents
from wkms_migrate.lab.seed.people import departments
from wkms_migrate.lab.seed.scale import SEED, Scale
from wkms_migrate.lab.seed.vocabulary import words

Item: TypeAlias = dict[str, Any]

DIMENSIONS = 256
CHUNKS = DOCUMENTS
CHAT = "chat"
SETTINGS = "settings"
DAY = 86_400
NEVER = -1
DEPTH = 40
LONG_REPEATS = 25_000
TOPIC_WEIGHT, NOISE_WEIGHT = 5, 3
DECIMALS = 10_000_000


def chunk_items(scale: Scale) -> Iterator[Item]:
    """Yield the pieces of text that the search index is made of, each with its vector."""
    for document in documents(scale):
        if document.container == DOCUMENTS:
            for number, text in enumerate(document.chunks(), 1):
                yield _chunk(document, number, text)


def _chunk(document: Document, number: int, text: str) -> Item:
    department = departments()[document.department_id]
    return {
        "id": f"doc-{document.number}-{number:03d}",
        "departmentId": str(department.id),
        "documentId": document.number,
        "chunk": number,
        "title": document.title,
        "text": text,
        "page": None if number == 1 else number // 2,
        "부서": department.name,
        "tags": [document.topic.name, document.topic.category],
        "acl": {"departments": [department.id], "public": number % 5 == 0},
        "blob": {"container": document.container, "name": document.blob_name},
        "note": "",
        "_type": "chunk",
        "embedding": vector(document.topic.name, f"{document.number}/{number}"),
    }


def vector(topic: str, name: str) -> list[float]:
    """Return a vector of length 1 near those of the same topic, in seven decimals."""
    noise = _noise(f"{topic}/{name}")
    mixed = [TOPIC_WEIGHT * base + NOISE_WEIGHT * other for base, other in zip(_direction(topic), noise, strict=True)]
    # Whole numbers up to here, so that no sum depends on its order; truncation is quicker than rounding.
    factor = DECIMALS / math.sqrt(sum(map(operator.mul, mixed, mixed)))
    return [int(value * factor) / DECIMALS for value in mixed]


@cache
def _direction(topic: str) -> tuple[int, ...]:
    return _noise(topic)


def _noise(name: str) -> tuple[int, ...]:
    return unpack(f"<{DIMENSIONS}h", Draw(SEED, "vector", name).bytes(2 * DIMENSIONS))


def chat_items(scale: Scale) -> Iterator[Item]:
    """Yield the newest conversations; a partition key holds one."""
    for session in chat_sessions(scale):
        if session.number >= scale.sessions - scale.cosmos_sessions:
            yield from _conversation(session, scale)


def _conversation(session: Session, scale: Scale) -> Iterator[Item]:
    key = {"userId": str(session.user_id), "sessionId": session.id}
    yield key | {
        "id": "session",
        "type": "session",
        "title": session.title,
        "channel": session.channel,
        "startedAt": session.started_at.isoformat() + "Z",
        "turns": session.turns,
    }
    for number, message in enumerate(messages(session, scale), 1):
        yield key | {
            "id": f"message-{number:04d}",
            "type": "message",
            "role": message.role,
            "content": message.content,
            "sources": [{"documentId": source} for source in message.sources],
            "latencyMs": message.latency_ms,
            "createdAt": message.created_at.isoformat() + "Z",
        }


def settings_items(scale: Scale) -> Iterator[Item]:
    """Yield settings of users, some of which expire, and a few items at the limits of what a target takes."""
    draw = Draw(SEED, "settings")
    for number in range(1, scale.settings - len(_LIMITS) + 1):
        item: Item = {
            "id": f"user-{number:05d}-설정",
            "userId": str(number),
            "theme": draw.pick(("light", "dark")),
            "language": "ko",
            "pageSize": draw.pick((10, 20, 50)),
            "favorites": [draw.pick(words().topics).name for _ in range(draw.below(4))],
            "threshold": round(draw.unit(), 2),
            "beta": draw.chance(0.2),
        }
        if number % 3 == 0:
            item["ttl"] = NEVER if number % 2 else draw.between(180, 720) * DAY
        yield item
    yield from _LIMITS


def _nested(levels: int) -> Item:
    return {"단계": _nested(levels - 1)} if levels else {"끝": "바닥"}


_LIMITS: tuple[Item, ...] = (
    {"id": "limits-numbers", "huge": 1.5e200, "tiny": 1e-200, "minusZero": -0.0, "exact": 2**53 - 1, "tenth": 0.1},
    {"id": "limits-depth", "value": _nested(DEPTH)},
    {"id": "limits-size", "text": "규정 전문입니다. " * LONG_REPEATS},
    {"id": "limits-empty", "text": "", "list": [], "map": {}, "nothing": None, "nested": [[], [None, ""]]},
)
