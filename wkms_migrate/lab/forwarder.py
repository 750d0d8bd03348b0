"""Lets the VM reach servers that listen on this machine's loopback: the same ports, on the VM network's gateway.

`python -m wkms_migrate.lab.forwarder ADDRESS PORT...` hands every connection to ADDRESS:PORT on to 127.0.0.1:PORT.
ADDRESS is on a bridge that only containers of this machine can reach.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio import StreamReader, StreamWriter
from functools import partial

_LOOPBACK = "127.0.0.1"
_CHUNK = 256 * 1024


async def forward(address: str, ports: list[int]) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for port in ports:
        await asyncio.start_server(partial(_join, port), address, port)
    await stop.wait()


async def _join(port: int, reader: StreamReader, writer: StreamWriter) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection(_LOOPBACK, port)
    except OSError:
        writer.transport.abort()  # nobody is there: the client must learn of it at once
        return
    try:
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
    except OSError:  # either side may hang up at any time; the other one must learn of it
        writer.transport.abort()
        far_writer.transport.abort()
    else:
        writer.close()
        far_writer.close()


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()


if __name__ == "__main__":
    asyncio.run(forward(sys.argv[1], [int(port) for port in sys.argv[2:]]))
