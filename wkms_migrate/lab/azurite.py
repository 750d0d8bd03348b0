"""Azure Blob and Queue Storage in the lab: Azurite from npm, at the version that package-lock.json pins."""

from __future__ import annotations

import base64
import http.client
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache
from wkms_migrate.lab.servers import HOST, Ports, Server

ACCOUNT = "wkmslab"
_HERE = Path(__file__).parent
_KEEP_ALIVE_SECONDS = "120"  # Azurite closes idle connections after 5 s, the real service after minutes
_FLAGS = (
    "--disableTelemetry",
    "--skipApiVersionCheck",
)  # the SDKs speak a newer version than Azurite knows
_SERVICES = {"blob": "Azurite-Blob/", "queue": "Azurite-Queue/"}


def install(emit: Callable[[str], None]) -> Path:
    """Return the folder that Azurite is installed in; install it there when this machine has none."""
    version = msgspec.json.decode((_HERE / "package.json").read_bytes())["dependencies"]["azurite"]

    def build(folder: Path) -> None:
        emit(f"Installing Azurite {version} from npm (once per machine)")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_HERE / name, folder)
        done = process.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, env=os.environ)
        if done.code:
            raise WkmsError(
                "npm could not install Azurite:\n" + "\n".join(done.tail[-8:]),
                hint="Check that `npm ping` works, then run `make setup` again.",
            )

    return cache.ensure(f"azurite-{version}", build)


def new_key() -> str:
    """Return a random account key, in the form Azure gives them: 64 bytes in base64."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


def server(installed: Path, key: str, data: Path | None) -> Server:
    """Return Azurite with one account. `data` is its folder; None keeps everything in memory."""
    place = ["--inMemoryPersistence"] if data is None else ["--location", str(data)]

    def command(ports: Ports) -> list[str]:
        listen = [word for name, port in ports.items() for word in (f"--{name}Host", HOST, f"--{name}Port", str(port))]
        keep = [word for name in _SERVICES for word in (f"--{name}KeepAliveTimeout", _KEEP_ALIVE_SECONDS)]
        program = str(installed / "node_modules" / "azurite" / "dist" / "src" / "azurite.js")
        return ["node", program, *_FLAGS, *place, *listen, *keep]

    return Server(
        name="azurite",
        ports=("blob", "queue", "table"),
        command=command,
        probe=_probe,
        env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
    )


def endpoints(ports: Ports) -> dict[str, str]:
    """Return the endpoints of Blob and Queue Storage, account included, as the SDKs take them."""
    return {name: f"http://{HOST}:{ports[name]}/{ACCOUNT}" for name in _SERVICES}


def _probe(ports: Ports) -> str | None:
    """Ask each service unsigned: it refuses, and says who it is."""
    for name, product in _SERVICES.items():
        connection = http.client.HTTPConnection(HOST, ports[name], timeout=5)
        try:
            connection.request("GET", f"/{ACCOUNT}?comp=list")
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            return f"{name}: {error}"
        finally:
            connection.close()
        if not (answer.headers.get("Server") or "").startswith(product):
            return f"{name}: something else than Azurite answers on port {ports[name]}"
    return None


if __name__ == "__main__":
    install(print)
