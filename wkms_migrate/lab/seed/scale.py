"""How much of everything a seeded WKMS has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from wkms_migrate.errors import UsageError
from wkms_migrate.lab.seed.draw import Draw

SEED = 20260630
NOW = datetime(2026, 6, 30, 9, 0)  # noqa: DTZ001 - the data's own clock: DATETIME columns carry no zone
HISTORY = timedelta(days=3 * 365)

FACTORS = {"s": 1, "m": 5, "l": 20}
MAX_USERS = 300  # the company is allowed to grow, not to become another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Numbers of rows, blobs, items and messages."""

    users: int
    documents: int
    attachments: int
    large_files: int
    sessions: int
    feedback: int
    audit_logs: int
    cosmos_sessions: int
    settings: int
    indexing_messages: int
    notifications: int
    poison: int


def scale(name: str) -> Scale:
    """Return the scale `s`, `m` or `l`: about 200,000, 1 million and 4 million rows."""
    if name not in FACTORS:
        raise UsageError(f"There is no scale {name!r}.", hint=f"Choose one of {', '.join(FACTORS)}.")
    factor = FACTORS[name]
    return Scale(
        users=min(150 * factor, MAX_USERS),
        documents=850 * factor,
        attachments=145 * factor,
        large_files=factor,
        sessions=6_000 * factor,
        feedback=9_000 * factor,
        audit_logs=115_000 * factor,
        cosmos_sessions=750 * factor,
        settings=600 * factor,
        indexing_messages=380 * factor,
        notifications=110 * factor,
        poison=10 * factor,
    )


def moment(draw: Draw) -> datetime:
    """Return a moment of the last three years, to the microsecond."""
    return NOW - timedelta(microseconds=draw.below(int(HISTORY.total_seconds()) * 1_000_000))
