from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

pytestmark = pytest.mark.integration

NEAR, FAR = "127.0.0.2", "127.0.0.1"  # Linux answers on all of 127/8: the first stands for the bridge


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((FAR, 0)) as server:
        server.settimeout(20)
        yield server


@pytest.fixture
def port(listener: socket.socket) -> Iterator[int]:
    number = int(listener.getsockname()[1])
    forwarder = subprocess.Popen([sys.executable, "-m", "wkms_migrate.lab.forwarder", NEAR, str(number)])
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((NEAR, number), timeout=1).close()
            listener.accept()[0].close()
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            assert forwarder.poll() is None
    yield number
    forwarder.terminate()
    assert forwarder.wait(timeout=20) == 0


def test_hands_bytes_on_in_both_directions_and_each_end_of_them(listener: socket.socket, port: int) -> None:
    payload = bytes(range(256)) * 8_000
    received: list[bytes] = []

    def echo_once_it_is_all_there() -> None:
        connection, _ = listener.accept()
        with connection:
            while chunk := connection.recv(65_536):
                received.append(chunk)
            connection.sendall(b"".join(received))

    server = threading.Thread(target=echo_once_it_is_all_there)
    server.start()
    with socket.create_connection((NEAR, port), timeout=20) as client:
        client.sendall(payload)
        client.shutdown(socket.SHUT_WR)  # half closed: the answer must still come
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    server.join(timeout=20)
    assert b"".join(received) == payload
    assert answer == payload


def test_hangs_up_at_once_when_the_server_is_gone(listener: socket.socket, port: int) -> None:
    listener.close()
    with socket.create_connection((NEAR, port), timeout=5) as client, contextlib.suppress(ConnectionResetError):
        assert client.recv(100) == b""
