"""Servers for the integration tests: private ones, on free loopback ports, once per session, ended with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from endpoints import AwsEndpoint, CosmosAccount, MysqlEndpoint, MysqlPair, StorageAccount
from external import missing, need
from xdist.scheduler import LoadScopeScheduling

from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import azurite as azurite_lab
from wkms_migrate.lab import cosmos, mysql_binaries, mysqld, servers
from wkms_migrate.lab import moto_server as moto_lab
from wkms_migrate.lab.folder import LabFolder
from wkms_migrate.lab.mysql_profiles import AZURE, RDS, Profile

# Bundles and files that a workstation may name for its own AWS and Terraform; they are not those of local servers.
for _name in ("AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(_name, None)
os.environ["TF_CLI_CONFIG_FILE"] = os.devnull


# What uses the machine's one Docker engine, which the lab ends when nothing runs in it.
ONE_GROUP = ("tests/e2e/", "tests/integration/test_deploy.py")


class ByServers(LoadScopeScheduling):
    """Keeps the tests of a file in one process when there are several (pytest -n): they share its servers."""

    def _split_scope(self, nodeid: str) -> str:
        return "docker" if nodeid.startswith(ONE_GROUP) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers:
    return ByServers(config, log)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[servers.Server], servers.Ports]]:
    """Start servers of the lab in a folder of this session; all end with it."""
    home = servers.Home(tmp_path_factory.mktemp("servers"))
    started: list[servers.Running] = []

    def start(server: servers.Server) -> servers.Ports:
        running = servers.ensure(server, home)
        started.append(running)
        return running.ports

    yield start
    for running in reversed(started):
        servers.stop(running, home)


@pytest.fixture(scope="session")
def azurite(serve: Callable[[servers.Server], servers.Ports]) -> StorageAccount:
    need("node")
    need("npm")
    key = azurite_lab.new_key()
    ports = serve(azurite_lab.server(azurite_lab.install(print), key, None))
    endpoints = azurite_lab.endpoints(ports)
    return StorageAccount(
        account=azurite_lab.ACCOUNT, key=key, blob_endpoint=endpoints["blob"], queue_endpoint=endpoints["queue"]
    )


@pytest.fixture(scope="session")
def moto_server(serve: Callable[[servers.Server], servers.Ports]) -> AwsEndpoint:
    return AwsEndpoint(endpoint_url=moto_lab.endpoint(serve(moto_lab.server())))


@pytest.fixture(scope="session")
def cosmos_double(
    serve: Callable[[servers.Server], servers.Ports], tmp_path_factory: pytest.TempPathFactory
) -> CosmosAccount:
    key_file = tmp_path_factory.mktemp("cosmos") / "key"
    key_file.write_text(azurite_lab.new_key(), encoding="ascii")
    ports = serve(cosmos.server(key_file, None))
    return CosmosAccount(endpoint=cosmos.endpoint(ports), key=key_file.read_text(encoding="ascii"))


@pytest.fixture(scope="session")
def mysql_pair(serve: Callable[[servers.Server], servers.Ports], tmp_path_factory: pytest.TempPathFactory) -> MysqlPair:
    return _pair(mysql_binaries.find, serve, tmp_path_factory.mktemp("mysql"))


@pytest.fixture(scope="session")
def mariadb_pair(
    serve: Callable[[servers.Server], servers.Ports], tmp_path_factory: pytest.TempPathFactory
) -> MysqlPair:
    return _pair(mysql_binaries.mariadb, serve, tmp_path_factory.mktemp("mariadb"))


def _pair(
    find: Callable[[Callable[[str], None]], mysql_binaries.MysqlBinaries],
    serve: Callable[[servers.Server], servers.Ports],
    path: Path,
) -> MysqlPair:
    try:
        binaries = find(print)
    except WkmsError as error:
        missing(f"{error.message} {error.hint}")
    folder = LabFolder(path)

    def endpoint(profile: Profile) -> MysqlEndpoint:
        mysqld.prepare(profile, binaries, folder)
        server = mysqld.server(profile, binaries, folder)
        login = mysqld.connection(profile, folder, serve(replace(server, name=f"{path.name}-{server.name}")))
        return MysqlEndpoint(
            host=str(login["host"]),
            port=int(login["port"]),
            user=profile.user,
            password=folder.secret(profile.name).read_text(encoding="ascii"),
            ca=Path(login["ca"]),
            owner=mysqld.OWNER,
            owner_password=folder.secret(mysqld.OWNER).read_text(encoding="ascii"),
        )

    return MysqlPair(source=endpoint(AZURE), target=endpoint(RDS))
