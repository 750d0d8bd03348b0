"""What holds for every request: an id, one line of log, and errors that tell nothing of the inside."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import uuid

import aiomysql
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("wkms")
_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_UNAVAILABLE = (aiomysql.OperationalError, BotoCoreError, ClientError, TimeoutError, OSError)


class RequestLog:
    """Give every request an id, return it as X-Request-ID, and log one line: never bodies, queries or credentials."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = asked if _ID.fullmatch(asked) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        start, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            milliseconds = round((time.perf_counter() - start) * 1000, 1)
            _log.info(
                "request",
                extra={"id": request_id, "path": scope["path"], "status": status, "ms": milliseconds},
            )


def add_error_answers(app: FastAPI) -> None:
    """Answer every failure as a problem document (RFC 9457) with the request's id; the log has the rest."""

    async def known(request: Request, error: HTTPException) -> JSONResponse:
        return problem(request, error.status_code, str(error.detail), dict(error.headers or {}))

    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = ", ".join(sorted({str(detail["loc"][-1]) for detail in error.errors()}))
        return problem(request, 422, f"Not acceptable: {fields}.")

    async def unavailable(request: Request, error: Exception) -> JSONResponse:
        _log.error("a dependency failed", exc_info=error, extra={"id": _id(request)})
        return problem(request, 503, "A part of the system is not available.", {"Retry-After": "5"})

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        _log.error("unexpected failure", exc_info=error, extra={"id": _id(request)})
        return problem(request, 500, "Something went wrong.")

    app.add_exception_handler(HTTPException, known)  # type: ignore[arg-type] # the handler gets what it is named for
    app.add_exception_handler(RequestValidationError, invalid)  # type: ignore[arg-type]
    for kind in _UNAVAILABLE:
        app.add_exception_handler(kind, unavailable)
    app.add_exception_handler(Exception, unexpected)


def problem(request: Request, status: int, title: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem document."""
    body = {"type": "about:blank", "title": title, "status": status, "id": _id(request)}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))


class JsonLines(logging.Formatter):
    """One JSON object per line of log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        known = {name: getattr(record, name) for name in ("id", "path", "status", "ms") if hasattr(record, name)}
        line = {"at": self.formatTime(record), "level": record.levelname, "text": record.getMessage(), **known}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_log() -> None:
    """Send the application's log to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    _log.handlers = [handler]
    _log.setLevel(logging.INFO)
    _log.propagate = False
