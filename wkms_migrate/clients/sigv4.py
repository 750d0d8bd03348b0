"""Sign requests to AWS: Signature Version 4, for S3 with an unsigned payload.

There the body is covered by the checksum header, which is signed. Every other service wants the body's own hash.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wkms_migrate.clients.http_origin import Request

UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; `token` is set for temporary ones."""

    access_key: str
    secret_key: str
    token: str | None = None


def sigv4(
    current: Callable[[], Credentials], *, region: str, service: str, host: str
) -> Callable[[Request], Mapping[str, str]]:
    """Return a signer. `current` is asked at each request, so that temporary credentials can be renewed."""
    now = _clock()

    def sign(request: Request) -> Mapping[str, str]:
        credentials = current()
        payload = UNSIGNED if service == "s3" else hashlib.sha256(request.body).hexdigest()
        moment = now()
        headers = {**request.headers, "x-amz-date": moment, "x-amz-content-sha256": payload}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        scope = f"{moment[:8]}/{region}/{service}/aws4_request"
        canonical, names = canonical_request(request, {**headers, "host": host})
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        keyed = _keyed(credentials.secret_key, scope).copy()
        keyed.update(text.encode())
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={keyed.hexdigest()}"
        )
        return headers

    return sign


def _clock() -> Callable[[], str]:
    """Return a clock that writes the time as AWS wants it, anew each second."""
    last: tuple[int, str] = (0, "")

    def now() -> str:
        nonlocal last
        second = int(time.time())
        if second != last[0]:
            last = (second, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second)))
        return last[1]

    return now


def canonical_request(request: Request, headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the canonical request and the names of the signed headers: all of them, lower case, sorted."""
    lowered = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    names = sorted(lowered)
    query = sorted((_encoded(name), _encoded(value)) for name, value in request.query.items())
    signed = ";".join(names)
    return "\n".join(
        [
            request.method,
            request.target_path,
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{lowered[name]}" for name in names),
            "",
            signed,
            lowered["x-amz-content-sha256"],
        ]
    ), signed


def _encoded(text: str) -> str:
    return urllib.parse.quote(text, safe="-_.~")


@lru_cache(maxsize=8)  # a scope is of one day
def _keyed(secret: str, scope: str) -> hmac.HMAC:
    """Return an HMAC with the signing key, to be copied: made anew it costs several times what it hashes."""
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")
