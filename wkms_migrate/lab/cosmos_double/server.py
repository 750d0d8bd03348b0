"""HTTP around the account: keep-alive connections, signatures, counts, and the endpoints of the double itself.

Everything under `/_double/` is no part of the service and takes no signature:

    GET    /_double/counters                what was asked of the double
    DELETE /_double/counters                start counting again
    PUT    /_double/storm                   {"rate", "seed", "retry_after_ms", "limit"}: 429 for requests on items
    PUT    /_double/clock                   {"ahead": seconds}: move the account's time on
    POST   /_double/import/<db>/<container> JSON lines, one item each; `_ts` is kept where given
    POST   /_double/split/<db>/<container>  {"range", "settling"}: split a range (the widest) in two; its parts answer
                                            410/1007 to so many requests first
    PUT    /_double/backup                  {"continuous": bool}: keep all versions and deletes from now on
    DELETE /_double/account                 forget all databases
"""

from __future__ import annotations

import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import unquote, urlsplit

import orjson

from wkms_migrate.lab.cosmos_double import auth, routes
from wkms_migrate.lab.cosmos_double.account import Account
from wkms_migrate.lab.cosmos_double.container import check_document
from wkms_migrate.lab.cosmos_double.message import NOT_MODIFIED, RefusalError, Reply, Request
from wkms_migrate.lab.cosmos_double.storm import Counters, Storm

NO_BODY: Final = frozenset({204, NOT_MODIFIED})
READS: Final = frozenset({"GET", "HEAD"})


class Double:
    """The account behind one lock, with its faults and counts."""

    def __init__(self, account: Account, key: bytes) -> None:
        self._account = account
        self._key = key
        self._storm = Storm()
        self._counters = Counters()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        """Answer any request."""
        try:
            if request.segments[:1] == ("_double",):
                return self._control(request)
            return self._serve(request)
        except RefusalError as refusal:
            return refusal.reply()

    def _serve(self, request: Request) -> Reply:
        kind = _kind(request)
        with self._lock:
            self._counters.requests[kind] += 1
            auth.check(request, self._key)
            if "docs" in request.segments:
                self._strike()
            reply = routes.answer(request, self._account)
            self._counters.charge += reply.charge
            self._counters.mutating += kind.startswith("write")
            self._account.flush()
        return reply

    def _strike(self) -> None:
        try:
            self._storm.strike()
        except RefusalError:
            self._counters.throttled += 1
            raise

    def _control(self, request: Request) -> Reply:
        with self._lock:
            match request.method, request.segments[1:]:
                case "GET", ("counters",):
                    return Reply(body=orjson.dumps(self._counters.as_json()))
                case "DELETE", ("counters",):
                    self._counters = Counters()
                case "POST", ("import", database, container):
                    return self._import(request, database, container)
                case "DELETE", ("account",):
                    self._account.reset()
                case _:
                    self._happen(request)
            self._account.flush()
        return Reply(status=204)

    def _happen(self, request: Request) -> None:
        """Let happen to the account what its owner or the service might do."""
        match request.method, request.segments[1:]:
            case "PUT", ("storm",):
                self._storm = Storm(**request.json())
            case "PUT", ("clock",):
                self._account.skew = float(request.json()["ahead"])
            case "PUT", ("backup",):
                self._account.keep_all(on=bool(request.json()["continuous"]))
            case "POST", ("split", database, name):
                asked = request.json()
                home = self._account.container(database, name)
                self._account.split(home, asked.get("range"), asked.get("settling", 0))
            case _:
                raise RefusalError(404, "NotFound", "There is no such endpoint of the double.")

    def _import(self, request: Request, database: str, name: str) -> Reply:
        container = self._account.container(database, name)
        count = 0
        for line in request.body.splitlines():
            document = check_document(orjson.loads(line), len(line))
            self._account.put(container, document, document.get("_ts"))
            count += 1
        self._account.flush()
        return Reply(status=201, body=orjson.dumps({"imported": count}))


def serve(double: Double, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that is bound (`server_address` tells the port) and not yet serving."""
    return _Server((host, port), double)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], double: Double) -> None:
        super().__init__(address, _Handler)
        self.double = double


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the counters tell what was asked."""

    def handle_one_request(self) -> None:
        """Serve one request of a connection; a client may hang up at any time."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer a request of any method."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = Request(
            method=self.command,
            segments=tuple(unquote(part) for part in urlsplit(self.path).path.split("/") if part),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        self._send(self.server.double.answer(request), request.header("x-ms-activity-id"))

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET  # noqa: N815 (the base class looks these names up)

    def _send(self, reply: Reply, activity: str | None) -> None:
        self.send_response(reply.status)
        self.send_header("x-ms-request-charge", f"{reply.charge:g}")
        self.send_header("x-ms-activity-id", activity or str(uuid.uuid4()))
        self.send_header("x-ms-version", "2020-07-15")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status not in NO_BODY:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if reply.status not in NO_BODY and self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()


def _kind(request: Request) -> str:
    """Name what a request does: read, query or write, and on what kind of resource."""
    resource = request.segments[-1 if len(request.segments) % 2 else -2] if request.segments else "account"
    queries = ("x-ms-documentdb-isquery", "x-ms-cosmos-is-query-plan-request")
    if any(request.is_true(name) for name in queries) or resource == "offers":
        return f"query {resource}"
    return f"{'read' if request.method in READS else 'write'} {resource}"
