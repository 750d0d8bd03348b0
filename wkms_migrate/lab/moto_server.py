"""AWS in the lab: moto's server, in memory. What it holds is gone when it ends."""

from __future__ import annotations

import http.client
import logging
import sys
from pathlib import Path

from wkms_migrate.lab.servers import HOST, Ports, Server

_ENVIRONMENT = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # else the policies that AWS manages do not exist
    "MOTO_AMIS_PATH": str(Path(__file__).with_name("amis.json")),  # its own images end with Ubuntu 16.04
}


def server() -> Server:
    """Return moto's server, run by this very Python."""

    def command(ports: Ports) -> list[str]:
        return [sys.executable, "-m", __name__, "--host", HOST, "--port", str(ports["http"])]

    return Server(name="moto", ports=("http",), command=command, probe=_probe, env=_ENVIRONMENT)


def endpoint(ports: Ports) -> str:
    """Return the endpoint of every AWS service."""
    return f"http://{HOST}:{ports['http']}"


def _probe(ports: Ports) -> str | None:
    connection = http.client.HTTPConnection(HOST, ports["http"], timeout=5)
    try:
        connection.request("GET", "/moto-api/config")
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()
    return None if answer.status in {http.client.OK, http.client.CREATED} else f"moto answers {answer.status}"


def main() -> None:
    """Run the server until it is told to end. Requests are not logged: a run makes tens of thousands."""
    from moto.server import main as serve

    from wkms_migrate.lab import moto_dynamodb, moto_sqs

    moto_dynamodb.quicken()
    moto_sqs.quicken()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    serve()


if __name__ == "__main__":
    main()
