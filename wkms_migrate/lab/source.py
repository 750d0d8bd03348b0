"""The Azure side of the lab: storage account, Cosmos account and MySQL server. Its data is on disk and is kept."""

from __future__ import annotations

from typing import Any

from wkms_migrate.lab import azurite, cosmos, mysql_binaries, mysqld, servers
from wkms_migrate.lab.folder import LabFolder
from wkms_migrate.lab.mysql_profiles import AZURE
from wkms_migrate.lab.servers import Say


def up(folder: LabFolder, say: Say) -> dict[str, Any]:
    """Start what does not run; return the settings `azure` for the overlay."""
    return {"storage": _storage(folder, say), "cosmos": _cosmos(folder, say), "mysql": _mysql(folder, say)}


def _storage(folder: LabFolder, say: Say) -> dict[str, Any]:
    key, data = folder.secret("storage_key", azurite.new_key), folder.data("azurite")
    data.mkdir(parents=True, exist_ok=True)
    server = azurite.server(azurite.install(say), key.read_text(encoding="ascii"), data)
    endpoints = azurite.endpoints(servers.ensure(server, folder.home, say).ports)
    return {
        "account": azurite.ACCOUNT,
        "blob_endpoint": endpoints["blob"],
        "queue_endpoint": endpoints["queue"],
        "key": f"file:{key}",
    }


def _cosmos(folder: LabFolder, say: Say) -> dict[str, Any]:
    key, data = folder.secret("cosmos_key", azurite.new_key), folder.data("cosmos")
    data.mkdir(parents=True, exist_ok=True)
    running = servers.ensure(cosmos.server(key, data), folder.home, say)
    return {"endpoint": cosmos.endpoint(running.ports), "key": f"file:{key}"}


def _mysql(folder: LabFolder, say: Say) -> dict[str, Any]:
    binaries = mysql_binaries.find(say)
    mysqld.prepare(AZURE, binaries, folder)
    running = servers.ensure(mysqld.server(AZURE, binaries, folder), folder.home, say)
    return mysqld.connection(AZURE, folder, running.ports)
