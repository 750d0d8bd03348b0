"""The AWS credentials of the configuration as a signer wants them: renewed before they end, read anew when they have.

botocore renews those of roles and sign-ins by itself. Those that stand in a file or a vault end at their moment, and
whoever looks after them puts new ones there.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wkms_migrate.clients import aws as aws_client
from wkms_migrate.clients.sigv4 import Credentials
from wkms_migrate.errors import ConfigError, Partial, WkmsError

if TYPE_CHECKING:
    from wkms_migrate.config import Aws

# What a service says of credentials that were good once (its page "Common error types").
ENDED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "RequestExpired",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)


class AwsKeys:
    """Callable that returns what to sign with now. Thread-safe. Raises `ConfigError` when there are no credentials."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._lock = threading.Lock()
        self._provider = _provider(aws)

    def __call__(self) -> Credentials:
        """Return the credentials of this moment."""
        return _frozen(self._provider)

    def renew(self, used: Credentials, error: WkmsError) -> None:
        """Read them again, because the service refused `used`. Raises `Partial` when they are still the same."""
        with self._lock:
            if self() != used:
                return  # another thread did
            for secret in (self._aws.access_key_id, self._aws.secret_access_key):
                if secret:
                    secret.renew()
            provider = _provider(self._aws)
            if _frozen(provider) == used:
                raise Partial(
                    f"{error.message} The AWS credentials have ended.",
                    hint="Sign in again (`aws sso login`) or put new credentials where the configuration takes them "
                    "from, then run the same command again: it goes on where it stopped.",
                ) from error
            self._provider = provider


@dataclass(frozen=True, slots=True)
class _Static:
    """Keys that stand in the configuration; they need no session, whose import takes as long as a short run."""

    access_key: str
    secret_key: str
    token: None = None

    def get_frozen_credentials(self) -> Self:
        """Answer as botocore's credentials do."""
        return self


def _provider(aws: Aws) -> Any:
    if aws.access_key_id and aws.secret_access_key:
        return _Static(aws.access_key_id.reveal(), aws.secret_access_key.reveal())
    found = aws_client.session(aws).get_credentials()
    if found is None:
        raise ConfigError(
            "No AWS credentials were found.",
            hint="Set aws.profile, or aws.access_key_id and aws.secret_access_key, or run on a machine with a role.",
        )
    return found


def _frozen(provider: Any) -> Credentials:
    frozen = provider.get_frozen_credentials()  # renews what is about to end
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)
