"""What this machine and configuration lack: programs, credentials, reachability. Reads only, and only for seconds."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from wkms_migrate import process
from wkms_migrate.clients import mysql_line
from wkms_migrate.counted import counted
from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from wkms_migrate.config import Settings
    from wkms_migrate.secret import SecretRef

Status: TypeAlias = Literal["ok", "warn", "fail", "skip"]
CONNECT_SECONDS = 3.0
PROGRAM_SECONDS = 10.0
NEWEST_PYTHON = (3, 15)
_WORKERS = 8
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found: `fix` says what to do when the status is `warn` or `fail`."""

    id: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that something needs. `severity` is the status when it is missing."""

    name: str
    argv: tuple[str, ...]
    severity: Status
    fix: str


_PROGRAMS = (
    Program("ssh", ("ssh", "-V"), "fail", "The deploy phase reaches VMs by SSH: install openssh-client."),
    Program("docker", ("docker", "--version"), "warn", "The lab's VM needs Docker: install docker.io, or go without."),
    Program("node", ("node", "--version"), "warn", "The lab's Azurite needs Node.js 20 or later with npm."),
    Program("npm", ("npm", "--version"), "warn", "The lab's Azurite is installed by npm."),
)


def run(settings: Settings) -> Iterator[Result]:
    """Yield the result of every check, in a fixed order; they run side by side."""
    checks = [_python, _ansible, lambda: _terraform(settings), _mysql_lines, _mysql_for_the_lab]
    checks += [_program(program) for program in _PROGRAMS]
    checks += [_secret(path, reference) for path, reference in settings.secrets().items()]
    checks += _services(settings)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="doctor") as pool:
        yield from pool.map(lambda check: check(), checks)


def _python() -> Result:
    version = platform.python_version()
    if sys.version_info >= NEWEST_PYTHON:
        return Result("python", "warn", f"Python {version} is newer than what this was tested with", "Use Python 3.13.")
    return Result("python", "ok", f"Python {version}")


def _ansible() -> Result:
    """Look beside this Python, where the installation put it, then on the PATH."""
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    found = shutil.which("ansible-playbook", path=places)
    if found is None:
        return Result("ansible", "fail", "ansible-playbook was not found", "Install wkms-migrate again: `make setup`.")
    return Result("ansible", "ok", found)


def _terraform(settings: Settings) -> Result:
    from wkms_migrate.clients import terraform

    binary = settings.phases.provision.binary

    def version() -> str:
        with tempfile.TemporaryDirectory() as folder:
            tool = terraform.Terraform(
                folder=Path(folder), environ=terraform.environment(os.environ, {}), binary=binary
            )
            return f"Terraform {tool.check_version()}"

    return _tried("terraform", version)


def _mysql_lines() -> Result:
    if mysql_line.IS_COMPILED:
        return Result("mysql-lines", "ok", "The inner loop of the MySQL copy is compiled")
    fix = "Install a C compiler and Python's headers (Debian: gcc libc6-dev python3-dev), then wkms-migrate again."
    return Result("mysql-lines", "warn", "The inner loop of the MySQL copy runs in Python: big rows take longer", fix)


def _mysql_for_the_lab() -> Result:
    if shutil.which("mysqld"):
        return Result("mysqld", "ok", "The lab uses the mysqld on the PATH if it is MySQL 8.4 or later")
    if shutil.which("apt-get") and platform.freedesktop_os_release().get("ID") == "debian":
        return Result("mysqld", "ok", "None on the PATH; the lab unpacks Debian's for itself")
    return Result("mysqld", "warn", "None on the PATH", "The lab needs MySQL 8.4 or later here; real clouds do not.")


def _program(program: Program) -> Callable[[], Result]:
    def check() -> Result:
        if shutil.which(program.name) is None:
            return Result(program.name, program.severity, "not on the PATH", program.fix)
        done = process.run(program.argv, env=os.environ, timeout=PROGRAM_SECONDS)
        said = done.tail[0] if done.tail else "it said nothing"
        return Result(program.name, program.severity if done.code else "ok", said, program.fix if done.code else "")

    return check


def _secret(path: str, reference: SecretRef) -> Callable[[], Result]:
    def found() -> str:
        reference.reveal()
        return f"{reference} is set"

    return lambda: _tried(f"secret {path}", found)


def _services(settings: Settings) -> list[Callable[[], Result]]:
    """Return one check per service: can it be reached, and does it let us in."""
    azure, aws = settings.azure, settings.aws
    storage = azure.storage
    blob = storage.blob_endpoint or f"https://{storage.account}.blob.core.windows.net"
    queue = storage.queue_endpoint or f"https://{storage.account}.queue.core.windows.net"
    sts = aws.endpoint_url or f"https://sts.{aws.region}.amazonaws.com"
    return [
        lambda: _reached(
            "azure.mysql", _address(azure.mysql.host, azure.mysql.port), lambda: _mysql(settings, "azure")
        ),
        lambda: _reached("azure.storage.blob", _of_url(blob), lambda: _blob(settings)),
        lambda: _reached("azure.storage.queue", _of_url(queue)),
        lambda: _reached("azure.cosmos", _of_url(azure.cosmos.endpoint), lambda: _cosmos(settings)),
        lambda: _reached("aws", _of_url(sts), lambda: _aws(settings)),
        lambda: _reached("aws.mysql", _address(aws.mysql.host, aws.mysql.port), lambda: _mysql(settings, "aws")),
    ]


def _reached(name: str, address: tuple[str, int] | None, sign_in: Callable[[], str] | None = None) -> Result:
    if address is None:
        return Result(name, "skip", "no address is configured; provision may put one out")
    host, port = address
    try:
        socket.create_connection(address, timeout=CONNECT_SECONDS).close()
    except OSError as error:
        fix = "Check the address, the firewall rules, and the VPN or the private endpoint."
        return Result(name, "fail", f"{host}:{port} cannot be reached: {error.strerror or error}", fix)
    return _tried(name, sign_in or (lambda: f"{host}:{port} answers"))


def _mysql(settings: Settings, side: str) -> str:
    from wkms_migrate.clients import mysql

    server = getattr(settings, side).mysql
    with mysql.connect(server, "source" if side == "azure" else "target"):
        return f"{server.user} is let in at {server.host}:{server.port}, TLS {server.tls}"


def _blob(settings: Settings) -> str:
    from wkms_migrate.clients import azure_blob

    service = azure_blob.connect(settings.azure.storage)
    try:
        return f"{counted(len(list(service.containers())), 'container')} in {service.account}"
    finally:
        service.close()


def _cosmos(settings: Settings) -> str:
    from wkms_migrate.clients import azure_cosmos

    cosmos = settings.azure.cosmos
    with azure_cosmos.connect(cosmos) as database:
        return f"{counted(len(database.containers()), 'container')} in the database {cosmos.database}"


def _aws(settings: Settings) -> str:
    from wkms_migrate.clients import aws

    return str(aws.found(frozenset(), aws.client(settings.aws, "sts").get_caller_identity)["Arn"])


def _tried(name: str, attempt: Callable[[], str]) -> Result:
    try:
        return Result(name, "ok", attempt())
    except WkmsError as error:
        return Result(name, "fail", error.message, error.hint)


def _address(host: str | None, port: int) -> tuple[str, int] | None:
    return (host, port) if host else None


def _of_url(url: str | None) -> tuple[str, int] | None:
    if not url:
        return None
    parts = urlsplit(url)
    return (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443))
