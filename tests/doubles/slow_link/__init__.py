"""A TCP connection that takes its time: every byte arrives half a round trip later than it was sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PIECE = 1 << 16
END = b""


@contextmanager
def slow_link(
    host: str, port: int, round_trip: float, seen: Callable[[bytes], None] = lambda _piece: None
) -> Iterator[int]:
    """Pass connections on to a server, delayed; give the port to connect to. `round_trip` is in seconds.

    `seen` gets each piece on its way to the server.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="slow link")
    thread.start()
    link = _Link(host, port, round_trip / 2, seen)
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(link.serve, "127.0.0.1", 0), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        asyncio.run_coroutine_threadsafe(link.end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Link:
    def __init__(self, host: str, port: int, delay: float, seen: Callable[[bytes], None]) -> None:
        self._seen = seen
        self._host = host
        self._port = port
        self._delay = delay
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        there_reader, there_writer = await asyncio.open_connection(self._host, self._port)
        try:
            await asyncio.gather(
                self._pump(reader, there_writer, self._seen), self._pump(there_reader, writer, lambda _piece: None)
            )
        except asyncio.CancelledError:
            """The link ends; asyncio would report this as a failure of the connection."""
        finally:
            for one in (writer, there_writer):
                one.close()
            self._serving.discard(task)

    async def end(self) -> None:
        """End what still flows."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], None]
    ) -> None:
        clock = asyncio.get_running_loop().time
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, piece = await under_way.get()
                await asyncio.sleep(due - clock())
                if piece == END:
                    with suppress(OSError):
                        writer.write_eof()
                    return
                writer.write(piece)
                await writer.drain()

        delivery = asyncio.ensure_future(deliver())
        try:
            with suppress(ConnectionError):
                while piece := await reader.read(PIECE):
                    seen(piece)
                    under_way.put_nowait((clock() + self._delay, piece))
            under_way.put_nowait((clock() + self._delay, END))
            with suppress(ConnectionError):
                await delivery
        finally:
            delivery.cancel()
