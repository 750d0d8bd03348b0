"""Read Azure's structured body: content in segments, each followed by the CRC64 that the service computed of it.

A server that does not know the format answers with the plain body; which one it is, the response header says.
Source: https://learn.microsoft.com/rest/api/storageservices/structured-body-format
"""

from __future__ import annotations

import struct

from wkms_migrate.clients.crc64 import crc64
from wkms_migrate.clients.http_wire import Response, read_exactly
from wkms_migrate.errors import Damaged

HEADER = "x-ms-structured-body"
ASKED = {HEADER: "XSM/1.0; properties=crc64"}
_MESSAGE = struct.Struct("<BQHH")  # version, length of the message in bytes, flags, number of segments
_SEGMENT = struct.Struct("<HQ")  # number from 1, length of its content in bytes
_CRC = struct.Struct("<Q")
_FLAG_CRC64 = 1


def read_body(response: Response, into: bytearray | memoryview) -> int:
    """Fill the buffer with the content and return its CRC64.

    Raises `Damaged` when the content is shorter or longer than the buffer, or not what the service sent.
    """
    if response.getheader(HEADER) is None:
        read_exactly(response, into)
        _end(response)
        return crc64(into)
    return _read_message(response, memoryview(into))


def _read_message(response: Response, into: memoryview) -> int:
    version, _, flags, segments = _MESSAGE.unpack(_take(response, _MESSAGE.size))
    if version != 1 or not flags & _FLAG_CRC64:
        raise Damaged(f"A structured body came in version {version} with flags {flags}, not version 1 with CRC64.")
    whole, filled = 0, 0
    for expected in range(1, segments + 1):
        number, length = _SEGMENT.unpack(_take(response, _SEGMENT.size))
        if number != expected or filled + length > len(into):
            raise Damaged(f"A structured body has segment {number} of {length} bytes where {expected} is due.")
        content = into[filled : filled + length]
        read_exactly(response, content)
        _compare(response, crc64(content), f"segment {number}")
        whole = crc64(content, whole)
        filled += length
    if filled != len(into):
        raise Damaged(f"A structured body holds {filled} of {len(into)} bytes.")
    _compare(response, whole, "the whole body")
    _end(response)
    return whole


def _compare(response: Response, computed: int, what: str) -> None:
    (sent,) = _CRC.unpack(_take(response, _CRC.size))
    if sent != computed:
        raise Damaged(
            f"A body was damaged on its way: {what} has CRC64 {computed:016x}, the service sent {sent:016x}.",
            hint="Something between here and Azure changes data; check proxies, then run the same command again.",
        )


def _take(response: Response, size: int) -> bytes:
    buffer = bytearray(size)
    read_exactly(response, buffer)
    return bytes(buffer)


def _end(response: Response) -> None:
    if response.read(1):
        raise Damaged("A body is longer than what was asked for.", hint="Run the same command again to go on.")
