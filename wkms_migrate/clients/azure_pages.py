"""Which pages of a page blob hold anything: what was never written is zeros, and need not be read.

Source: https://learn.microsoft.com/rest/api/storageservices/get-page-ranges
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias
from xml.etree import ElementTree as ET

from wkms_migrate.clients.crc64 import combined, crc64
from wkms_migrate.clients.http_origin import Origin, Request

Span: TypeAlias = tuple[int, int]  # first byte, and the one behind the last
GAP: Final = 1 << 20  # bytes of empty pages between two spans up to which one request for both is cheaper than two
ZEROS: Final = bytes(1 << 16)


def spans(origin: Origin, path: str, query: Mapping[str, str], etag: str, wanted: Span) -> list[Span]:
    """Return where pages hold anything, within `wanted`, in order. Raises `ServiceError` 412 for another version."""
    headers = {"If-Match": f'"{etag}"', "x-ms-range": f"bytes={wanted[0]}-{wanted[1] - 1}"}
    asked = {**query, "comp": "pagelist"}
    found: list[Span] = []
    while True:
        page = ET.fromstring(  # noqa: S314 - the answer of the signed-in service
            origin.call(Request(method="GET", path=path, query=asked, headers=headers)).body
        )
        found += [
            (int(one.findtext("Start") or 0), int(one.findtext("End") or 0) + 1) for one in page.iter("PageRange")
        ]
        marker = page.findtext("NextMarker") or ""
        if not marker:
            return list(_joined(found, wanted))
        asked = {**asked, "marker": marker}


def fill(into: memoryview, offset: int, written: Iterable[Span], read: Callable[[memoryview, int], int]) -> int:
    """Fill the buffer, which begins at `offset` of the blob, with zeros and what is written; return its CRC64.

    `read` fills a part of the buffer from an offset of the blob, and returns the CRC64 of it.
    """
    checked: list[tuple[int, int]] = []
    at = 0
    for begin, end in [*written, (offset + len(into), offset + len(into))]:
        checked += _emptied(into[at : begin - offset])
        at = end - offset
        if end > begin:
            checked.append((read(into[begin - offset : at], begin), end - begin))
    return combined(checked)


def _span(page: ET.Element) -> Span:
    return int(page.findtext("Start") or 0), int(page.findtext("End") or 0) + 1


def _joined(found: Iterable[Span], wanted: Span) -> Iterator[Span]:
    """Cut to what is wanted, and join what lies close together."""
    last: Span | None = None
    for begin, end in found:
        cut = max(begin, wanted[0]), min(end, wanted[1])
        if cut[0] >= cut[1]:
            continue
        if last and cut[0] - last[1] <= GAP:
            last = last[0], cut[1]
            continue
        if last:
            yield last
        last = cut
    if last:
        yield last


def _emptied(into: memoryview) -> Iterator[tuple[int, int]]:
    """Fill with zeros; yield the CRC64 of that and its length, unless there is nothing to fill."""
    for at in range(0, len(into), len(ZEROS)):
        piece = into[at : at + len(ZEROS)]
        piece[:] = ZEROS[: len(piece)]
    if len(into):
        yield crc64(into), len(into)
