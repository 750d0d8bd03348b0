"""The origin of an Azure Storage service, signed in as the configuration says: account key, SAS or Entra token.

A SAS travels in the query. When the service says that it has ended, its reference is read once more, so a new one that
was put into the file or the vault is taken up in the middle of a copy.
Source: https://learn.microsoft.com/rest/api/storageservices/create-account-sas
"""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from wkms_migrate.clients.http_origin import Origin, Request, ServiceError, Take
from wkms_migrate.clients.shared_key import API_VERSION, bearer, shared_key
from wkms_migrate.errors import ConfigError, Partial

if TYPE_CHECKING:
    from wkms_migrate.config import Storage
    from wkms_migrate.secret import SecretRef

T = TypeVar("T")
FORBIDDEN = 403
ENDED = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo"})


class SasOrigin(Origin):
    """An origin that puts the SAS into every request, and reads it anew when it has ended."""

    def __init__(self, name: str, endpoint: str, sas: SecretRef, stop: threading.Event | None) -> None:
        super().__init__(name, endpoint, _versioned, stop)
        self._sas = sas
        self._lock = threading.Lock()
        self._fields = fields(sas)

    def stream(self, request: Request, take: Take[T]) -> T:
        """Do as every origin does, and once more with a new SAS."""
        return self._signed_in(super().stream, request, take)

    def once(self, request: Request, take: Take[T]) -> T:
        """Do as every origin does, and once more with a new SAS."""
        return self._signed_in(super().once, request, take)

    def message(self, request: Request) -> bytes:
        """Do as every origin does, with the SAS."""
        return super().message(replace(request, query={**request.query, **self._fields}))

    def _signed_in(self, send: Callable[[Request, Take[T]], T], request: Request, take: Take[T]) -> T:
        used = self._fields
        try:
            return send(replace(request, query={**request.query, **used}), take)
        except ServiceError as error:
            if error.code not in ENDED and not (error.status == FORBIDDEN and _is_past(used)):
                raise
            self._renew(used, error)
        return send(replace(request, query={**request.query, **self._fields}), take)

    def _renew(self, used: Mapping[str, str], error: ServiceError) -> None:
        """Read the SAS again. Raises `Partial` when it is still the one that the service refused."""
        with self._lock:
            if self._fields is not used:
                return
            self._sas.renew()
            found = fields(self._sas)
            if found == used:
                raise Partial(
                    f"{error.message} The SAS {self._sas} {_end(used)}.",
                    hint=f"Put a new SAS into {self._sas} (rights: read, list; for blobs tags; for queues update, "
                    "process), then run the same command again: it goes on where it stopped.",
                ) from error
            self._fields = found


def origin(storage: Storage, name: str, endpoint: str, stop: threading.Event | None) -> Origin:
    """Return the origin of a service of this account."""
    if storage.sas:
        return SasOrigin(name, endpoint, storage.sas, stop)
    sign = shared_key(storage.account, storage.key.reveal()) if storage.key else bearer()
    return Origin(name, endpoint, sign, stop)


def fields(sas: SecretRef) -> Mapping[str, str]:
    """Read a SAS: the query alone, or a whole URL with it. Raises `ConfigError` when it is none."""
    _, _, query = sas.reveal().rpartition("?")
    found = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    if not {"sig", "sv"} <= found.keys():
        raise ConfigError(
            f"{sas} is not a SAS: it has no fields sv and sig.", hint="Copy the whole token, from `sv=` to the end."
        )
    return found


def is_narrow(sas: SecretRef | None) -> bool:
    """Say whether this is a SAS for one container or less, which may not list the account."""
    return sas is not None and "sr" in fields(sas)


def _versioned(request: Request) -> Mapping[str, str]:
    return {**request.headers, "x-ms-version": API_VERSION}


def _end(used: Mapping[str, str]) -> str:
    until = used.get("se", "")
    if _is_past(used):
        return f"ended at {until}"
    return f"is not accepted (it says it holds until {until})" if until else "is not accepted"


def _is_past(used: Mapping[str, str]) -> bool:
    try:
        end = datetime.fromisoformat(used.get("se", ""))
    except ValueError:
        return False
    return (end if end.tzinfo else end.replace(tzinfo=UTC)) <= datetime.now(UTC)
