"""A MySQL server that asks for the password as it is: see README.md."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_WITH_DB, TRANSACTIONS, LOCAL_FILES
CAPABILITIES = 1 | 1 << 9 | 1 << 15 | 1 << 19 | 1 << 3 | 1 << 13 | 1 << 7
TLS = 1 << 11
UTF8MB4, AUTOCOMMIT = 255, 2
OK = b"\x00\x00\x00\x02\x00\x00\x00"
QUIT = b"\x01"


@dataclass(slots=True)
class SignIn:
    """A running double. `sent` are the passwords it was given, `takes` says which it lets in."""

    port: int
    tls: ssl.SSLContext | None
    takes: Callable[[str], bool]
    sent: list[str] = field(default_factory=list)

    def serve(self, connection: socket.socket) -> None:
        """Answer one client until it leaves."""
        with suppress(OSError, EOFError), connection:
            _send(connection, 0, _greeting(with_tls=self.tls is not None))
            number, _ = _receive(connection)
            if self.tls is None:
                self._sign_in(connection, number)
                return
            with self.tls.wrap_socket(connection, server_side=True) as stream:
                self._sign_in(stream, _receive(stream)[0])

    def _sign_in(self, stream: socket.socket, number: int) -> None:
        _send(stream, number + 1, b"\xfemysql_clear_password\x00\x00")
        number, password = _receive(stream)
        self.sent.append(password.rstrip(b"\x00").decode())
        if not self.takes(self.sent[-1]):
            _send(stream, number + 1, b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied for user")
            return
        _send(stream, number + 1, OK)
        while _receive(stream)[1] != QUIT:
            _send(stream, 1, OK)


def _greeting(*, with_tls: bool) -> bytes:
    capabilities = CAPABILITIES | (TLS if with_tls else 0)
    low, high = capabilities & 0xFFFF, capabilities >> 16
    return (
        b"\x0a8.4.0-double\x00"
        + struct.pack("<I", 1)
        + b"12345678\x00"
        + struct.pack("<HBHHB", low, UTF8MB4, AUTOCOMMIT, high, 21)
        + bytes(10)
        + b"123456789012\x00caching_sha2_password\x00"
    )


def _send(stream: socket.socket, number: int, payload: bytes) -> None:
    stream.sendall(struct.pack("<I", len(payload))[:3] + bytes([number]) + payload)


def _receive(stream: socket.socket) -> tuple[int, bytes]:
    head = _exactly(stream, 4)
    return head[3], _exactly(stream, int.from_bytes(head[:3], "little"))


def _exactly(stream: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = stream.recv(size - len(got))
        if not part:
            raise EOFError
        got += part
    return got


@contextmanager
def running(tls: ssl.SSLContext | None, takes: Callable[[str], bool] = lambda _: True) -> Iterator[SignIn]:
    """Run the double on a free port of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        double = SignIn(listener.getsockname()[1], tls, takes)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=double.serve, args=(listener.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield double
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
