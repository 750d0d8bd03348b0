"""What the server keeps, and the rules for taking it in. Knows no HTTP."""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from awscrt import checksums

STORAGE_CLASSES = frozenset(
    {
        "STANDARD",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "GLACIER_IR",
        "DEEP_ARCHIVE",
        "REDUCED_REDUNDANCY",
    }
)
KEPT_HEADERS = ("Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control")
MIN_PART = 5 << 20


class S3Error(Exception):
    """An error as S3 answers it."""

    def __init__(self, status: int, code: str, text: str = "") -> None:
        super().__init__(f"{code} {text}")
        self.status, self.code, self.text = status, code, text


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def crc64(data: bytes) -> str:
    return base64.b64encode(checksums.crc64nvme(data).to_bytes(8, "big")).decode()


@dataclass(slots=True, kw_only=True)
class Object:
    data: bytes
    etag: str
    crc64: str
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: list[tuple[str, str]]
    storage_class: str = "STANDARD"
    version: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(slots=True, kw_only=True)
class Upload:
    key: str
    like: Object
    parts: dict[int, bytes] = field(default_factory=dict)
    etags: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Bucket:
    objects: dict[str, Object] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    versions: dict[str, list[Object]] = field(default_factory=dict)
    versioned: bool = False


class Store:
    """Buckets in memory. One lock around everything."""

    def __init__(self, min_part: int = MIN_PART) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, Bucket] = {}
        self.min_part = min_part

    def bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise S3Error(404, "NoSuchBucket")
        return self.buckets[name]

    def object(self, bucket: str, key: str, version: str = "") -> Object:
        place = self.bucket(bucket)
        found = place.objects.get(key)
        if version:
            every = [*place.versions.get(key, ()), *([found] if found else ())]
            found = next((one for one in every if one.version == version), None)
        if found is None:
            raise S3Error(404, "NoSuchVersion" if version else "NoSuchKey")
        return found

    def upload(self, bucket: str, upload_id: str) -> Upload:
        found = self.bucket(bucket).uploads.get(upload_id)
        if found is None:
            raise S3Error(404, "NoSuchUpload")
        return found

    def put(self, bucket: str, key: str, item: Object) -> None:
        """Make the object visible, keeping the one before it where versions are kept."""
        place = self.bucket(bucket)
        if place.versioned and key in place.objects:
            place.versions.setdefault(key, []).append(place.objects[key])
        place.objects[key] = item

    def delete(self, bucket: str, key: str) -> None:
        place = self.bucket(bucket)
        gone = place.objects.pop(key, None)
        if gone and place.versioned:
            place.versions.setdefault(key, []).append(gone)

    def begin(self, bucket: str, key: str, like: Object) -> str:
        upload_id = uuid.uuid4().hex
        self.bucket(bucket).uploads[upload_id] = Upload(key=key, like=like)
        return upload_id

    def complete(self, bucket: str, upload_id: str, parts: list[tuple[int, str]]) -> Object:
        """Check the list of (number, ETag) and return the whole object; it is not visible yet."""
        upload = self.upload(bucket, upload_id)
        numbers = [number for number, _ in parts]
        if not parts or numbers != sorted(set(numbers)):
            raise S3Error(400, "InvalidPartOrder")
        for number, etag in parts:
            if number not in upload.parts or upload.etags[number] != etag.strip('"'):
                raise S3Error(400, "InvalidPart")
        if any(len(upload.parts[number]) < self.min_part for number in numbers[:-1]):
            raise S3Error(400, "EntityTooSmall")
        data = b"".join(upload.parts[number] for number in numbers)
        digests = b"".join(bytes.fromhex(upload.etags[number]) for number in numbers)
        like = upload.like
        return Object(
            data=data,
            etag=f"{md5(digests)}-{len(parts)}",
            crc64=crc64(data),
            headers=like.headers,
            metadata=like.metadata,
            tags=like.tags,
            storage_class=like.storage_class,
        )


def described(headers: Mapping[str, str], tagging: list[tuple[str, str]], data: bytes = b"") -> Object:
    """Return the object that these request headers describe. Raises `S3Error` on what S3 refuses."""
    metadata = {name[11:].lower(): value for name, value in headers.items() if name.lower().startswith("x-amz-meta-")}
    if sum(len(name) + len(value.encode()) for name, value in metadata.items()) > 2048:
        raise S3Error(400, "MetadataTooLarge")
    if not all(value.isascii() for value in metadata.values()):
        raise S3Error(400, "InvalidArgument", "metadata must be ASCII")
    if len(tagging) > 10 or len({name for name, _ in tagging}) != len(tagging):
        raise S3Error(400, "InvalidTag")
    storage_class = headers.get("x-amz-storage-class", "STANDARD")
    if storage_class not in STORAGE_CLASSES:
        raise S3Error(400, "InvalidStorageClass", storage_class)
    kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    kept.setdefault("Content-Type", "binary/octet-stream")
    return Object(
        data=data,
        etag=md5(data),
        crc64=crc64(data),
        headers=kept,
        metadata=metadata,
        tags=tagging,
        storage_class=storage_class,
    )


def check_body(headers: Mapping[str, str], data: bytes) -> None:
    """Raise `S3Error` when a checksum that the client sent is not that of what arrived."""
    sent_md5 = headers.get("Content-MD5")
    if sent_md5 and base64.b64decode(sent_md5).hex() != md5(data):
        raise S3Error(400, "BadDigest", "Content-MD5")
    sent_crc64 = headers.get("x-amz-checksum-crc64nvme")
    if sent_crc64 and sent_crc64 != crc64(data):
        raise S3Error(400, "BadDigest", "CRC64NVME")
    sent_crc32 = headers.get("x-amz-checksum-crc32")
    if sent_crc32 and sent_crc32 != base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode():
        raise S3Error(400, "BadDigest", "CRC32")
