"""Answers kept in Redis for a few seconds. Without Redis the application is slower, not wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from redis.exceptions import RedisError

from wkms import backends

_log = logging.getLogger("wkms")


async def kept(request: Request, key: str, seconds: int, make: Callable[[], Awaitable[Any]]) -> Any:
    """Return the kept answer of this release, or make and keep it. `Cache-Control: no-cache` asks for a fresh one."""
    held = backends.of(request)
    name = f"wkms:{held.settings.release}:{key}"
    fresh = "no-cache" in request.headers.get("cache-control", "")
    if not fresh and (text := await _asked(held.redis.get(name))) is not None:
        return json.loads(text)
    answer = await make()
    await _asked(held.redis.set(name, json.dumps(answer), ex=seconds))
    return answer


async def _asked(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except RedisError as error:
        _log.warning("cache is not available: %s", type(error).__name__)
        return None
