"""Talks on one thread over real sockets: answers in pieces, connections that end, are slow, silent or not there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler

import pytest
from http_serving import GET, Answer, origin, say, serving

from wkms_migrate.clients.http_origin import Origin, Request, ServiceError
from wkms_migrate.clients.http_readiness import Ask, Ended, Exchanges, NoneOpen, Talk
from wkms_migrate.errors import Damaged, TransientError
from wkms_migrate.lab import certificates

pytestmark = pytest.mark.integration
DEADLINE = 20.0


def until_over(exchanges: Exchanges[str]) -> Iterator[Ended[str]]:
    limit = time.monotonic() + DEADLINE
    while exchanges and time.monotonic() < limit:
        yield from exchanges.turn(0.2)
    assert not exchanges


def asking(service: Origin, *requests: Request, into: list[bytes]) -> Talk:
    for request in requests:
        answer = yield Ask(service, request)
        into.append(answer.read())


def opened(service: Origin, count: int = 1) -> None:
    """Leave so many idle connections: each is in use while the next one is asked on."""

    def nested(left: int) -> None:
        if left:
            service.stream(GET, lambda response: (response.read(), nested(left - 1)))

    nested(count)


@contextmanager
def talking(answer: Answer, count: int = 1, seconds: float = DEADLINE) -> Iterator[tuple[Origin, Exchanges[str]]]:
    """Serve by `answer`, whose first `count` answers open so many connections."""
    with (
        serving(answer) as endpoint,
        closing(origin(endpoint)) as service,
        Exchanges[str](seconds) as exchanges,
    ):
        opened(service, count)
        yield service, exchanges


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_many_talks_go_on_side_by_side_on_connections_that_are_kept(tmp_path, monkeypatch, tls):
    """Each of ten talks asks four times; the server answers an ask only when those of all ten are there."""
    shown = certificates.ensure(tmp_path, ["127.0.0.1"]) if tls else None
    if shown:
        monkeypatch.setenv("SSL_CERT_FILE", str(shown.ca))
    ports: set[int] = set()
    together = threading.Barrier(10)

    def echo(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        ports.add(handler.client_address[1])
        if body:
            together.wait(DEADLINE)
        say(handler, 200, body)

    heard: dict[str, list[bytes]] = {str(number): [] for number in range(10)}
    sent = {key: [f"{key}/{turn} ".encode() * 5_000 for turn in range(4)] for key in heard}
    with serving(echo, shown) as endpoint, closing(origin(endpoint)) as service:
        opened(service, 10)
        with Exchanges[str]() as exchanges:
            for key, into in heard.items():
                requests = [Request(method="PUT", path="/a", body=body) for body in sent[key]]
                exchanges.begin(key, asking(service, *requests, into=into))
            assert {(one.key, one.error) for one in until_over(exchanges)} == {(key, None) for key in heard}
        assert heard == sent
        assert service.call(GET).status == 200, "a connection that comes back can wait again"
    assert len(ports) == 10


def test_without_an_open_connection_a_talk_ends_at_once():
    with Exchanges[str]() as exchanges:
        exchanges.begin("a", asking(origin("http://127.0.0.1:1"), GET, into=[]))
        assert [type(one.error) for one in exchanges.turn(DEADLINE)] == [NoneOpen]


def test_an_answer_in_pieces_is_awaited_whole():
    """The pieces end inside the status line, between the two line ends of the head, and inside the body."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef"
    heard: list[bytes] = []
    go_on = threading.Semaphore(0)

    def in_pieces(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        for begin, end in [(0, 9), (9, 38), (38, 42)]:
            handler.wfile.write(whole[begin:end])
            assert not body or go_on.acquire(timeout=DEADLINE)
        handler.wfile.write(whole[42:])

    with talking(in_pieces) as (service, exchanges):
        exchanges.begin("a", asking(service, Request(method="PUT", path="/a", body=b"x"), into=heard))
        for _ in range(3):
            assert exchanges.turn(0.1) == []
            go_on.release()
        assert [one.error for one in until_over(exchanges)] == [None]
    assert heard == [b"abcdef"]


def test_a_message_that_does_not_go_out_at_once_is_sent_as_there_is_room():
    """The server reads nothing until the rest cannot be anywhere but here."""
    body = bytes(range(256)) * (64 << 10)
    read = threading.Event()
    heard: list[bytes] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        closing(origin(f"http://127.0.0.1:{server.getsockname()[1]}")) as service,
        Exchanges[str]() as exchanges,
    ):
        got: list[bytes] = []
        speaker = threading.Thread(target=_take_late, args=(server, read, len(body), got))
        speaker.start()
        opened(service)
        exchanges.begin("a", asking(service, Request(method="PUT", path="/a", body=body), into=heard))
        assert exchanges.turn(0.1) == []
        read.set()
        assert [one.error for one in until_over(exchanges)] == [None]
        speaker.join(DEADLINE)
    assert got[0].endswith(body)
    assert heard == [b"ok"]


def _take_late(server: socket.socket, read: threading.Event, size: int, got: list[bytes]) -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    there, _ = server.accept()
    with there:
        there.recv(65536)
        there.sendall(ok)
        read.wait(DEADLINE)
        taken = bytearray()
        while len(taken) < size or not taken[-size:].startswith(bytes(range(256))):
            taken += there.recv(1 << 20)
        got.append(bytes(taken))
        there.sendall(ok)


def ending(raw: bytes, *, close: bool = True) -> TransientError | None:
    """Return how a talk ends whose first question is answered by `raw`."""
    first = threading.Event()

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        if not first.is_set():
            first.set()
            say(handler, 200)
            return
        handler.wfile.write(raw)
        handler.close_connection = close

    with talking(answer) as (service, exchanges):
        exchanges.begin("a", asking(service, GET, into=[]))
        (ended,) = until_over(exchanges)
        return ended.error


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
        b"SMTP 220 hello\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["closed", "early end", "no length", "no room", "no HTTP"],
)
def test_what_is_no_whole_answer_of_a_told_length_ends_the_talk(raw):
    assert isinstance(ending(raw), ConnectionResetError)


def test_a_refusal_ends_the_talk_with_its_error():
    error = ending(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\n\r\n<Error><Code>AccessDenied</Code></Error>")
    assert isinstance(error, ServiceError)
    assert error.code == "AccessDenied"


def test_a_busy_service_is_heeded_and_its_wish_passed_on():
    error = ending(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n")
    assert isinstance(error, TransientError)
    assert error.retry_after == 7


def test_a_talk_that_fails_over_its_answer_ends_alone():
    def doubting(service: Origin) -> Talk:
        answer = yield Ask(service, GET)
        answer.read()
        raise Damaged("not what it should be")

    heard: list[bytes] = []
    with talking(lambda handler, _: say(handler, 200, b"x"), 2) as (service, exchanges):
        exchanges.begin("bad", doubting(service))
        exchanges.begin("good", asking(service, GET, GET, into=heard))
        assert {one.key: type(one.error) for one in until_over(exchanges)} == {"bad": Damaged, "good": type(None)}
    assert heard == [b"x", b"x"]


def test_silence_ends_the_talk_in_time_and_what_it_holds_is_freed():
    freed = threading.Event()
    silent = threading.Event()

    def holding(service: Origin) -> Talk:
        try:
            yield Ask(service, Request(method="PUT", path="/a", body=b"x"))
        finally:
            freed.set()

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if body:
            silent.wait(DEADLINE)
            handler.close_connection = True
        else:
            say(handler, 200)

    with talking(answer, seconds=0.5) as (service, exchanges):
        exchanges.begin("a", holding(service))
        try:
            (ended,) = until_over(exchanges)
        finally:
            silent.set()
        assert isinstance(ended.error, TimeoutError)
        assert freed.is_set()


def test_a_connection_that_is_closed_while_it_is_idle_is_not_asked_on():
    def once(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        say(handler, 200)
        handler.close_connection = bool(body)  # without a word

    heard: list[bytes] = []
    with talking(once) as (service, exchanges):
        exchanges.begin("a", asking(service, Request(method="PUT", path="/a", body=b"x"), into=heard))
        assert [one.error for one in until_over(exchanges)] == [None]
        exchanges.turn(DEADLINE)  # returns once the end of the connection is there
        exchanges.begin("b", asking(service, GET, into=heard))
        assert [type(one.error) for one in exchanges.turn(DEADLINE)] == [NoneOpen]


def test_a_wait_is_ended_from_another_thread():
    with Exchanges[str]() as exchanges:
        waker = threading.Timer(0.05, exchanges.wake)
        waker.start()
        began = time.monotonic()
        assert exchanges.turn(DEADLINE) == []
        assert time.monotonic() - began < DEADLINE / 2
        waker.join()
