"""What the double does on demand besides serving: a seeded storm of 429s, and counts of what was asked of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from wkms_migrate.lab.cosmos_double.message import RefusalError

SUBSTATUS: Final = 3200


@dataclass(slots=True, kw_only=True)
class Storm:
    """Refuse a share (`rate`, 0 to 1) of the requests on items, at most `limit` of them, in an order set by `seed`."""

    rate: float = 0.0
    seed: int = 0
    retry_after_ms: int = 10
    limit: int | None = None
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def strike(self) -> None:
        """Refuse with 429 when it is this request's turn."""
        if self.limit == 0 or self._dice.random() >= self.rate:
            return
        if self.limit is not None:
            self.limit -= 1
        raise RefusalError(
            429,
            "TooManyRequests",
            "The request rate is large. More request units may be needed.",
            substatus=SUBSTATUS,
            retry_after_ms=self.retry_after_ms,
        )


@dataclass(slots=True)
class Counters:
    """How many requests came, by kind; how many of them changed something; how many were throttled; units charged."""

    requests: Counter[str] = field(default_factory=Counter)
    mutating: int = 0
    throttled: int = 0
    charge: float = 0.0

    def as_json(self) -> dict[str, object]:
        """Return the counts as plain values."""
        return {
            "requests": dict(self.requests),
            "total": self.requests.total(),
            "mutating": self.mutating,
            "throttled": self.throttled,
            "charge": round(self.charge, 2),
        }
