"""The environment of the application, made of settings and of what provision put out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from wkms_migrate.errors import ConfigError, NotKnownYet
from wkms_migrate.phases.deploy.settings import DeploySettings

if TYPE_CHECKING:
    from wkms_migrate.plan import Context
    from wkms_migrate.secret import SecretRef

CA_FILE = "certificates/mysql-ca.pem"
TOKEN_LENGTH = 32


def application(context: Context) -> dict[str, str]:
    """Return the variables of compose.yaml that do not depend on the release. It holds secrets.

    Raises `NotKnownYet` while provision is not done, `ConfigError` when a secret is missing or too short.
    """
    settings = context.section(DeploySettings)
    wkms: Mapping[str, Any] = context.output("provision", "wkms")
    database = settings.app_database
    token = required(settings.api_token, "api_token")
    if len(token) < TOKEN_LENGTH:
        raise ConfigError(
            f"The API token has {len(token)} characters, and {TOKEN_LENGTH} are the least.",
            hint="Make one with `openssl rand -hex 32`.",
        )
    return {
        "HTTP_PORT": str(settings.http_port),
        "API_TOKEN": token,
        "MYSQL_HOST": database.host or wkms["database"]["address"],
        "MYSQL_PORT": str(database.port or wkms["database"]["port"]),
        "MYSQL_USER": database.user,
        "MYSQL_PASSWORD": required(database.password, "app_database.password"),
        "MYSQL_DATABASE": database.name,
        "MYSQL_TLS": database.tls,
        "MYSQL_CA": f"/{CA_FILE}" if context.settings.aws.mysql.ca else "",
        "AWS_REGION": context.settings.aws.region,
        "BUCKETS": _json(wkms["buckets"]),
        "TABLES": _json(wkms["tables"]),
    }


def aws(settings: DeploySettings) -> dict[str, str]:
    """Return the variables of the AWS SDK: empty where the servers have a role and AWS is AWS."""
    keys = settings.app_credentials
    found = {
        "AWS_ENDPOINT_URL": settings.app_endpoint_url,
        "AWS_ACCESS_KEY_ID": keys.access_key_id.reveal() if keys.access_key_id else None,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key.reveal() if keys.secret_access_key else None,
    }
    return {name: value for name, value in found.items() if value}


def rendered(variables: Mapping[str, str]) -> str:
    """Return a .env file in which every value stands for itself, whatever characters it has.

    Compose reads double-quoted values with escapes and interpolation; a line break would end the value.
    """
    lines = []
    for name, value in sorted(variables.items()):
        if "\n" in value or "\r" in value:
            raise ConfigError(f"The value of {name} has a line break.", hint="Take a secret without line breaks.")
        lines.append(f'{name}="{value.translate(_ESCAPES)}"\n')
    return "".join(lines)


def required(secret: SecretRef | None, name: str) -> str:
    """Return the secret. Raises `ConfigError` when none is configured under phases.deploy.`name`."""
    if secret is None:
        raise ConfigError(f"phases.deploy.{name} is not set.", hint="Give it as a reference, e.g. env:WKMS_API_TOKEN.")
    return secret.reveal()


def known_yet(context: Context) -> bool:
    """Say whether provision's output is there."""
    try:
        context.output("provision", "wkms")
    except NotKnownYet:
        return False
    return True


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "$": "\\$"})
