"""What the environment tells the backend. Nothing has a default that would be wrong in production."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

TOKEN_LENGTH = 32
_TLS = ("verify", "verify-ca", "required", "off")


class SettingsError(ValueError):
    """The environment is incomplete or unsafe; the message names every variable at fault."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """Checked settings. Not printable: it holds secrets."""

    release: str
    api_token: str
    mysql_host: str
    mysql_port: int
    mysql_user: str
    mysql_password: str
    mysql_database: str
    mysql_tls: str
    mysql_ca: str | None
    redis_host: str
    redis_password: str
    aws_region: str
    aws_endpoint_url: str | None
    buckets: Mapping[str, str]
    tables: Mapping[str, str]


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment. Raises `SettingsError`."""
    problems = [f"{name} is missing" for name in _REQUIRED if not environ.get(name)]
    if len(environ.get("API_TOKEN", "")) < TOKEN_LENGTH:
        problems.append(f"API_TOKEN must have {TOKEN_LENGTH} characters or more")
    if (tls := environ.get("MYSQL_TLS", "verify")) not in _TLS:
        problems.append(f"MYSQL_TLS must be one of {', '.join(_TLS)}")
    if problems:
        raise SettingsError("; ".join(problems))
    return Settings(
        release=environ["RELEASE"],
        api_token=environ["API_TOKEN"],
        mysql_host=environ["MYSQL_HOST"],
        mysql_port=int(environ.get("MYSQL_PORT") or 3306),
        mysql_user=environ["MYSQL_USER"],
        mysql_password=environ["MYSQL_PASSWORD"],
        mysql_database=environ["MYSQL_DATABASE"],
        mysql_tls=tls,
        mysql_ca=environ.get("MYSQL_CA") or None,
        redis_host=environ["REDIS_HOST"],
        redis_password=environ["REDIS_PASSWORD"],
        aws_region=environ["AWS_REGION"],
        aws_endpoint_url=environ.get("AWS_ENDPOINT_URL") or None,
        buckets=json.loads(environ["BUCKETS"]),
        tables=json.loads(environ["TABLES"]),
    )


_REQUIRED = (
    *("RELEASE", "API_TOKEN", "MYSQL_HOST", "MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_DATABASE"),
    *("REDIS_HOST", "REDIS_PASSWORD", "AWS_REGION", "BUCKETS", "TABLES"),
)
