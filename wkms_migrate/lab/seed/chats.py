"""Conversations with the chat bot; the newest of them live in Cosmos DB too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from wkms_migrate.lab.seed.draw import Draw
from wkms_migrate.lab.seed.people import users
from wkms_migrate.lab.seed.scale import SEED, Scale, moment
from wkms_migrate.lab.seed.vocabulary import Topic, words

MAX_TURNS = 9
CHANNELS = ("web", "web", "web", "mobile", "teams")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A conversation of `turns` questions, each with its answer."""

    number: int
    id: str
    user_id: int
    topic: Topic
    channel: str
    started_at: datetime
    turns: int

    @property
    def title(self) -> str:
        """The first question, as the list of conversations shows it."""
        return f"{self.topic.name}: {self.topic.questions[self.number % len(self.topic.questions)][0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One side of a turn. `sources` are ids of documents."""

    role: str
    content: str
    sources: tuple[int, ...]
    tokens: int
    latency_ms: float | None
    created_at: datetime


def chat_sessions(scale: Scale) -> Iterator[Session]:
    """Yield every conversation."""
    for number in range(scale.sessions):
        draw = Draw(SEED, "session", number)
        yield Session(
            number=number,
            id=str(uuid.UUID(bytes=draw.bytes(16), version=4)),
            user_id=draw.pick(users(scale.users)).id,
            topic=draw.pick(words().topics),
            channel=draw.pick(CHANNELS),
            started_at=moment(draw),
            turns=draw.between(1, MAX_TURNS),
        )


def messages(session: Session, scale: Scale) -> Iterator[Message]:
    """Yield question and answer in turn."""
    draw = Draw(SEED, "messages", session.number)
    at = session.started_at
    for turn in range(session.turns):
        question, answer = session.topic.questions[(session.number + turn) % len(session.topic.questions)]
        at += timedelta(seconds=draw.between(5, 240), microseconds=draw.below(1_000_000))
        yield Message(role="user", content=question, sources=(), tokens=len(question), latency_ms=None, created_at=at)
        grounds = words().prose(session.topic, draw, draw.between(0, 2))
        text = f"{answer}\n\n> {grounds} [1]" if grounds else answer
        latency = 400 + draw.unit() * 2_600
        at += timedelta(milliseconds=int(latency))
        yield Message(
            role="assistant",
            content=text,
            sources=tuple(draw.between(1, scale.documents) for _ in range(draw.between(1, 3))),
            tokens=len(text),
            latency_ms=latency,
            created_at=at,
        )
