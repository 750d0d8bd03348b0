"""The messages that wait in the queues."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

from wkms_migrate.lab.seed.draw import Draw
from wkms_migrate.lab.seed.library import documents
from wkms_migrate.lab.seed.people import users
from wkms_migrate.lab.seed.scale import SEED, Scale
from wkms_migrate.lab.seed.vocabulary import words

INDEXING = "document-indexing"
NOTIFICATIONS = "notifications"
POISON = "notifications-poison"
DELAYED = 3
DELAY_SECONDS = 20
AWKWARD_BODIES = (
    '<알림 종류="긴급">A & B > C</알림>',
    " 앞뒤에 공백이 있는 알림 ",
    "여러 줄\n알림\t탭 🎉",
    '{"깨진": json',
    "YWJj",  # looks like base64, is the word that someone typed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as it is put: its queue, its body on the wire, and for how many seconds nobody sees it."""

    queue: str
    body: str
    hidden: int = 0


def letters(scale: Scale) -> Iterator[Letter]:
    """Yield every message: base64 ones as the old SDK wrote them, raw ones, and those that nobody could handle."""
    for number, document in enumerate(islice(cycle(documents(scale)), scale.indexing_messages)):
        event = {
            "event": "document.updated" if number % 4 else "document.created",
            "documentId": document.number,
            "container": document.container,
            "blobName": document.blob_name,
            "requestedBy": document.owner_id,
        }
        yield Letter(queue=INDEXING, body=b64encode(json.dumps(event, ensure_ascii=False).encode()).decode())
    for number in range(scale.notifications):
        hidden = DELAY_SECONDS if number < DELAYED else 0
        yield Letter(queue=NOTIFICATIONS, body=_notification(number, scale), hidden=hidden)
    for number in range(scale.poison):
        yield Letter(queue=POISON, body=_notification(-1 - number, scale))


def _notification(number: int, scale: Scale) -> str:
    if 0 <= number - DELAYED < len(AWKWARD_BODIES):
        return AWKWARD_BODIES[number - DELAYED]
    draw = Draw(SEED, "notification", number)
    value = {"to": draw.pick(users(scale.users)).email, "text": draw.pick(words().notices), "retry": draw.below(3)}
    return json.dumps(value, ensure_ascii=False)
