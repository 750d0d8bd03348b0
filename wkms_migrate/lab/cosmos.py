"""Azure Cosmos DB in the lab: the double of `cosmos_double/`, run as a server of its own."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path

from wkms_migrate.lab.servers import HOST, Ports, Server

_DOUBLE = "wkms_migrate.lab.cosmos_double"


def server(key_file: Path, data: Path | None) -> Server:
    """Return the double with the account key that stands in a file. `data` is its folder; None keeps it in memory."""
    keep = [] if data is None else ["--data", str(data)]

    def command(ports: Ports) -> list[str]:
        listen = ["--host", HOST, "--port", str(ports["http"])]
        return [sys.executable, "-m", _DOUBLE, *listen, "--key-file", str(key_file), *keep]

    return Server(name="cosmos", ports=("http",), command=command, probe=_probe)


def endpoint(ports: Ports) -> str:
    """Return the account's endpoint, as the SDK takes it."""
    return f"http://{HOST}:{ports['http']}/"


def _probe(ports: Ports) -> str | None:
    """Read the account unsigned: it refuses."""
    connection = http.client.HTTPConnection(HOST, ports["http"], timeout=5)
    try:
        connection.request("GET", "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()
    return None if status == http.client.UNAUTHORIZED else f"it answers {status} to an unsigned request"
