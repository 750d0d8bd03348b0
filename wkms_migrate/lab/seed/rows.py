"""The rows of the source database, in the order of the columns that `tables.py` names."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import TypeAlias

from wkms_migrate.lab.seed.chats import chat_sessions, messages
from wkms_migrate.lab.seed.draw import Draw
from wkms_migrate.lab.seed.library import documents
from wkms_migrate.lab.seed.people import departments, users
from wkms_migrate.lab.seed.scale import NOW, SEED, Scale, moment
from wkms_migrate.lab.seed.vocabulary import words

Value: TypeAlias = str | int | float | bytes | Decimal | date | datetime | None
Row: TypeAlias = tuple[Value, ...]

ZERO_DATE = "0000-00-00"
EXACT_DECIMALS = 40  # documents whose metadata hold DECIMAL and DATE values inside JSON
VERSIONS = 8
GRANTS = 12
LABELS = ("대외비", "개인정보", "법무검토", "보존", "전사공유")
RIGHTS = ("read", "read,write", "read,share", "read,write,share,delete")
ACTIONS = ("document.read", "document.read", "document.read", "document.download", "chat.ask", "login", "search")


def departments_rows(_: Scale) -> Iterator[Row]:
    """Yield the organisation chart; the company itself has id 0."""
    for one in departments():
        center = f"C{one.id:05d}" if one.id else None
        yield one.id, one.name, one.name_en, one.parent_id, center, Decimal(one.id) * Decimal("12345678.90"), NOW


def users_rows(scale: Scale) -> Iterator[Row]:
    """Yield the employees, some with a zero date for a hiring date that nobody knows."""
    for one in users(scale.users):
        draw = Draw(SEED, "account", one.id)
        roles = "reader,writer" if draw.chance(0.4) else "reader"
        yield (
            one.id,
            one.email,
            one.name,
            one.name_latin1,
            one.department_id,
            one.position,
            f"{roles},admin" if one.id == 1 else roles,
            one.hired_on or ZERO_DATE,
            draw.between(1962, 2004),
            Decimal(draw.between(0, 50)) / 2,
            int(one.is_active),
            sha256(f"{SEED}:{one.email}".encode()).digest(),
            one.last_login_at,
            NOW - timedelta(days=1_000),
        )


def documents_rows(scale: Scale) -> Iterator[Row]:
    """Yield one row per document and attachment, with the size and SHA-256 of its blob."""
    for one in documents(scale):
        draw = one.draw("row")
        content = one.content()
        exact = one.number <= EXACT_DECIMALS
        yield (
            one.number,
            one.title,
            one.topic.category,
            one.owner_id,
            one.department_id,
            one.container,
            one.blob_name,
            len(content),
            _metadata(one.title, draw),
            "1.10" if exact else None,
            ",".join(label for label in LABELS if draw.chance(0.15)),
            draw.below(4_096),
            sha256(content).digest(),
            Decimal(draw.between(-10_000, 10_000)) / 100,
            _float32(draw),
            -0.0 if one.number % 100 == 0 else draw.unit(),
            f"CAFÉ-{one.number:05d}" if one.number % 9 == 0 else None,
            one.created_at,
            one.created_at + timedelta(hours=draw.below(2_000)),
        )


def _metadata(title: str, draw: Draw) -> str:
    value = {
        "language": "en" if draw.chance(0.05) else "ko",
        "pages": draw.between(1, 80),
        "confidence": draw.unit(),
        "keywords": title.split()[:4],
        "출처": {"시스템": "그룹웨어", "판": f"3.{draw.below(30)}"},
        "icon": "📄",
        "reviewer": None,
        "memo": "",
    }
    return json.dumps(value, ensure_ascii=False)


def _float32(draw: Draw) -> float:
    """Return a number that a FLOAT column holds exactly, with more digits than its usual text form shows."""
    (exact,) = struct.unpack("<f", struct.pack("<f", draw.unit() * 100_000))
    return float(exact)


def document_versions_rows(scale: Scale) -> Iterator[Row]:
    """Yield one to eight versions of each document, some with a binary patch."""
    for one in documents(scale):
        draw = one.draw("versions")
        for version in range(1, draw.between(1, VERSIONS) + 1):
            reviewed = (NOW - timedelta(days=draw.below(1_500))).date()
            yield (
                one.number,
                version,
                draw.pick(users(scale.users)).id,
                words().fill(draw.pick(one.topic.facts), draw) if draw.chance(0.9) else None,
                ZERO_DATE if draw.chance(0.05) else reviewed,
                _time(draw),
                draw.between(1_000, 10_000_000),
                Draw(SEED, "patch", one.number, version).bytes(draw.below(400)) if draw.chance(0.3) else None,
                one.created_at + timedelta(days=version),
            )


def _time(draw: Draw) -> str:
    """Return a TIME(3); one in a hundred is the type's lower end."""
    return "-838:59:59.000" if draw.chance(0.01) else f"{draw.between(0, 23):02d}:{draw.between(0, 59):02d}:30.125"


def permissions_rows(scale: Scale) -> Iterator[Row]:
    """Yield who may do what; some rows are there twice."""
    for one in documents(scale):
        draw = one.draw("permissions")
        for grant in range(draw.between(1, GRANTS)):
            to_user = draw.pick(users(scale.users)).id if grant else None
            granted = one.created_at + timedelta(minutes=grant)
            row = (
                one.number,
                to_user,
                None if to_user else one.department_id,
                draw.pick(RIGHTS),
                one.owner_id,
                granted,
                NOW.replace(microsecond=0) + timedelta(days=365) if draw.chance(0.1) else None,
            )
            yield row
            if draw.chance(0.02):
                yield row  # without a key nothing stops a row from being there twice


def chat_sessions_rows(scale: Scale) -> Iterator[Row]:
    """Yield the conversations."""
    for one in chat_sessions(scale):
        ended = one.started_at + timedelta(minutes=5 * one.turns) if one.number % 11 else None
        yield one.id, one.user_id, one.title, one.channel, one.started_at, ended, one.turns


def chat_messages_rows(scale: Scale) -> Iterator[Row]:
    """Yield the messages, with ids in their order; the first few hold awkward text."""
    number = 0
    for session in chat_sessions(scale):
        for message in messages(session, scale):
            number += 1
            yield (
                number,
                session.id,
                message.role,
                AWKWARD_TEXTS.get(number, message.content),
                json.dumps([{"documentId": source} for source in message.sources]) if message.sources else None,
                message.tokens,
                message.latency_ms,
                0.20000000298023224 if message.role == "assistant" else None,
                message.created_at,
            )


def feedback_rows(scale: Scale) -> Iterator[Row]:
    """Yield ratings of answers."""
    answers = sum(session.turns for session in chat_sessions(scale))
    draw = Draw(SEED, "feedback")
    for _ in range(scale.feedback):
        # Answers have the even ids.
        created = moment(draw)
        yield (
            2 * draw.between(1, answers),
            draw.pick(users(scale.users)).id,
            -1 if draw.chance(0.05) else draw.between(1, 5),
            draw.pick(words().feedback) if draw.chance(0.6) else None,
            created.replace(microsecond=created.microsecond // 1_000 * 1_000),
        )


def audit_logs_rows(scale: Scale) -> Iterator[Row]:
    """Yield the audit trail; the first few rows hold the limits of each number type."""
    yield from _extremes()
    draw = Draw(SEED, "audit")
    for number in range(len(EXTREMES) + 1, scale.audit_logs + 1):
        action = draw.pick(ACTIONS)
        address = bytes((10, 1, draw.below(4), draw.below(256)))
        yield (
            number,
            moment(draw),
            None if draw.chance(0.02) else draw.between(1, scale.users),
            action,
            action.partition(".")[0],
            str(draw.between(1, scale.documents)),
            address if draw.chance(0.8) else b"\xfd\x00" + bytes(10) + address,
            f'{{"ok": true, "화면": "검색", "순위": {draw.between(1, 10)}}}' if draw.chance(0.5) else None,
            draw.between(-5, 5),
            number,
            draw.unit() * 1_000,
            draw.below(1_000) / 8,
            Decimal(draw.below(10**9)) / 1_000,
        )


def _extremes() -> Iterator[Row]:
    for number, (delta, counter, duration, score, amount) in enumerate(EXTREMES, 1):
        at = datetime(2023, 12, 31, 23, 59, 59, 999_999) if number % 2 else NOW  # noqa: DTZ001
        yield number, at, None, "limits", "시험", None, b"\x00" * number, None, delta, counter, duration, score, amount


AWKWARD_TEXTS = {
    1: "경로는 C:\\공유\\규정\\t 입니다.\t탭과\r\n줄바꿈,\x00 널과 \x1a 까지 '따옴표' \"큰따옴표\"",
    2: "",
    3: "\\N",
    4: "NULL",
    5: "\u1112\u1161\u11ab\u1100\u1173\u11af(NFD)과 한글(NFC), 👨‍👩‍👧‍👦 🇰🇷 𠮷",
    6: "긴 답변입니다. " * 5_000,
    7: "끝에 공백   ",
}
_MOST = Decimal("9999999999999999999999999999.9999999999")
EXTREMES = (
    (2**63 - 1, 2**64 - 1, 1.7976931348623157e308, 3.4028234663852886e38, _MOST),
    (-(2**63), 0, -0.0, -0.0, _MOST.copy_negate()),
    (0, 2**53 + 1, 2.2250738585072014e-308, 1.1754943508222875e-38, Decimal("0.0000000001")),
    (-1, 1, 0.1, 16777216.0, Decimal(0)),
    (1, 2**32, 1 / 3, 123456.7890625, Decimal("-1.1000000000")),
)
