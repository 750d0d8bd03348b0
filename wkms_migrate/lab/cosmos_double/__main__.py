"""`python -m wkms_migrate.lab.cosmos_double`: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import signal
import threading
from pathlib import Path

from wkms_migrate.lab.cosmos_double.account import Account
from wkms_migrate.lab.cosmos_double.server import Double, serve


def main() -> None:
    """Read the options, bind, tell the port, serve."""
    options = _options()
    with Account(ranges=options.ranges, data=options.data) as account:
        server = serve(Double(account, _key(options.key_file)), options.host, options.port)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        serving.start()
        if options.port_file:
            _write_whole(options.port_file, str(server.server_address[1]))
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        server.shutdown()
        serving.join()
        server.server_close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m wkms_migrate.lab.cosmos_double", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it is bound")
    parser.add_argument("--key-file", type=Path, required=True, help="the account key in base64; made when missing")
    parser.add_argument("--data", type=Path, help="folder to keep the account in; without it all is in memory only")
    parser.add_argument("--ranges", type=int, default=4, help="partition key ranges of a new container")
    return parser.parse_args()


def _key(path: Path) -> bytes:
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(64)).decode())
    return base64.b64decode(path.read_text().strip())


def _write_whole(path: Path, text: str) -> None:
    """Write so that a reader sees all of it or nothing."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
