"""Signature Version 4, the server's side: recompute from the raw request, compare."""

from __future__ import annotations

import hashlib
import hmac
import re
from email.message import Message

from doubles.strict_s3.store import S3Error

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), ?"
    r"SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


def check(method: str, target: str, headers: Message, body: bytes, keys: dict[str, str]) -> None:
    """Raise `S3Error` unless the request is signed by one of the known keys."""
    found = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    if not found:
        raise S3Error(403, "AccessDenied")
    if found["key"] not in keys:
        raise S3Error(403, "InvalidAccessKeyId")
    names = found["names"].split(";")
    unsigned = {name.lower() for name in headers if name.lower().startswith("x-amz-") or name == "host"} - set(names)
    if unsigned:
        raise S3Error(403, "AccessDenied", f"not signed: {sorted(unsigned)}")
    payload = headers.get("x-amz-content-sha256", "")
    if payload != "UNSIGNED-PAYLOAD" and payload != hashlib.sha256(body).hexdigest():
        raise S3Error(400, "XAmzContentSHA256Mismatch")
    path, _, query = target.partition("?")
    pairs = sorted(part if "=" in part else f"{part}=" for part in query.split("&") if part)
    lines = [method, path, "&".join(pairs)]
    lines += [f"{name}:{' '.join((headers.get(name) or '').split())}" for name in names]
    canonical = "\n".join([*lines, "", found["names"], payload])
    text = (
        f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{found['scope']}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
    key = ("AWS4" + keys[found["key"]]).encode()
    for part in found["scope"].split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if hmac.new(key, text.encode(), hashlib.sha256).hexdigest() != found["signature"]:
        raise S3Error(403, "SignatureDoesNotMatch")
