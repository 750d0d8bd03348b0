"""HTTP/1.1 over one connection: a request in as few writes as it takes, an answer in as few reads.

`http.client` parses every answer's headers as an e-mail and waits twice for each read; with two requests per small
object that was most of what a copy cost. Messages: https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from wkms_migrate.errors import Damaged

BUFFER_BYTES: Final = 64 << 10  # also the most that the head of an answer may take
JOINED_BYTES: Final = 64 << 10  # up to here a body is sent together with its head
MOST_AT_ONCE: Final = 1 << 20
NO_BODY = frozenset({204, 304})
END_OF_HEAD = b"\r\n\r\n"


class Broken(ConnectionResetError):
    """The connection ended, or what came is no HTTP."""


class Headers(Mapping[str, str]):
    """Headers of an answer, looked up without regard to case; few of the many that come are ever asked for."""

    __slots__ = ("_head", "_lowered")

    def __init__(self, head: str) -> None:
        """Take the head of an answer: lines, each begun by CR LF."""
        self._head = head
        self._lowered = head.lower()

    def __getitem__(self, name: str) -> str:
        value = self.find(name)
        if value is None:
            raise KeyError(name)
        return value

    def find(self, name: str) -> str | None:
        """Return a header, None when it did not come: quicker than `get`, which mostly meets what is not there."""
        sought = f"\r\n{name.lower()}:"
        at = self._lowered.find(sought)
        if at < 0:
            return None
        begin = at + len(sought)
        end = self._head.find("\r\n", begin)
        return self._head[begin : end if end >= 0 else None].strip()

    def __iter__(self) -> Iterator[str]:
        return (line.partition(":")[0] for line in self._lowered.split("\r\n")[1:])

    def __len__(self) -> int:
        return self._head.count("\r\n")


Head: TypeAlias = tuple[int, str, Headers]  # status, reason, headers


class Connection:
    """A connection to `host`:`port`. `seconds` bounds every wait; `TimeoutError` when it is over."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, seconds: float) -> None:
        plain = socket.create_connection((host, port), seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            _leave_timing_to_the_kernel(plain, seconds)
        self._socket = tls.wrap_socket(plain, server_hostname=host) if tls else plain
        self._seconds = seconds if tls else None
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._at = self._end = self._due = 0
        self._head: Head | None = None  # of an answer that is being gathered

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def send(self, head: bytes, body: bytes | bytearray | memoryview) -> None:
        """Send a request."""
        try:
            if len(body) <= JOINED_BYTES:
                self._socket.sendall(b"".join((head, body)))
            else:
                self._socket.sendall(head)
                self._socket.sendall(body)
        except BlockingIOError as error:
            raise TimeoutError("the server takes nothing more") from error

    def fileno(self) -> int:
        """Return what a selector takes it by."""
        return self._socket.fileno()

    def wait(self, *, allowed: bool) -> None:
        """Say whether its calls may wait; one on which they may not is for `offer` and `gather`."""
        self._socket.settimeout(self._seconds if allowed else 0)

    def offer(self, message: memoryview) -> int:
        """Send as much of a message as goes out at once; return how many bytes, 0 when there is no room now."""
        try:
            return self._socket.send(message)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0

    def gather(self) -> bool:
        """Receive what is there; say whether it is a whole answer, which can then be read without waiting.

        Raises `Broken` at the end of the connection, and for an answer that does not say its length or has no room.
        """
        while not self._is_whole():
            if self._end == BUFFER_BYTES:
                raise Broken("an answer is too long to be gathered")
            try:
                count = self._socket.recv_into(self._view[self._end :])
            except (BlockingIOError, ssl.SSLWantReadError):
                return False
            if not count:
                raise Broken("the connection was closed")
            self._end += count
        return True

    def _is_whole(self) -> bool:
        if self._head is None:
            if self._at == self._end:
                self._at = self._end = 0
            found = self._buffer.find(END_OF_HEAD, self._at, self._end)
            if found < 0:
                return False
            self._head = _parsed(bytes(self._view[self._at : found]))
            length = self._head[2].find("content-length") or ""
            if not length.isdigit():
                raise Broken("an answer does not say its length")
            self._at = found + len(END_OF_HEAD)
            self._due = self._at + int(length)
        return self._due <= self._end

    def answer(self, method: str) -> Response:
        """Read the head of the answer to a request of this method."""
        while True:
            status, reason, headers = self._head or _parsed(self._take_until(END_OF_HEAD))
            self._head = None
            if status >= 200:  # noqa: PLR2004 - what comes before is only a promise
                return Response(self, method, status, reason, headers)

    def take_line(self) -> bytes:
        """Return one line without its end."""
        return self._take_until(b"\r\n")

    def take_into(self, view: memoryview) -> int:
        """Fill as much of the view as is there; return how many bytes, 0 at the end of the connection."""
        if self._at < self._end:
            count = min(len(view), self._end - self._at)
            view[:count] = self._view[self._at : self._at + count]
            self._at += count
            return count
        return self._receive(view)

    def _take_until(self, end: bytes) -> bytes:
        while (found := self._buffer.find(end, self._at, self._end)) < 0:
            if self._at:
                self._view[: self._end - self._at] = bytes(self._view[self._at : self._end])
                self._at, self._end = 0, self._end - self._at
            if self._end == BUFFER_BYTES:
                raise Broken("the head of an answer is too long")
            count = self._receive(self._view[self._end :])
            if not count:
                raise Broken("the connection was closed")
            self._end += count
        taken = bytes(self._view[self._at : found])
        self._at = found + len(end)
        return taken

    def _receive(self, view: memoryview) -> int:
        try:
            return self._socket.recv_into(view)
        except BlockingIOError as error:
            raise TimeoutError("the server says nothing more") from error


class Response:
    """An answer whose body is read from its connection as it is asked for."""

    def __init__(self, connection: Connection, method: str, status: int, reason: str, headers: Headers) -> None:
        self.status, self.reason, self.headers = status, reason, headers
        self._connection = connection
        self._chunked = "chunked" in (headers.find("transfer-encoding") or "").lower()
        length = headers.find("content-length")
        self._endless = length is None and not self._chunked  # the body ends with the connection
        self._left = int(length) if length and not self._chunked else 0
        self._ended = method == "HEAD" or status in NO_BODY or length == "0"
        if self._ended:
            self._left, self._endless, self._chunked = 0, False, False
        self._begun = False

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """Return a header, or the default."""
        value = self.headers.find(name)
        return default if value is None else value

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request: all was read, and neither side wants to close it."""
        return self._ended and not self._endless and (self.headers.find("connection") or "").lower() != "close"

    def readinto(self, into: bytearray | memoryview) -> int:
        """Fill as much of a buffer as is there; return how many bytes, 0 at the end of body or connection."""
        if not self._left and not self._endless:
            self._next_chunk()
        if self._ended or not len(into):
            return 0
        view = memoryview(into)
        if self._endless:
            return self._connection.take_into(view)
        count = self._connection.take_into(view[: self._left])
        self._left -= count
        self._ended = not self._left and not self._chunked
        return count

    def read(self, most: int = sys.maxsize) -> bytes:
        """Return the rest of the body, or at most so many bytes. Raises `Broken` when it ends early."""
        if self._ended:
            return b""
        pieces: list[bytes] = []
        room = bytearray(min(most, max(BUFFER_BYTES, self._left), MOST_AT_ONCE))
        while most and (count := self.readinto(memoryview(room)[:most])):
            pieces.append(bytes(room[:count]))
            most -= count
        if most and self._left:
            raise Broken(f"a body ended {self._left} bytes early")
        return b"".join(pieces)

    def _next_chunk(self) -> None:
        """Go on to the next chunk of a body in chunks, or to its end."""
        if not self._chunked or self._ended:
            self._ended = True
            return
        if self._begun:
            self._connection.take_line()
        self._begun = True
        size = self._connection.take_line().partition(b";")[0]
        try:
            self._left = int(size, 16)
        except ValueError as error:
            raise Broken(f"{size!r} is no length of a chunk") from error
        if not self._left:
            while self._connection.take_line():
                """Skip the trailers."""
            self._ended = True


def read_exactly(response: Response, into: bytearray | memoryview) -> None:
    """Fill the buffer from the body. Raises `Damaged` when the body ends early."""
    view = memoryview(into)
    filled = 0
    while filled < len(view):
        count = response.readinto(view[filled:])
        if not count:
            raise Damaged(
                f"A body ended after {filled} of {len(view)} bytes.", hint="Run the same command again to go on."
            )
        filled += count


def head_of(method: str, target: str, headers: dict[str, str]) -> bytes:
    """Return the head of a request. Raises `ValueError` when a value would break out of its line."""
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()], "", ""]
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise ValueError(f"A header of {method} {target} holds a line break.")
    return text.encode("latin-1")


def _leave_timing_to_the_kernel(plain: socket.socket, seconds: float) -> None:
    """Spare the second system call that Python makes for each read of a socket with a timeout.

    Not for TLS: the ssl module takes the kernel's "not yet" for a reason to ask again, for ever.
    """
    limit = struct.pack("ll", int(seconds), 0)
    plain.settimeout(None)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _parsed(head: bytes) -> Head:
    text = head.decode("latin-1")
    first = text.partition("\r\n")[0]
    version, _, rest = first.partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not code.isdigit():
        raise Broken(f"{first[:40]!r} is no answer of HTTP/1.1")
    return int(code), reason, Headers(text[len(first) :])
