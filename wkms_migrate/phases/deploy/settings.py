from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from wkms_migrate.config import Section, part
from wkms_migrate.secret import SecretRef


class Host(Section):
    """A server."""

    name: str = Field(description="Name in messages and reports.")
    address: str = Field(description="Address that SSH connects to.")


class Ssh(Section):
    """How to log in to the servers."""

    user: str = Field("ubuntu", description="Account that may use sudo without a password.")
    port: int = Field(22, ge=1, le=65535, description="TCP port of SSH.")
    key: Path | None = Field(None, description="Private key file; null leaves it to SSH's own configuration and agent.")
    known_hosts: Path | None = Field(
        None,
        description="Known hosts file to hold the servers to; null accepts a new server once, never a changed one.",
    )


class Images(Section):
    """Where the images of the stack come from."""

    archive: Path | None = Field(
        None, description="Archive of `docker save` to ship to the servers; null pulls or builds there."
    )
    backend: str | None = Field(None, description="Backend image; null builds it on the servers from stack/backend.")
    nginx: str | None = Field(None, description="nginx image; null builds it on the servers from stack/nginx.")
    redis: str = Field("redis:7.4-alpine", description="Redis image.")
    python_base: str = Field("python:3.12-slim", description="Base image of the backend, where it is built.")
    nginx_base: str = Field("nginx:1.28-alpine", description="Base image of nginx, where it is built.")


class AppDatabase(Section):
    """The database as the application sees it. It gets an account of its own that may only read."""

    host: str | None = Field(None, description="Address; null takes the one of provision's output.")
    port: int | None = Field(None, ge=1, le=65535, description="TCP port; null takes the one of provision's output.")
    name: str = Field("wkms", description="Database.")
    user: str = Field(
        "wkms_app", pattern=r"^\w+$", max_length=32, description="Account that deploy makes for the application."
    )
    password: SecretRef | None = Field(None, description="Reference to the password of that account. Required.")
    tls: Literal["verify", "verify-ca", "required", "off"] = Field(
        "verify", description="verify-ca checks the certificate but not the server's name; else as for aws.mysql.tls."
    )


class AppCredentials(Section):
    """Keys for servers without an instance role. Leave them out on EC2."""

    access_key_id: SecretRef | None = Field(None, description="Access key id of the application.")
    secret_access_key: SecretRef | None = Field(None, description="Secret access key of the application.")


class DeploySettings(Section):
    """The WKMS stack and the servers it runs on."""

    hosts: tuple[Host, ...] = Field((), description="Servers; empty takes provision's output wkms.vm_hosts.")
    address: Literal["public", "private"] = Field(
        "public", description="Which address of provision's servers to use; private where there is no public one."
    )
    unavailable: str | None = Field(None, description="Why no server can be reached from here; deploy is then skipped.")
    ssh: Ssh = part()
    url: str | None = Field(None, description="Where users reach the stack; null takes http://<first server>:<port>.")
    http_port: int = Field(80, ge=1, le=65535, description="Port that nginx publishes on each server.")
    docker_packages: tuple[str, ...] = Field(
        ("docker.io", "docker-compose-v2"), description="Packages of engine and Compose v2 on the servers."
    )
    compose_plugin: Path | None = Field(
        None, description="Compose v2 binary to ship; leave docker-compose-v2 out of docker_packages then."
    )
    images: Images = part()
    api_token: SecretRef | None = Field(
        None, description="Reference to the bearer token of the API, 32 characters or more. Required."
    )
    app_database: AppDatabase = part()
    app_endpoint_url: str | None = Field(
        None, description="One endpoint for every AWS service as seen from the servers; null takes the region's own."
    )
    app_credentials: AppCredentials = part()
    health_seconds: int = Field(90, ge=5, description="How long a service may take to be replaced and healthy.")
    keep_releases: int = Field(3, ge=2, description="Releases kept on each server, the running one included.")
