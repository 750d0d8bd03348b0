"""dynalite, another DynamoDB double than ours, from npm at the version that tests/dynalite pins: a second opinion."""

from __future__ import annotations

import http.client
import os
import shutil
from pathlib import Path

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache
from wkms_migrate.lab.servers import HOST, Ports, Server

HERE = Path(__file__).parent / "dynalite"


def install() -> Path:
    """Return the folder that it is installed in; install it there when this machine has none."""

    def build(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        done = process.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, env=os.environ)
        if done.code:
            raise WkmsError("npm could not install dynalite:\n" + "\n".join(done.tail[-8:]))

    return cache.ensure("dynalite-4.0.0", build)


def server(installed: Path) -> Server:
    """Return a dynalite that keeps everything in memory and makes tables at once."""

    def command(ports: Ports) -> list[str]:
        program = str(installed / "node_modules" / "dynalite" / "cli.js")
        return ["node", program, "--host", HOST, "--port", str(ports["http"]), "--createTableMs", "0"]

    return Server(name="dynalite", ports=("http",), command=command, probe=_probe)


def _probe(ports: Ports) -> str | None:
    connection = http.client.HTTPConnection(HOST, ports["http"], timeout=5)
    try:
        connection.request("GET", "/")
        text = connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()
    return None if b"healthy" in text else f"it answers {text[:80]!r}"
