"""One origin over real sockets: TLS as the clouds speak it, connections that end, servers that are busy or silent."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler

import pytest
from http_serving import GET, origin, say, serving

from wkms_migrate.clients import http_origin
from wkms_migrate.clients.http_origin import Request, ServiceError
from wkms_migrate.clients.http_wire import read_exactly
from wkms_migrate.errors import TransientError, WkmsError
from wkms_migrate.lab import certificates

pytestmark = pytest.mark.integration
MIB = 1 << 20


def test_bodies_of_every_size_pass_through_tls_on_one_connection(tmp_path, monkeypatch):
    shown = certificates.ensure(tmp_path, ["127.0.0.1"])
    monkeypatch.setenv("SSL_CERT_FILE", str(shown.ca))
    ports: set[int] = set()

    def echo(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        ports.add(handler.client_address[1])
        say(handler, 200, body)

    with serving(echo, shown) as endpoint:
        service = origin(endpoint)
        for size in (0, 1, 10_000, 70_000, 9 * MIB + 1):
            sent = bytes(range(256)) * (size // 256 + 1)
            got = bytearray(size)
            request = Request(method="PUT", path="/a", body=memoryview(sent)[:size])
            service.stream(request, lambda response, got=got: (read_exactly(response, got), response.read()))
            assert got == sent[:size]
        service.close()
    assert len(ports) == 1


def test_a_certificate_of_nobody_is_refused_and_nothing_is_sent(tmp_path):
    seen: list[str] = []
    shown = certificates.ensure(tmp_path, ["127.0.0.1"])
    with (
        serving(lambda handler, _: seen.append(handler.path), shown) as endpoint,
        pytest.raises(WkmsError, match="certificate that cannot be trusted"),
    ):
        origin(endpoint).call(GET)
    assert seen == []


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(monkeypatch):
    monkeypatch.setattr(http_origin, "ATTEMPTS", 1)
    seen: list[int] = []

    def once(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        seen.append(handler.client_address[1])
        say(handler, 200, b"x")
        handler.close_connection = True  # without a word

    with serving(once) as endpoint:
        service = origin(endpoint)
        assert [service.call(GET).body for _ in range(3)] == [b"x"] * 3
        service.close()
    assert len(set(seen)) == 3


def test_a_busy_service_is_heeded_and_asked_again():
    answers = iter([429, 503, 200])
    throttled: list[str] = []

    def busy(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        say(handler, next(answers), Retry_After="0")

    with serving(busy) as endpoint:
        service = origin(endpoint)
        service.heed(lambda: throttled.append("busy"))
        assert service.call(GET).status == 200
        service.close()
    assert throttled == ["busy", "busy"]


def test_a_refusal_is_final_and_says_the_services_own_code():
    seen: list[str] = []

    def refuse(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        seen.append(handler.path)
        say(handler, 403, b"<Error><Code>AccessDenied</Code></Error>")

    with serving(refuse) as endpoint, pytest.raises(ServiceError, match="403 AccessDenied") as caught:
        origin(endpoint).call(GET)
    assert (caught.value.status, caught.value.code, len(seen)) == (403, "AccessDenied", 1)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_server_that_falls_silent_is_a_failure_that_may_pass(tmp_path, monkeypatch, tls):
    monkeypatch.setattr(http_origin, "ATTEMPTS", 1)
    monkeypatch.setattr(http_origin, "TIMEOUT_SECONDS", 1.0)
    shown = certificates.ensure(tmp_path, ["127.0.0.1"]) if tls else None
    if shown:
        monkeypatch.setenv("SSL_CERT_FILE", str(shown.ca))
    silent = threading.Event()
    with serving(lambda *_: silent.wait(30), shown) as endpoint:
        try:
            with pytest.raises(TransientError, match="TimeoutError"):
                origin(endpoint).call(GET)
        finally:
            silent.set()


def test_nobody_there_is_said_at_once():
    with pytest.raises(WkmsError, match="cannot be reached") as caught:
        origin("http://127.0.0.1:1").call(GET)
    assert not isinstance(caught.value, TransientError)


def test_a_path_in_korean_arrives_percent_encoded():
    seen: list[str] = []

    def note(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        seen.append(handler.path)
        say(handler, 200)

    with serving(note) as endpoint:
        service = origin(endpoint)
        service.call(Request(method="GET", path="/인사팀//규칙 v2.pdf", query={"b": "가 &", "a": ""}))
        service.close()
    assert seen == ["/%EC%9D%B8%EC%82%AC%ED%8C%80//%EA%B7%9C%EC%B9%99%20v2.pdf?a=&b=%EA%B0%80%20%26"]


def test_a_broken_answer_is_asked_for_again():
    turns = iter([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])

    def broken(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.wfile.write(next(turns))
        handler.close_connection = True

    with serving(broken) as endpoint:
        service = origin(endpoint)
        assert service.call(GET).body == b"ok"
        service.close()
