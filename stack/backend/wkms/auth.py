"""Deny by default: every path asks for the service's bearer token, unless it is one of the public ones."""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from wkms.http import problem

PUBLIC = frozenset({"/health", "/ready"})


class Guard:
    """Stand before all routes, so that a new one cannot be open by mistake."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the public paths and whoever holds the token through; nothing but HTTP is served at all."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and self._may_pass(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = problem(
                Request(scope), 401, "A valid bearer token is required.", {"WWW-Authenticate": 'Bearer realm="wkms"'}
            )
            await answer(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        if scope["path"] in PUBLIC:
            return True
        scheme, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given, self._token)
