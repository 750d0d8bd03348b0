"""How much there is of everything."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from wkms import backends
from wkms.cache import kept

router = APIRouter(prefix="/api/v1")

STATS_SECONDS = 30
_COUNTS = """
SELECT (SELECT COUNT(*) FROM departments) AS departments, (SELECT COUNT(*) FROM users) AS users,
       (SELECT COUNT(*) FROM documents) AS documents, (SELECT COUNT(*) FROM chat_sessions) AS chat_sessions,
       (SELECT COUNT(*) FROM chat_messages) AS chat_messages
"""


@router.get("/stats")
async def stats(request: Request) -> dict[str, Any]:
    """Return the number of rows of the main tables."""
    held = backends.of(request)

    async def read() -> dict[str, Any]:
        return (await held.rows(_COUNTS))[0]

    answer: dict[str, Any] = await kept(request, "stats", STATS_SECONDS, read)
    return answer
