"""What goes in and out of the double: a request, a reply, and the service's way of saying no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request. `segments` is the decoded path without empty parts; header names are in lower case."""

    method: str
    segments: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return a header's value, or None."""
        return self.headers.get(name)

    def is_true(self, name: str) -> bool:
        """Say whether a header holds the word true."""
        return self.headers.get(name, "").lower() == "true"

    def json(self) -> Any:
        """Return the body as JSON; refuse with 400 what is none (NaN, lone surrogates and cut-off text included)."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise RefusalError(400, "BadRequest", f"The request body is not JSON: {error}.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP reply; `charge` is in request units."""

    status: int = 200
    body: bytes = b""
    charge: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusalError(Exception):
    """The service says no: an HTTP status, a code word, a message, and perhaps a sub-status and a wait in ms."""

    def __init__(
        self, status: int, code: str, message: str, *, substatus: int | None = None, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.substatus = substatus
        self.retry_after_ms = retry_after_ms

    def reply(self) -> Reply:
        """Return it as the service would send it."""
        headers = {}
        if self.substatus is not None:
            headers["x-ms-substatus"] = str(self.substatus)
        if self.retry_after_ms is not None:
            headers["x-ms-retry-after-ms"] = str(self.retry_after_ms)
        body = b"" if self.status == NOT_MODIFIED else orjson.dumps({"code": self.code, "message": self.message})
        return Reply(status=self.status, body=body, headers=headers)


NOT_MODIFIED = 304
