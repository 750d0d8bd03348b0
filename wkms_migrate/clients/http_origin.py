"""One HTTP origin: keep-alive connections, signed requests, retries, and errors told in one way.

A blob copy makes two requests per small object; through the vendors' SDKs they cost several milliseconds of
CPU each, ten times what `http.client` needs. So the data path speaks HTTP itself, and takes from the SDKs only what
is hard to do well: credentials.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from wkms_migrate import retry
from wkms_migrate.errors import TransientError, WkmsError

T = TypeVar("T")
HTTP_ERROR = 400
TIMEOUT_SECONDS = 60.0
ATTEMPTS = 10
_JSON_CODE = re.compile(rb'^\s*\{.*"__type"\s*:\s*"(?:[^"#]*#)?(\w+)"', re.DOTALL)
RETRY_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask. `path` begins with a slash and is not percent-encoded; `query` values neither."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | bytearray | memoryview = b""

    @property
    def target_path(self) -> str:
        """The path as it goes over the wire."""
        return urllib.parse.quote(self.path, safe="/-_.~")


Sign: TypeAlias = Callable[[Request], Mapping[str, str]]  # the request with everything the service wants to see
Take: TypeAlias = Callable[[http.client.HTTPResponse], T]  # reads a good response's body


class ServiceError(WkmsError):
    """A service said no, for good. `status` and `code` are the service's own."""

    def __init__(self, message: str, *, status: int, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """A response without its connection. Header names are looked up without regard to case."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Origin:
    """Requests to one endpoint. Thread-safe: each request has a connection of its own while it lasts."""

    def __init__(self, name: str, endpoint: str, sign: Sign, stop: threading.Event | None = None) -> None:
        parts = urllib.parse.urlsplit(endpoint)
        self._name = name
        self._endpoint = endpoint
        self._host = parts.netloc
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._sign = sign
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._retry = retry.policy(attempts=ATTEMPTS, seconds=RETRY_SECONDS, stop=stop)

    def call(self, request: Request) -> Answer:
        """Send a request whose answer is small, trying again while the failure may pass."""
        return self.stream(request, _whole)

    def stream(self, request: Request, take: Take[T]) -> T:
        """Send a request and let `take` read the body of a good answer; all of it again when it broke off."""
        result: T = self._retry(self._attempt, request, take)
        return result

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _attempt(self, request: Request, take: Take[T]) -> T:
        try:
            return self._exchange(request, take)
        except ssl.SSLCertVerificationError as error:
            raise WkmsError(
                f"{self._endpoint} shows a certificate that cannot be trusted: {error.verify_message}.",
                hint="Install the issuer's CA on this machine, or set SSL_CERT_FILE to its bundle.",
            ) from error
        except (socket.gaierror, ConnectionRefusedError) as error:
            raise WkmsError(
                f"{self._name} at {self._endpoint} cannot be reached: {error}.",
                hint="Check the endpoint in the configuration, and the network from here to it.",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(
                f"{self._name}: {request.method} {request.path} broke off: {type(error).__name__}: {error}.",
                hint="Check the network; then run the same command again to go on.",
            ) from error

    def _exchange(self, request: Request, take: Take[T]) -> T:
        connection, response = self._respond(request)
        try:
            self._check(request, response)
            result = take(response)
        except BaseException:
            connection.close()
            raise
        if response.isclosed() and not response.will_close:
            self._idle.append(connection)
        else:
            connection.close()
        return result

    def _respond(self, request: Request) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send on an idle connection; on a new one where there is none, or where the server had closed it."""
        while True:
            try:
                connection, fresh = self._idle.pop(), False
            except IndexError:
                connection, fresh = self._connect(), True
            try:
                self._send(connection, request)
                return connection, connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                connection.close()
                if fresh:
                    raise
            except BaseException:
                connection.close()
                raise

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, timeout=TIMEOUT_SECONDS)
        return http.client.HTTPSConnection(self._host, timeout=TIMEOUT_SECONDS, context=self._tls)

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> None:
        query = urllib.parse.urlencode(sorted(request.query.items()), quote_via=urllib.parse.quote, safe="-_.~")
        url = f"{request.target_path}?{query}" if query else request.target_path
        connection.putrequest(request.method, url, skip_host=True)
        connection.putheader("Host", self._host)
        for name, value in self._sign(request).items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body if len(request.body) else None)

    def _check(self, request: Request, response: http.client.HTTPResponse) -> None:
        if response.status < HTTP_ERROR:
            return
        code = _code(response, response.read(64 * 1024))
        message = f"{self._name} answered {response.status} {code} to {request.method} {request.path}."
        wait = response.getheader("Retry-After", "")
        raise service_error(message, response.status, code, float(wait) if wait.isdigit() else None)


def service_error(message: str, status: int, code: str, retry_after: float | None = None) -> WkmsError:
    """Return the error for a refusal: transient or for good, as retry.py tells them apart."""
    if status in retry.TRANSIENT_STATUS or code in retry.TRANSIENT_CODES:
        return TransientError(message, hint="Run the same command again to go on.", retry_after=retry_after)
    return ServiceError(message, status=status, code=code, hint=_hint(status, code))


def _whole(response: http.client.HTTPResponse) -> Answer:
    return Answer(response.status, response.headers, response.read())


def _code(response: http.client.HTTPResponse, body: bytes) -> str:
    """Return the error code: from Azure's header, DynamoDB's JSON or the XML of both; an answer to HEAD has none."""
    if code := response.getheader("x-ms-error-code"):
        return code
    if found := _JSON_CODE.search(body):
        return found[1].decode()
    _, _, after = body.partition(b"<Code>")
    return after.partition(b"</Code>")[0].decode("utf-8", "replace") if after else response.reason


def _hint(status: int, code: str) -> str:
    if status in {401, 403} or code == "ExpiredToken":
        return "Check the credentials in the configuration, their rights, and this machine's clock."
    if status == 404:  # noqa: PLR2004
        return "Check the names in the configuration; was `wkms-migrate phase provision` run?"
    return ""


def read_exactly(response: http.client.HTTPResponse, into: bytearray | memoryview) -> None:
    """Fill the buffer from the body. Raises `TransientError` when the body ends early."""
    view = memoryview(into)
    filled = 0
    while filled < len(view):
        count = response.readinto(view[filled:])
        if not count:
            raise TransientError(
                f"A body ended after {filled} of {len(view)} bytes.", hint="Run the same command again to go on."
            )
        filled += count
