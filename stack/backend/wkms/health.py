"""`/health`: this process answers. `/ready`: so does everything behind it."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import anyio
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from wkms import backends

router = APIRouter()
Check: TypeAlias = Callable[[], Awaitable[Any]]

PATIENCE_SECONDS = 1.0
_log = logging.getLogger("wkms")


@router.get("/health")
async def health(request: Request) -> dict[str, str]:
    """Answer without touching anything."""
    return {"status": "ok", "release": request.app.state.settings.release}


@router.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """Ask every dependency at the same time; 503 when one of them fails or takes longer than a second."""
    held = backends.of(request)
    settings = held.settings
    checks: dict[str, Check] = {
        "mysql": lambda: held.rows("SELECT 1"),
        "redis": held.redis.ping,
        "s3": lambda: held.blocking(held.s3.head_bucket, Bucket=settings.buckets["documents"]),
        "dynamodb": lambda: held.blocking(held.dynamodb.describe_table, TableName=settings.tables["chat"]),
    }
    report: dict[str, dict[str, Any]] = {}
    async with anyio.create_task_group() as group:
        for name, check in checks.items():
            group.start_soon(_ask, name, check, report)
    ok = all(entry["ok"] for entry in report.values())
    body = {
        "status": "ready" if ok else "not ready",
        "release": settings.release,
        "dependencies": {name: report[name] for name in checks},
    }
    return JSONResponse(body, 200 if ok else 503)


async def _ask(name: str, check: Check, report: dict[str, dict[str, Any]]) -> None:
    start = time.perf_counter()
    ok = False
    try:
        with anyio.fail_after(PATIENCE_SECONDS):
            await check()
        ok = True
    except Exception as error:  # noqa: BLE001 - whatever it is, this dependency is not ready, and the log says why
        _log.warning("%s is not ready: %s: %s", name, type(error).__name__, error)
    report[name] = {"ok": ok, "ms": round((time.perf_counter() - start) * 1000, 1)}
