"""Answers are read as RFC 9112 says, however they are cut into reads; what ends early is never taken for whole."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients.http_wire import Broken, Connection, Headers, Response, head_of

SECONDS = 5.0
BODIES = st.binary(max_size=300)


@contextmanager
def answering(pieces: list[bytes]) -> Iterator[Connection]:
    """Give a connection on which these pieces arrive, and then its end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Connection("127.0.0.1", server.getsockname()[1], None, SECONDS)
        there, _ = server.accept()

        def speak() -> None:
            with there:
                for piece in pieces:
                    there.sendall(piece)

        speaker = threading.Thread(target=speak)
        speaker.start()
        try:
            yield connection
        finally:
            connection.close()
            speaker.join()


def answer(connection: Connection, method: str = "GET") -> Response:
    return connection.answer(method)


def cut(data: bytes, step: int) -> list[bytes]:
    return [data[at : at + step] for at in range(0, len(data), step)]


@given(body=BODIES, step=st.integers(1, 50))
def test_a_body_of_a_known_length_and_the_answer_after_it(body, step):
    first = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: "a"\r\n\r\n%b' % (len(body), body)
    second = b"HTTP/1.1 204 No Content\r\n\r\n"
    with answering(cut(first + second, step)) as connection:
        response = answer(connection)
        assert (response.status, response.reason, response.getheader("etag")) == (200, "OK", '"a"')
        assert response.read() == body
        assert response.reusable
        assert answer(connection).status == 204


@given(pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=6), step=st.integers(1, 50))
def test_a_body_in_chunks_with_trailers(pieces, step):
    chunks = b"".join(b"%x;name=value\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: 1\r\n\r\n"
    with answering(cut(sent + b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", step)) as connection:
        response = answer(connection)
        assert response.read() == b"".join(pieces)
        assert response.reusable
        assert answer(connection).status == 404


@pytest.mark.parametrize(
    "head", [b"Content-Length: 10", b"Transfer-Encoding: chunked\r\n\r\na"], ids=["length", "chunk"]
)
def test_a_body_that_ends_early_is_no_body(head):
    with answering(
        [b"HTTP/1.1 200 OK\r\n", head, b"\r\n\r\n" if b"chunk" not in head else b"\r\n", b"half"]
    ) as connection:
        response = answer(connection)
        with pytest.raises(Broken):
            response.read()
        assert not response.reusable


def test_a_body_without_a_length_goes_on_to_the_end_of_the_connection():
    with answering([b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 1000, b"b"]) as connection:
        response = answer(connection)
        assert response.read() == b"a" * 1000 + b"b"
        assert not response.reusable


@pytest.mark.parametrize("end", ["Connection: close\r\n", "Connection: Close\r\n"])
def test_a_connection_that_the_server_wants_to_close_is_not_used_again(end):
    with answering([f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n{end}\r\nx".encode()]) as connection:
        response = answer(connection)
        assert response.read() == b"x"
        assert not response.reusable


def test_a_connection_is_not_used_again_before_its_answer_was_read():
    with answering([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxy"]) as connection:
        response = answer(connection)
        assert response.read(1) == b"x"
        assert not response.reusable
        assert response.read(5) == b"y"
        assert response.reusable


def test_the_answer_to_head_has_a_length_and_no_body():
    with answering(
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
    ) as connection:
        response = answer(connection, "HEAD")
        assert (response.getheader("Content-Length"), response.read(), response.reusable) == ("9", b"", True)
        assert answer(connection).status == 200


def test_a_promise_before_the_answer_is_skipped():
    with answering([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]) as connection:
        assert answer(connection).status == 200


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 70_000])
def test_what_is_no_answer_is_broken(said):
    with answering([said]) as connection, pytest.raises(Broken):
        answer(connection)


def test_a_server_that_says_nothing_ends_in_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Connection("127.0.0.1", server.getsockname()[1], None, 1.0)
        there, _ = server.accept()
        with there, pytest.raises(TimeoutError):
            answer(connection)
        connection.close()


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).map(str.lower),
        st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True),
        max_size=8,
    )
)
def test_headers_are_found_whatever_their_case(values):
    headers = Headers("".join(f"\r\n{name.title()}:  {value} " for name, value in values.items()))
    assert dict(headers) == values
    assert {name: headers[name.upper()] for name in values} == values
    assert headers.get("absent-one") is None


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb"])
def test_a_header_cannot_break_out_of_its_line(value):
    with pytest.raises(ValueError, match="line break"):
        head_of("PUT", "/a", {"x-amz-meta-a": value})
