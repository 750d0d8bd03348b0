"""Secrets by reference: read when they are needed, never printed, never part of a dump of the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationInfo
    from pydantic_core import CoreSchema

REDACTED = "********"
SCHEMES = ("env", "file", "keyvault", "secretsmanager")
TOKENS = ("entra", "iam")  # short-lived: read anew at each use; made by the settings, never written by people
Fetch = Callable[[str], str]


class SecretRef:
    """Where a secret is: `env:NAME`, `file:PATH`, `keyvault:VAULT/NAME` or `secretsmanager:ID`.

    Prints as the reference. `reveal` reads the secret once and keeps it, so that it can be cleaned out of whatever
    is shown later; a token (`entra:` or `iam:` and `USER@HOST:PORT`) is read each time.
    """

    __slots__ = ("_fetchers", "_value", "reference")

    def __init__(self, reference: str, fetchers: Mapping[str, Fetch] | None = None) -> None:
        scheme, separator, name = reference.partition(":")
        if scheme not in (*SCHEMES, *TOKENS) or not separator or not name:
            raise ValueError(
                "must be a reference, not the secret itself: "
                "env:NAME, file:PATH, keyvault:VAULT/NAME or secretsmanager:ID"
            )
        self.reference = reference
        self._fetchers = {} if fetchers is None else fetchers  # may be filled later
        self._value: str | None = None

    def reveal(self) -> str:
        """Return the secret. Raises `ConfigError` naming the reference, never the value."""
        if self._value is None or self.reference.startswith(tuple(f"{scheme}:" for scheme in TOKENS)):
            self._value = self._read()
        return self._value

    def renew(self) -> None:
        """Read the secret again, because the one that was read is not accepted any more."""
        self._value = self._read()

    @property
    def known(self) -> str | None:
        """The secret if it was revealed before, for redaction only."""
        return self._value

    def _read(self) -> str:
        scheme, _, name = self.reference.partition(":")
        if scheme == "env":
            value = os.environ.get(name, "")
        elif scheme == "file":
            value = self._from_file(Path(name))
        elif scheme in self._fetchers:
            value = self._fetchers[scheme](name)
        else:
            raise ConfigError(f"Nothing here can read {self.reference}.")
        if not value:
            raise ConfigError(
                f"The secret {self.reference} is empty or not set.", hint="Set it, or correct the reference."
            )
        return value

    def _from_file(self, path: Path) -> str:
        try:
            return path.expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"The secret {self.reference} cannot be read: {error.strerror}.", hint="Write it there, mode 0600."
            ) from error

    def __str__(self) -> str:
        return self.reference

    def __repr__(self) -> str:
        return f"SecretRef({self.reference!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretRef) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept the reference as text; dump it as text."""
        from pydantic_core import core_schema

        return core_schema.with_info_plain_validator_function(
            cls._validated, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _validated(cls, value: object, info: ValidationInfo) -> SecretRef:
        if isinstance(value, SecretRef):
            return value
        if not isinstance(value, str):
            raise ValueError("must be text, e.g. env:NAME")  # noqa: TRY004 - pydantic reports ValueError only
        return cls(value, (info.context or {}).get("fetchers"))


def redacted(text: str, secrets: Iterable[SecretRef]) -> str:
    """Return the text without any of these secrets that were read so far."""
    for secret in secrets:
        if secret.known and secret.known in text:
            text = text.replace(secret.known, REDACTED)
    return text
