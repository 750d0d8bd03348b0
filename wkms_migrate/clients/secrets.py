"""Secrets that live in the clouds' own vaults."""

from __future__ import annotations

import json

from wkms_migrate.clients import entra_id, importing
from wkms_migrate.config import Aws
from wkms_migrate.errors import ConfigError


def from_keyvault(name: str) -> str:
    """Return a secret of Azure Key Vault; `name` is `VAULT/SECRET`."""
    with importing:
        from azure.core.exceptions import AzureError
        from azure.keyvault.secrets import SecretClient

    vault, separator, secret = name.partition("/")
    if not separator:
        raise ConfigError(f"keyvault:{name} must be keyvault:VAULT/SECRET.")
    try:
        client = SecretClient(f"https://{vault}.vault.azure.net", entra_id.credential())
        return client.get_secret(secret).value or ""
    except AzureError as error:
        raise ConfigError(
            f"The secret keyvault:{name} cannot be read: {entra_id.reason(error)}",
            hint="Sign in with `az login`, and grant yourself the role Key Vault Secrets User on the vault.",
        ) from error


def from_secretsmanager(aws: Aws, name: str) -> str:
    """Return a secret of AWS Secrets Manager; `name` is its name or ARN.

    Of a secret that RDS manages, which is JSON with a user name beside it, this is the password
    (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html).
    """
    with importing:
        from botocore.exceptions import BotoCoreError, ClientError

    from wkms_migrate.clients import aws as clients

    try:
        found = clients.client(aws, "secretsmanager").get_secret_value(SecretId=name)
        return _password(str(found["SecretString"]))
    except (BotoCoreError, ClientError, KeyError) as error:
        raise ConfigError(
            f"The secret secretsmanager:{name} cannot be read: {error}",
            hint="Sign in with `aws sso login` or set AWS_PROFILE, and allow secretsmanager:GetSecretValue on it.",
        ) from error


def _password(secret: str) -> str:
    try:
        fields = json.loads(secret)
    except ValueError:
        return secret
    return str(fields["password"]) if isinstance(fields, dict) and "password" in fields else secret
