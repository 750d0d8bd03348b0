"""One HTTP origin: keep-alive connections, signed requests, retries, and errors told in one way.

A blob copy makes two requests per small object; through the vendors' SDKs they cost several milliseconds of
CPU each. So the data path speaks HTTP itself (http_wire.py), and takes from the SDKs only what is hard to do well:
credentials.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias, TypeVar

from wkms_migrate import retry
from wkms_migrate.clients.http_wire import Connection, Headers, Response, head_of
from wkms_migrate.errors import Damaged, TransientError, WkmsError

T = TypeVar("T")
HTTP_ERROR = 300  # a redirection is one too: followed, it would reach another bucket or region than was asked for
THROTTLED = frozenset({429, 503})
DAMAGED = frozenset({"BadDigest", "IncompleteBody"})  # S3: the body that came is not the one that was sent
TIMEOUT_SECONDS = 60.0
ATTEMPTS = 10
_JSON_CODE = re.compile(rb'^\s*\{.*"__type"\s*:\s*"(?:[^"#]*#)?(\w+)"', re.DOTALL)
_JSON_MESSAGE = re.compile(rb'"[mM]essage"\s*:\s*("(?:[^"\\]|\\.)*")')
RETRY_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask. `path` begins with a slash and is not percent-encoded; `query` values neither.

    One that is not `repeatable` is signed, and so counted, before each time that it goes out.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | bytearray | memoryview = b""
    repeatable: bool = True

    @property
    def target_path(self) -> str:
        """The path as it goes over the wire."""
        return _quoted(self.path)


Sign: TypeAlias = Callable[[Request], Mapping[str, str]]  # the request with everything the service wants to see
Take: TypeAlias = Callable[[Response], T]  # reads a good response's body


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
    headers: Headers
    body: bytes


class Origin:
    """Requests to one endpoint. Thread-safe: each request has a connection of its own while it lasts."""

    def __init__(self, name: str, endpoint: str, sign: Sign, stop: threading.Event | None = None) -> None:
        parts = urllib.parse.urlsplit(endpoint)
        self._name = name
        self._endpoint = endpoint
        self._host = parts.netloc
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._address = (parts.hostname or "", parts.port or (443 if self._tls else 80))
        self._sign = sign
        self._throttled: Callable[[], None] = _nobody
        self._idle: deque[Connection] = deque()
        self._retry = retry.policy(attempts=ATTEMPTS, seconds=RETRY_SECONDS, stop=stop)

    def call(self, request: Request) -> Answer:
        """Send a request whose answer is small, trying again while the failure may pass."""
        return self.stream(request, whole)

    def stream(self, request: Request, take: Take[T]) -> T:
        """Send a request and let `take` read the body of a good answer; all of it again when it broke off."""
        try:
            return self._attempt(request, take)
        except TransientError as error:
            failures = [error]

        def again() -> T:  # a policy's bookkeeping costs as much as a request, so it comes in only now
            if failures:
                raise failures.pop()
            return self._attempt(request, take)

        result: T = self._retry(again)
        return result

    def once(self, request: Request, take: Take[T]) -> T:
        """Do as `stream` does without trying again, for a caller that knows better when and what to send."""
        return self._attempt(request, take)

    def message(self, request: Request) -> bytes:
        """Return a request as it goes over the wire, signed."""
        return self._head(request) + bytes(request.body)

    def lend(self) -> Connection | None:
        """Return an idle connection, None when there is none. Give it back after a whole answer, or close it."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def give_back(self, connection: Connection) -> None:
        """Take an idle connection back."""
        self._idle.append(connection)

    def check(self, request: Request, response: Response) -> None:
        """Raise the error that an answer tells: `TransientError` where trying again may help, else `WkmsError`."""
        if response.status < HTTP_ERROR:
            return
        body = response.read(64 * 1024)
        code = _code(response, body)
        message = f"{self._name} answered {response.status} {code} to {request.method} {request.path}.{_reason(body)}"
        wait = response.getheader("Retry-After") or ""
        if response.status in THROTTLED:
            self._throttled()
        raise service_error(message, response.status, code, float(wait) if wait.isdigit() else None)

    def heed(self, throttled: Callable[[], None]) -> None:
        """Call `throttled` from now on whenever the service says that it is busy (429, 503)."""
        self._throttled = throttled

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
        except OSError as error:
            raise TransientError(
                f"{self._name}: {request.method} {request.path} broke off: {type(error).__name__}: {error}.",
                hint="Check the network; then run the same command again to go on.",
            ) from error

    def _exchange(self, request: Request, take: Take[T]) -> T:
        connection, response = self._respond(request)
        try:
            self.check(request, response)
            result = take(response)
        except BaseException:
            connection.close()
            raise
        if response.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return result

    def _respond(self, request: Request) -> tuple[Connection, Response]:
        """Send on an idle connection; on a new one where there is none, or where the server had closed it."""
        head = self._head(request)
        while True:
            try:
                connection, fresh = self._idle.pop(), False
            except IndexError:
                connection, fresh = Connection(*self._address, self._tls, TIMEOUT_SECONDS), True
            try:
                connection.send(head, request.body)
                return connection, connection.answer(request.method)
            except (ConnectionResetError, BrokenPipeError):
                connection.close()
                if fresh or not request.repeatable:
                    raise
            except BaseException:
                connection.close()
                raise

    def _head(self, request: Request) -> bytes:
        target = request.target_path
        if request.query:
            query = urllib.parse.urlencode(sorted(request.query.items()), quote_via=urllib.parse.quote, safe="-_.~")
            target = f"{target}?{query}"
        headers = {"Host": self._host, **self._sign(request), "Content-Length": str(len(request.body))}
        return head_of(request.method, target, headers)


def service_error(message: str, status: int, code: str, retry_after: float | None = None) -> WkmsError:
    """Return the error for a refusal: transient or for good, as retry.py tells them apart."""
    if code in DAMAGED:
        return Damaged(message, hint="Something on the way to S3 changes data; check proxies, then run again.")
    if status in retry.TRANSIENT_STATUS or code in retry.TRANSIENT_CODES:
        return TransientError(message, hint="Run the same command again to go on.", retry_after=retry_after)
    return ServiceError(message, status=status, code=code, hint=_hint(status, code))


def _nobody() -> None:
    """Hear it."""


@lru_cache(maxsize=1024)  # asked for when a request is signed, and again when it is sent
def _quoted(path: str) -> str:
    """Return a path as it goes over the wire. Folders recur, and the name is the same at both ends."""
    folder, slash, name = path.rpartition("/")
    return f"{_percent_encoded(folder)}{slash}{_percent_encoded(name)}"


@lru_cache(maxsize=4096)
def _percent_encoded(text: str) -> str:
    return urllib.parse.quote(text, safe="/-_.~")


def whole(response: Response) -> Answer:
    """Take a whole answer."""
    return Answer(response.status, response.headers, response.read())


def _code(response: Response, body: bytes) -> str:
    """Return the error code: from Azure's header, DynamoDB's JSON or the XML of both; an answer to HEAD has none."""
    if code := response.getheader("x-ms-error-code"):
        return code
    if found := _JSON_CODE.search(body):
        return found[1].decode()
    _, _, after = body.partition(b"<Code>")
    return after.partition(b"</Code>")[0].decode("utf-8", "replace") if after else response.reason


def _reason(body: bytes) -> str:
    """Return what DynamoDB says of a refusal, after a blank; nothing where the answer is not in its JSON."""
    found = _JSON_MESSAGE.search(body) if _JSON_CODE.search(body) else None
    return f" {json.loads(found[1], strict=False)}" if found else ""


def _hint(status: int, code: str) -> str:
    if status in {401, 403} or code == "ExpiredToken":
        return "Check the credentials in the configuration, their rights, and this machine's clock."
    if status == 404:  # noqa: PLR2004
        return "Check the names in the configuration; was `wkms-migrate phase provision` run?"
    return ""
