"""S3: listings, checked writes, multipart uploads, and what is needed to compare.

Buckets are addressed by path (`/bucket/key`), which AWS and every emulator accept. Every write carries a CRC64NVME
that the service compares before it stores anything. ETags are kept without quotes.
"""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from xml.etree import ElementTree as ET

from wkms_migrate.clients import aws as aws_client
from wkms_migrate.clients.aws_keys import ENDED, AwsKeys
from wkms_migrate.clients.crc64 import from_base64, to_base64
from wkms_migrate.clients.http_origin import Answer, Origin, Request, ServiceError, Take, service_error, whole
from wkms_migrate.clients.http_readiness import Ask
from wkms_migrate.clients.http_wire import Headers, Response, read_exactly
from wkms_migrate.clients.sigv4 import sigv4
from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wkms_migrate.config import Aws

T = TypeVar("T")
CRC_HEADER = "x-amz-checksum-crc64nvme"
ALGORITHM = {"x-amz-sdk-checksum-algorithm": "CRC64NVME"}
MULTIPART = {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT"}
META = "x-amz-meta-"
NOT_FOUND = 404
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
KEY, SIZE, ETAG = f"{NAMESPACE}Key", f"{NAMESPACE}Size", f"{NAMESPACE}ETag"
VERSION_TAGS = frozenset({f"{NAMESPACE}Version", f"{NAMESPACE}DeleteMarker"})


class Listed(NamedTuple):
    """An object as the listing shows it; `size` in bytes."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An object's own facts. `crc64` is what the service computed, None where it has none over the whole object."""

    size: int
    etag: str
    crc64: int | None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of an object as the bucket lists it; a `marker` says that the key was deleted then, and has no ETag."""

    version_id: str
    etag: str
    latest: bool
    marker: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """What the service says of an object it has just stored. `crc64` is its own, None where it names none."""

    etag: str
    crc64: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part: `number` from 1, `size` in bytes."""

    number: int
    etag: str
    crc64: int
    size: int


class S3:
    """The object store. Every call tries again while the failure may pass; ended credentials are read anew."""

    def __init__(self, origin: Origin, keys: AwsKeys) -> None:
        self.origin, self._keys = origin, keys

    def versioned(self, bucket: str) -> bool:
        """Say whether the bucket keeps old versions. Raises `ServiceError` 404 when there is no such bucket."""
        status = _xml(self._call("GET", bucket, query={"versioning": ""})).findtext(f"{NAMESPACE}Status")
        return status == "Enabled"

    def objects(self, bucket: str, prefix: str = "") -> Iterator[Listed]:
        """Yield the objects whose keys begin with `prefix`, in the order of the service."""
        query = {"list-type": "2", "max-keys": "1000", "encoding-type": "url", **({"prefix": prefix} if prefix else {})}
        token = ""
        while True:
            page = _xml(self._call("GET", bucket, query={**query, "continuation-token": token} if token else query))
            for item in page.iter(f"{NAMESPACE}Contents"):
                texts = {child.tag: child.text or "" for child in item}  # in one pass: there may be millions
                yield Listed(urllib.parse.unquote_plus(texts[KEY]), int(texts[SIZE]), texts[ETAG].strip('"'))
            token = page.findtext(f"{NAMESPACE}NextContinuationToken") or ""
            if not token:
                return

    def versions(self, bucket: str, key: str) -> list[Version]:
        """Return every version of one key, the newest first."""
        query = {"versions": "", "prefix": key, "encoding-type": "url"}
        found: list[Version] = []
        while True:
            page = _xml(self._call("GET", bucket, query=query))
            items = [item for item in page if item.tag in VERSION_TAGS]
            found += [_version(item) for item in items if _key(item) == key]
            more = page.findtext(f"{NAMESPACE}IsTruncated") == "true"
            if not more or any(_key(item) != key for item in items):  # longer keys follow
                return found
            after = urllib.parse.unquote_plus(page.findtext(f"{NAMESPACE}NextKeyMarker") or "")
            query |= {"key-marker": after, "version-id-marker": page.findtext(f"{NAMESPACE}NextVersionIdMarker") or ""}

    def head(self, bucket: str, key: str, version_id: str = "") -> Head | None:
        """Return an object's facts, None when it is not there. Reads no data."""
        query = {"versionId": version_id} if version_id else {}
        try:
            headers = self._call("HEAD", bucket, key, query=query, headers={"x-amz-checksum-mode": "ENABLED"}).headers
        except ServiceError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        checksum = headers.get(CRC_HEADER)
        return Head(
            size=int(headers["Content-Length"]),
            etag=headers["ETag"].strip('"'),
            crc64=from_base64(checksum) if checksum else None,
            metadata={name[len(META) :]: value for name, value in headers.items() if name.lower().startswith(META)},
        )

    def read(self, bucket: str, key: str, into: bytearray | memoryview, offset: int = 0) -> None:
        """Fill the buffer from `offset` of an object."""
        headers = {"Range": f"bytes={offset}-{offset + len(into) - 1}"} if len(into) else {}
        request = Request(method="GET", path=f"/{bucket}/{key}", headers=headers)
        self._ask(request, lambda response: read_exactly(response, into))

    def put(self, bucket: str, key: str, body: bytes | memoryview, *, crc64: int, headers: Mapping[str, str]) -> Stored:
        """Store an object in one request."""
        return stored(self._ask(_storing(bucket, key, body, crc64, headers), whole).headers)

    def asking(self, bucket: str, key: str, body: bytes | bytearray, *, crc64: int, headers: Mapping[str, str]) -> Ask:
        """Return what asks to store an object in one request; the headers of its answer are for `stored`."""
        return Ask(self.origin, _storing(bucket, key, body, crc64, headers))

    def copy(self, bucket: str, key: str, new_key: str) -> None:
        """Copy an object of at most 5 GiB inside its bucket, with its headers, metadata and tags."""
        source = urllib.parse.quote(f"{bucket}/{key}", safe="/-_.~")
        self._ask(Request(method="PUT", path=f"/{bucket}/{new_key}", headers={"x-amz-copy-source": source}), _late)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; in a versioned bucket its versions stay."""
        self._call("DELETE", bucket, key)

    def start_upload(self, bucket: str, key: str, headers: Mapping[str, str]) -> str:
        """Begin a multipart upload; return its id."""
        answer = self._call("POST", bucket, key, query={"uploads": ""}, headers={**headers, **MULTIPART})
        return _xml(answer).findtext(f"{NAMESPACE}UploadId") or ""

    def put_part(self, bucket: str, key: str, upload_id: str, number: int, body: memoryview, *, crc64: int) -> str:
        """Store part `number` (from 1); return its ETag."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        headers = {**ALGORITHM, CRC_HEADER: to_base64(crc64)}
        return _etag(self._call("PUT", bucket, key, query=query, headers=headers, body=body).headers)

    def finish_upload(
        self, bucket: str, key: str, upload_id: str, parts: Iterable[Part], *, crc64: int, headers: Mapping[str, str]
    ) -> str:
        """Put the parts together; return the object's ETag. The service compares the CRC64NVME of the whole."""
        listed = sorted(parts, key=lambda part: part.number)
        checked = {
            **headers,
            CRC_HEADER: to_base64(crc64),
            "x-amz-checksum-type": "FULL_OBJECT",
            "x-amz-mp-object-size": str(sum(part.size for part in listed)),
        }
        request = Request(
            method="POST",
            path=f"/{bucket}/{key}",
            query={"uploadId": upload_id},
            headers=checked,
            body=_manifest_xml(listed),
        )
        answer = self._ask(request, _late)
        return (_xml(answer).findtext(f"{NAMESPACE}ETag") or "").strip('"')

    def parts(self, bucket: str, key: str, upload_id: str) -> dict[int, str] | None:
        """Return the ETags of the stored parts by number, None when the upload is no more."""
        etags: dict[int, str] = {}
        marker = ""
        while True:
            query = {"uploadId": upload_id, **({"part-number-marker": marker} if marker else {})}
            try:
                page = _xml(self._call("GET", bucket, key, query=query))
            except ServiceError as error:
                if error.status == NOT_FOUND:
                    return None
                raise
            for item in page.iter(f"{NAMESPACE}Part"):
                etags[int(_text(item, "PartNumber"))] = _text(item, "ETag").strip('"')
            if page.findtext(f"{NAMESPACE}IsTruncated") != "true":
                return etags
            marker = page.findtext(f"{NAMESPACE}NextPartNumberMarker") or ""

    def uploads(self, bucket: str) -> Iterator[tuple[str, str]]:
        """Yield (key, upload id) of every upload that was begun and not ended."""
        query = {"uploads": "", "encoding-type": "url"}
        while True:
            page = _xml(self._call("GET", bucket, query=query))
            for item in page.iter(f"{NAMESPACE}Upload"):
                yield _key(item), _text(item, "UploadId")
            if page.findtext(f"{NAMESPACE}IsTruncated") != "true":
                return
            after = urllib.parse.unquote_plus(page.findtext(f"{NAMESPACE}NextKeyMarker") or "")
            query |= {"key-marker": after, "upload-id-marker": page.findtext(f"{NAMESPACE}NextUploadIdMarker") or ""}

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """End an upload and give its parts back; nothing happens when it is no more."""
        try:
            self._call("DELETE", bucket, key, query={"uploadId": upload_id})
        except ServiceError as error:
            if error.status != NOT_FOUND:
                raise

    def heed(self, throttled: Callable[[], None]) -> None:
        """Call `throttled` from now on whenever the service says that it is busy."""
        self.origin.heed(throttled)

    def close(self) -> None:
        """Close the connections."""
        self.origin.close()

    def _call(
        self,
        method: str,
        bucket: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | memoryview = b"",
    ) -> Answer:
        path = f"/{bucket}/{key}" if key else f"/{bucket}"
        request = Request(method=method, path=path, query=query or {}, headers=headers or {}, body=body)
        return self._ask(request, whole)

    def _ask(self, request: Request, take: Take[T]) -> T:
        used = self._keys()
        try:
            return self.origin.stream(request, take)
        except ServiceError as error:
            if error.code not in ENDED:
                raise
            self._keys.renew(used, error)
        return self.origin.stream(request, take)


def connect(aws: Aws, stop: threading.Event | None = None) -> S3:
    """Return the store of the configuration. `stop` ends a wait between tries."""
    endpoint = aws.endpoint_url or str(aws_client.client(aws, "s3").meta.endpoint_url)
    host, keys = urllib.parse.urlsplit(endpoint).netloc, AwsKeys(aws)
    return S3(Origin("S3", endpoint, sigv4(keys, region=aws.region, service="s3", host=host), stop), keys)


def _xml(answer: Answer) -> ET.Element:
    return ET.fromstring(answer.body)  # noqa: S314 - the answer of the signed-in service


def _late(response: Response) -> Answer:
    """Take an answer that may say 200 first and fail later, as S3 does for long operations."""
    answer = Answer(response.status, response.headers, response.read())
    document = _xml(answer)
    if document.tag == "Error":
        code = document.findtext("Code") or ""
        raise service_error(f"S3 failed late: {code}: {document.findtext('Message')}.", answer.status, code)
    return answer


def _manifest_xml(parts: Iterable[Part]) -> bytes:
    root = ET.Element("CompleteMultipartUpload", xmlns=NAMESPACE[1:-1])
    for part in parts:
        item = ET.SubElement(root, "Part")
        ET.SubElement(item, "PartNumber").text = str(part.number)
        ET.SubElement(item, "ETag").text = f'"{part.etag}"'
        ET.SubElement(item, "ChecksumCRC64NVME").text = to_base64(part.crc64)
    return ET.tostring(root)


def stored(headers: Headers) -> Stored:
    """Return what the answer to a PUT says of the object."""
    confirmed = headers.find(CRC_HEADER)
    return Stored(_etag(headers), from_base64(confirmed) if confirmed else None)


def _storing(
    bucket: str, key: str, body: bytes | bytearray | memoryview, crc64: int, headers: Mapping[str, str]
) -> Request:
    checked = {**headers, **ALGORITHM, CRC_HEADER: to_base64(crc64)}
    return Request(method="PUT", path=f"/{bucket}/{key}", headers=checked, body=body)


def _etag(headers: Headers) -> str:
    etag = headers.find("ETag")
    if not etag:
        raise WkmsError("S3 stored something and named no ETag.", hint="Is the endpoint an S3 service?")
    return str(etag).strip('"')


def _version(item: ET.Element) -> Version:
    return Version(
        version_id=_text(item, "VersionId"),
        etag=_text(item, "ETag").strip('"'),
        latest=_text(item, "IsLatest") == "true",
        marker=item.tag == f"{NAMESPACE}DeleteMarker",
    )


def _key(item: ET.Element) -> str:
    return urllib.parse.unquote_plus(_text(item, "Key"))


def _text(item: ET.Element, tag: str) -> str:
    return item.findtext(f"{NAMESPACE}{tag}") or ""
