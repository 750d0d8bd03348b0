"""Master-key signatures, as the REST reference of the service describes them."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import unquote

from wkms_migrate.lab.cosmos_double.message import RefusalError, Request


def check(request: Request, key: bytes) -> None:
    """Refuse a request that is not signed with the account's key (401)."""
    given = unquote(request.header("authorization") or "")
    kind, _, rest = given.partition("&ver=1.0&sig=")
    if kind != "type=master" or not rest:
        raise RefusalError(401, "Unauthorized", "The double takes master-key signatures only; none was sent.")
    if not any(hmac.compare_digest(rest, signature(request, key, link)) for link in _links(request.segments)):
        raise RefusalError(
            401,
            "Unauthorized",
            "The input authorization token can't serve the request: it is not signed with this account's key.",
        )


def signature(request: Request, key: bytes, link: str) -> str:
    """Return the signature that this request should carry when it speaks of its resource by `link`."""
    kind = request.segments[-1 if len(request.segments) % 2 else -2] if request.segments else ""
    text = f"{request.method.lower()}\n{kind}\n{link}\n{(request.header('x-ms-date') or '').lower()}\n\n"
    return base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()


def _links(segments: tuple[str, ...]) -> tuple[str, str]:
    """Return the two links that may be signed: the path by names, or the last resource id on it in lower case.

    A feed is signed by its parent: what its path holds before the kind of resource.
    """
    signed = segments[: len(segments) - len(segments) % 2]
    return "/".join(signed), signed[-1].lower() if signed else ""
