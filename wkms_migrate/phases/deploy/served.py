"""What the deployed stack answers over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from wkms_migrate.errors import TransientError, WkmsError

TIMEOUT_SECONDS = 10


def get(url: str, token: str = "", *, accept: frozenset[int] = frozenset({HTTPStatus.OK})) -> Mapping[str, Any]:
    """Return the JSON answer of one GET. Raises `TransientError` when nothing answers, or the proxy says to wait."""
    headers = {"Accept": "application/json", "Cache-Control": "no-cache"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the URL is the operator's own
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return _decoded(url, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
        if error.code in accept:
            return _decoded(url, body)
        hint = "`docker compose logs` in /opt/wkms/current on the server tells more."
        if error.code in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}:
            raise TransientError(f"{url} answers {error.code}.", hint=hint) from error
        raise WkmsError(f"{url} answers {error.code}.", hint=hint) from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise TransientError(
            f"{url} does not answer: {reason}.", hint="Check the security group and phases.deploy.url."
        ) from error


def _decoded(url: str, body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise WkmsError(f"{url} does not answer in JSON.", hint="Is something else listening there?") from error
    if not isinstance(answer, dict):
        raise WkmsError(f"{url} answers something else than an object.", hint="Is something else listening there?")
    return answer
