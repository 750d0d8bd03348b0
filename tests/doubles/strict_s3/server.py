"""The server's HTTP side: one handler per S3 operation, chosen by method and query."""

from __future__ import annotations

import contextlib
import http
import re
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from doubles.faults import Fault, Faults, Kind
from doubles.strict_s3 import signature
from doubles.strict_s3.answers import XMLNS, document, error
from doubles.strict_s3.store import Bucket, Object, S3Error, Store, check_body, crc64, described, md5
from doubles.strict_s3.versions import list_versions

MAX_KEY_BYTES = 1024
PAUSE_SECONDS = 60
WORDS = ("uploads", "uploadId", "partNumber", "versioning", "versions", "tagging")
REFUSALS: dict[Kind, tuple[int, str]] = {
    "denied": (403, "AccessDenied"),
    "expired": (400, "ExpiredToken"),
    "elsewhere": (301, "PermanentRedirect"),
}


class StrictS3:
    """A running server on a free loopback port. Use it as a context manager."""

    def __init__(self, *, min_part: int = 5 << 20, keys: dict[str, str] | None = None) -> None:
        self.store = Store(min_part)
        self.faults = Faults()
        self.keys = keys or {"testing": "testing"}
        self.requests: list[tuple[str, str]] = []
        self.active = 0
        self.changed = threading.Condition()
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.double = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def bucket(self, name: str, *, versioned: bool = False) -> Bucket:
        """Make a bucket."""
        self.store.buckets[name] = Bucket(versioned=versioned)
        return self.store.buckets[name]

    def settle(self, seconds: float = 30) -> None:
        """Wait until no request is being worked on, e.g. after a client was killed."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.active == 0, seconds), f"{self.active} requests go on"

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Count a request while it lasts."""
        with self.changed:
            self.active += 1
        try:
            yield
        finally:
            with self.changed:
                self.active -= 1
                self.changed.notify_all()

    def count(self, method: str, where: str = "") -> int:
        """Return how many requests with this method had `where` in path or query."""
        return sum(1 for verb, target in self.requests if verb == method and where in target)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    double: StrictS3

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class Fields(dict[str, str]):
    """Headers of a request, looked up without regard to case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(name.lower(), default)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 1 << 20
    server: Server
    headers: Fields  # type: ignore[assignment]
    damage_out: Fault | None
    truncate: Fault | None
    reset: Fault | None
    misstate: Fault | None

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean; `StrictS3.requests` is the log."""

    def parse_request(self) -> bool:
        """Take the head of a request. The standard library reads it as an e-mail, slower than all the rest is."""
        self.command, self.path, self.request_version = self.raw_requestline.decode("latin-1").split()
        self.requestline = f"{self.command} {self.path} {self.request_version}"
        self.headers = Fields()
        while line := self.rfile.readline().decode("latin-1").strip("\r\n"):
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.close_connection = (self.headers.get("Connection") or "").lower() == "close"
        if self.headers.get("Expect"):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def handle_request(self) -> None:
        with self.server.double.working():
            self.receive(self.server.double)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_request  # noqa: N815 - the names that http.server calls

    def receive(self, double: StrictS3) -> None:
        double.requests.append((self.command, self.path))
        met = double.faults.take(self.command, urllib.parse.unquote(self.path))
        self.damage_out, self.truncate, self.reset = met("damage_out"), met("truncate"), met("reset")
        self.misstate = met("misstate")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if fault := met("pause"):
            fault.reached.set()
            fault.release.wait(PAUSE_SECONDS)
        if met("damage_in") and body:
            body = _damaged(body)
        refused = next((kind for kind in REFUSALS if met(kind)), None)
        if refused:
            status, code = REFUSALS[refused]
            self.answer(status, error(code, self.path))
        elif busy := met("unavailable"):
            self.answer(503, error("SlowDown", self.path), {"Retry-After": str(busy.retry_after)})
        elif met("late_error"):
            self.answer(200, error("InternalError", self.path))
        else:
            self.serve(body)

    def serve(self, body: bytes) -> None:
        double = self.server.double
        try:
            signature.check(self.command, self.path, self.headers, body, double.keys)
            with double.store.lock:
                self.dispatch(self.path, body)
        except S3Error as refusal:
            self.answer(refusal.status, error(refusal.code, self.path, refusal.text))

    def dispatch(self, target: str, body: bytes) -> None:
        path, _, query = target.partition("?")
        if len(body) != int(self.headers.get("Content-Length") or 0):
            raise S3Error(400, "IncompleteBody")
        bucket, _, key = urllib.parse.unquote(path)[1:].partition("/")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise S3Error(400, "KeyTooLongError")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        words = [word for word in WORDS if word in self.query]
        name = " ".join([self.command, "object" if key else "bucket", *words])
        operation = OPERATIONS.get(name)
        if operation is None:
            raise S3Error(501, "NotImplemented", name)
        operation(self, bucket, key, body)

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        length = str(len(body))
        if self.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            self.close_connection = True
            self.connection.close()
            return
        if self.damage_out and body:
            body = _damaged(body)
        if self.truncate:
            body, self.close_connection = body[: len(body) // 2], True
        fields = {"Content-Length": length, "Server": "strict_s3", "Connection": "keep-alive", **(headers or {})}
        lines = [
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
            *(f"{n}: {v}" for n, v in fields.items()),
            "",
            "",
        ]
        head = "\r\n".join(lines).encode("latin-1")
        self.wfile.write(head if self.command == "HEAD" else head + body)

    # -- buckets

    def head_bucket(self, bucket: str, _: str, __: bytes) -> None:
        self.server.double.store.bucket(bucket)
        self.answer(200)

    def make_bucket(self, bucket: str, _: str, __: bytes) -> None:
        self.server.double.store.buckets.setdefault(bucket, Bucket())
        self.answer(200)

    def get_versioning(self, bucket: str, _: str, __: bytes) -> None:
        status = "<Status>Enabled</Status>" if self.server.double.store.bucket(bucket).versioned else ""
        self.answer(200, document("VersioningConfiguration", status))

    def put_versioning(self, bucket: str, _: str, body: bytes) -> None:
        self.server.double.store.bucket(bucket).versioned = b">Enabled<" in body
        self.answer(200)

    def list_objects(self, bucket: str, _: str, __: bytes) -> None:
        objects = self.server.double.store.bucket(bucket).objects
        after = urllib.parse.unquote(self.query.get("continuation-token", ""))
        prefix, most = self.query.get("prefix", ""), int(self.query.get("max-keys", "1000"))
        keys = sorted((key for key in objects if key.startswith(prefix)), key=str.encode)
        rest = [key for key in keys if key.encode() > after.encode()] if after else keys
        page, more = rest[:most], len(rest) > most
        items = "".join(
            f"<Contents><Key>{self.named(key)}</Key><Size>{len(objects[key].data)}</Size>"
            f"<ETag>&quot;{objects[key].etag}&quot;</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<StorageClass>{objects[key].storage_class}</StorageClass></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(urllib.parse.quote(page[-1]))}</NextContinuationToken>" if more else ""
        encoding = "<EncodingType>url</EncodingType>" if self.query.get("encoding-type") else ""
        text = f"<IsTruncated>{str(more).lower()}</IsTruncated>{encoding}<KeyCount>{len(page)}</KeyCount>{token}{items}"
        self.answer(200, document("ListBucketResult", text))

    def list_uploads(self, bucket: str, _: str, __: bytes) -> None:
        uploads = self.server.double.store.bucket(bucket).uploads
        items = "".join(
            f"<Upload><Key>{self.named(upload.key)}</Key><UploadId>{name}</UploadId></Upload>"
            for name, upload in sorted(uploads.items(), key=lambda one: one[1].key.encode())
        )
        self.answer(200, document("ListMultipartUploadsResult", f"<IsTruncated>false</IsTruncated>{items}"))

    def named(self, key: str) -> str:
        return urllib.parse.quote_plus(key, safe="/") if self.query.get("encoding-type") else escape(key)

    # -- objects

    def get_object(self, bucket: str, key: str, _: bytes) -> None:
        item = self.server.double.store.object(bucket, key, self.query.get("versionId", ""))
        if self.headers.get("If-Match", item.etag).strip('"') != item.etag:
            raise S3Error(412, "PreconditionFailed")
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        data = item.data[int(span[1]) : int(span[2]) + 1] if span else item.data
        self.answer(206 if span else 200, data, self.described(item, whole=not span))

    def head_object(self, bucket: str, key: str, _: bytes) -> None:
        item = self.server.double.store.object(bucket, key, self.query.get("versionId", ""))
        self.answer(200, b"", self.described(item) | {"Content-Length": str(len(item.data))})

    def described(self, item: Object, *, whole: bool = True) -> dict[str, str]:
        headers = {**item.headers, "ETag": f'"{item.etag}"'}
        headers |= {f"x-amz-meta-{name}": value for name, value in item.metadata.items()}
        if item.storage_class != "STANDARD":
            headers["x-amz-storage-class"] = item.storage_class
        if item.tags:
            headers["x-amz-tagging-count"] = str(len(item.tags))
        headers["Last-Modified"] = "Thu, 01 Jan 2026 00:00:00 GMT"
        if whole and self.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers |= {"x-amz-checksum-crc64nvme": item.crc64, "x-amz-checksum-type": "FULL_OBJECT"}
        return headers

    def put_object(self, bucket: str, key: str, body: bytes) -> None:
        store = self.server.double.store
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            raise S3Error(501, "NotImplemented", "aws-chunked")
        if source := self.headers.get("x-amz-copy-source"):
            self.copy_object(bucket, key, urllib.parse.unquote(source).lstrip("/"))
            return
        store.bucket(bucket)
        check_body(self.headers, body)
        item = described(self.headers, self.tagging(), body)
        self.check_conditions(bucket, key)
        store.put(bucket, key, item)
        checksum = "AAAAAAAAAAA=" if self.misstate else item.crc64
        self.answer(200, b"", {"ETag": f'"{item.etag}"', "x-amz-checksum-crc64nvme": checksum})

    def copy_object(self, bucket: str, key: str, source: str) -> None:
        store = self.server.double.store
        item = store.object(*source.split("/", 1))
        store.put(bucket, key, item)
        self.answer(200, document("CopyObjectResult", f"<ETag>&quot;{item.etag}&quot;</ETag>"))

    def delete_object(self, bucket: str, key: str, _: bytes) -> None:
        self.server.double.store.delete(bucket, key)
        self.answer(204)

    def get_tagging(self, bucket: str, key: str, _: bytes) -> None:
        tags = self.server.double.store.object(bucket, key).tags
        items = "".join(f"<Tag><Key>{escape(name)}</Key><Value>{escape(value)}</Value></Tag>" for name, value in tags)
        self.answer(200, document("Tagging", f"<TagSet>{items}</TagSet>"))

    def tagging(self) -> list[tuple[str, str]]:
        return urllib.parse.parse_qsl(self.headers.get("x-amz-tagging", ""), keep_blank_values=True)

    def check_conditions(self, bucket: str, key: str) -> None:
        there = self.server.double.store.bucket(bucket).objects.get(key)
        if self.headers.get("If-None-Match") == "*" and there:
            raise S3Error(412, "PreconditionFailed")
        wanted = self.headers.get("If-Match")
        if wanted and there is None:
            raise S3Error(404, "NoSuchKey")
        if wanted and there and wanted.strip('"') != there.etag:
            raise S3Error(412, "PreconditionFailed")

    # -- multipart uploads

    def create_upload(self, bucket: str, key: str, _: bytes) -> None:
        name = self.server.double.store.begin(bucket, key, described(self.headers, self.tagging()))
        self.answer(200, document("InitiateMultipartUploadResult", f"<UploadId>{name}</UploadId>"))

    def put_part(self, bucket: str, _: str, body: bytes) -> None:
        upload = self.server.double.store.upload(bucket, self.query["uploadId"])
        if not 1 <= int(self.query["partNumber"]) <= 10_000:
            raise S3Error(400, "InvalidArgument")
        check_body(self.headers, body)
        number = int(self.query["partNumber"])
        upload.parts[number], upload.etags[number] = body, md5(body)
        self.answer(200, b"", {"ETag": f'"{upload.etags[number]}"', "x-amz-checksum-crc64nvme": crc64(body)})

    def list_parts(self, bucket: str, _: str, __: bytes) -> None:
        upload = self.server.double.store.upload(bucket, self.query["uploadId"])
        after, most = int(self.query.get("part-number-marker", "0")), int(self.query.get("max-parts", "1000"))
        rest = sorted(number for number in upload.parts if number > after)
        page, more = rest[:most], len(rest) > most
        items = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{upload.etags[number]}&quot;</ETag>"
            f"<Size>{len(upload.parts[number])}</Size>"
            f"<ChecksumCRC64NVME>{crc64(upload.parts[number])}</ChecksumCRC64NVME></Part>"
            for number in page
        )
        marker = f"<NextPartNumberMarker>{page[-1]}</NextPartNumberMarker>" if more else ""
        self.answer(200, document("ListPartsResult", f"<IsTruncated>{str(more).lower()}</IsTruncated>{marker}{items}"))

    def complete_upload(self, bucket: str, key: str, body: bytes) -> None:
        store = self.server.double.store
        listed = ET.fromstring(body).iter(f"{{{XMLNS}}}Part")
        parts = [(int(one.findtext(f"{{{XMLNS}}}PartNumber")), one.findtext(f"{{{XMLNS}}}ETag")) for one in listed]
        item = store.complete(bucket, self.query["uploadId"], parts)
        size = self.headers.get("x-amz-mp-object-size")
        if size and int(size) != len(item.data):
            raise S3Error(400, "InvalidRequest", "x-amz-mp-object-size")
        if self.headers.get("x-amz-checksum-crc64nvme", item.crc64) != item.crc64:
            raise S3Error(400, "BadDigest", "CRC64NVME of the whole")
        self.check_conditions(bucket, key)
        store.put(bucket, key, item)
        del store.bucket(bucket).uploads[self.query["uploadId"]]
        self.answer(200, document("CompleteMultipartUploadResult", f"<ETag>&quot;{item.etag}&quot;</ETag>"))

    def abort_upload(self, bucket: str, _: str, __: bytes) -> None:
        self.server.double.store.upload(bucket, self.query["uploadId"])
        del self.server.double.store.bucket(bucket).uploads[self.query["uploadId"]]
        self.answer(204)


Operation = Callable[[Handler, str, str, bytes], None]
OPERATIONS: dict[str, Operation] = {
    "HEAD bucket": Handler.head_bucket,
    "PUT bucket": Handler.make_bucket,
    "GET bucket": Handler.list_objects,
    "GET bucket uploads": Handler.list_uploads,
    "GET bucket versions": list_versions,
    "GET bucket versioning": Handler.get_versioning,
    "PUT bucket versioning": Handler.put_versioning,
    "GET object": Handler.get_object,
    "HEAD object": Handler.head_object,
    "PUT object": Handler.put_object,
    "DELETE object": Handler.delete_object,
    "GET object tagging": Handler.get_tagging,
    "POST object uploads": Handler.create_upload,
    "POST object uploadId": Handler.complete_upload,
    "PUT object uploadId partNumber": Handler.put_part,
    "GET object uploadId": Handler.list_parts,
    "DELETE object uploadId": Handler.abort_upload,
}


def _damaged(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
