"""Sign requests to Azure Storage: Shared Key with an account key, or a bearer token from azure-identity.

Source: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from wkms_migrate.clients import entra_id, importing
from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from wkms_migrate.clients.http_origin import Request

API_VERSION = "2025-11-05"
SCOPE = "https://storage.azure.com/.default"
RENEW_SECONDS = 300.0  # how long before its end a token is renewed
SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def shared_key(account: str, key: str) -> Callable[[Request], Mapping[str, str]]:
    """Return a signer for an account key (base64, as Azure shows it)."""
    try:
        keyed = hmac.new(base64.b64decode(key, validate=True), digestmod="sha256")
    except ValueError as error:
        raise ConfigError(
            f"The key of storage account {account} is not base64.", hint="Copy the whole key, with its `==`."
        ) from error

    last: tuple[int, str] = (0, "")

    def now() -> str:
        nonlocal last
        second = int(time.time())
        if second != last[0]:
            last = (second, formatdate(second, usegmt=True))
        return last[1]

    def sign(request: Request) -> Mapping[str, str]:
        headers = {**request.headers, "x-ms-date": now(), "x-ms-version": API_VERSION}
        signature = keyed.copy()
        signature.update(string_to_sign(request, headers, account).encode())
        headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(signature.digest()).decode()}"
        return headers

    return sign


def string_to_sign(request: Request, headers: Mapping[str, str], account: str) -> str:
    """Return the text that the service signs too. `headers` are all that is sent but Host and Content-Length."""
    lowered = {name.lower(): value for name, value in headers.items()}
    lowered["content-length"] = str(len(request.body)) if len(request.body) else ""
    standard = [lowered.get(name, "") for name in SIGNED_HEADERS]
    own = [f"{name}:{lowered[name].strip()}" for name in sorted(lowered) if name.startswith("x-ms-")]
    query = [f"{name.lower()}:{request.query[name]}" for name in sorted(request.query, key=str.lower)]
    return "\n".join([request.method, *standard, *own, f"/{account}{request.target_path}", *query])


def bearer(credential: Any | None = None) -> Callable[[Request], Mapping[str, str]]:
    """Return a signer that asks azure-identity for a token, and again before it ends."""
    lock = threading.Lock()
    token: Any = None

    def current() -> str:
        nonlocal credential, token
        with lock:
            if credential is None:
                credential = entra_id.credential()
            if token is None or token.expires_on < time.time() + RENEW_SECONDS:
                token = _token(credential)
            return str(token.token)

    def sign(request: Request) -> Mapping[str, str]:
        return {**request.headers, "x-ms-version": API_VERSION, "Authorization": f"Bearer {current()}"}

    return sign


def _token(credential: Any) -> Any:
    with importing:
        from azure.core.exceptions import AzureError

    try:
        return credential.get_token(SCOPE)
    except AzureError as error:
        raise ConfigError(
            f"No Microsoft Entra token could be had for Azure Storage: {entra_id.reason(error)}",
            hint="Sign in with `az login`, or give this machine a managed identity; then run the same command again.",
        ) from error
