"""Tokens that take the place of a database password. They live for minutes, so each connection asks for one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from wkms_migrate.clients import entra_id, importing
from wkms_migrate.config import Aws
from wkms_migrate.errors import ConfigError

# What Azure Database for MySQL takes tokens for (Azure documentation, "Use Microsoft Entra ID with MySQL").
ENTRA_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"


def entra() -> Callable[[str], str]:
    """Return what gets tokens of Microsoft Entra ID; azure-identity keeps one while it is good."""
    credential = cache(entra_id.credential)

    def fetch(name: str) -> str:
        with importing:
            from azure.core.exceptions import AzureError

        try:
            return str(credential().get_token(ENTRA_SCOPE).token)
        except AzureError as error:
            raise ConfigError(
                f"No Microsoft Entra token could be had for {name}: {entra_id.reason(error)}",
                hint="Sign in with `az login`, or give this machine a managed identity.",
            ) from error

    return fetch


def iam(aws: Aws) -> Callable[[str], str]:
    """Return what signs tokens of AWS IAM, for `user@host:port`. Nothing is sent anywhere for it."""

    @cache
    def client() -> Any:
        from wkms_migrate.clients import aws as clients

        return clients.client(aws, "rds")

    def fetch(name: str) -> str:
        with importing:
            from botocore.exceptions import BotoCoreError

        user, _, address = name.rpartition("@")
        host, _, port = address.rpartition(":")
        try:
            return str(client().generate_db_auth_token(DBHostname=host, Port=int(port), DBUsername=user))
        except BotoCoreError as error:
            raise ConfigError(
                f"No IAM token could be signed for {name}: {error}",
                hint="Sign in with `aws sso login`, or correct aws.profile.",
            ) from error

    return fetch
