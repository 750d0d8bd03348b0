"""Clients of AWS services, all made from the same part of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wkms_migrate.clients import importing
from wkms_migrate.errors import ConfigError, WkmsError

if TYPE_CHECKING:
    from wkms_migrate.config import Aws

CONNECT_SECONDS = 10
READ_SECONDS = 60
ATTEMPTS = 5


def session(aws: Aws) -> Any:
    """Return a boto3 session with the configured credentials. Raises `ConfigError` when the profile is unknown."""
    with importing:
        import boto3
        from botocore.exceptions import ProfileNotFound

    try:
        return boto3.Session(
            profile_name=aws.profile,
            region_name=aws.region,
            aws_access_key_id=aws.access_key_id.reveal() if aws.access_key_id else None,
            aws_secret_access_key=aws.secret_access_key.reveal() if aws.secret_access_key else None,
        )
    except ProfileNotFound as error:
        raise ConfigError(
            f"The AWS profile {aws.profile} is unknown.", hint="`aws configure list-profiles` shows those there are."
        ) from error


def client(aws: Aws, service: str) -> Any:
    """Return a boto3 client of one service, e.g. `rds`. Raises `ConfigError` when the profile is unknown."""
    with importing:
        from botocore.config import Config

    # Behind one address for all services there is no DNS name per bucket.
    addressing = {"addressing_style": "path"} if aws.endpoint_url else {}
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        s3=addressing,
    )
    return session(aws).client(service, endpoint_url=aws.endpoint_url, config=config)


def error_code(error: Exception) -> str:
    """Return the service's error code in a botocore error, e.g. `NoSuchBucket`; empty when it has none."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def found(absent: frozenset[str], call: Any, **arguments: object) -> Any:
    """Return what a reading call answers, or None when the service says with an `absent` code that it is not there.

    Raises `WkmsError` for everything else: no credentials, no permission, no connection.
    """
    with importing:
        from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call(**arguments)
    except ClientError as error:
        if error_code(error) in absent:
            return None
        raise WkmsError(str(error), hint="Check the permissions of the account that signs in to AWS.") from error
    except BotoCoreError as error:
        raise WkmsError(
            f"AWS cannot be asked: {error}",
            hint="Sign in with `aws sso login`, or correct aws.profile, aws.region or aws.endpoint_url.",
        ) from error
