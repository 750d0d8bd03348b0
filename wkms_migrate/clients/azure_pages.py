"""Which pages of a page blob hold anything: what was never written is zeros, and need not be read.

Source: https://learn.microsoft.com/rest/api/storageservices/get-page-ranges
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias
from xml.etree import ElementTree as ET

from wkms_migrate.clients.crc64 import combined, crc64
from wkms_migrate.clients.http_origin import Origin, Request
from wkms_migrate.errors import Damaged

Span: TypeAlias = tuple[int, int]  # first byte, and the one behind the last
PAGE: Final = 512
MOST_ASKED: Final = 4
GAP: Final = 1 << 20  # bytes of empty pages between two spans up to which one request for both is cheaper than two
ZEROS: Final = bytes(1 << 16)


def spans(origin: Origin, path: str, query: Mapping[str, str], etag: str, wanted: Span) -> list[Span]:
    """Return where pages hold anything, within `wanted`, in order.

    The service sends no checksum of this list, and a page that is missing in it would become zeros unseen. So it is
    asked until two answers agree. Raises `ServiceError` 412 for another version of the blob, `Damaged` when no two do.
    """
    headers = {"If-Match": f'"{etag}"', "x-ms-range": f"bytes={wanted[0]}-{wanted[1] - 1}"}
    before: list[Span] | None = None
    for _ in range(MOST_ASKED):
        found = _listed(origin, Request(method="GET", path=path, query={**query, "comp": "pagelist"}, headers=headers))
        if found is not None and found == before:
            return list(_joined(found, wanted))
        before = found
    raise Damaged(
        f"The list of pages of {path} came other than it was sent, {MOST_ASKED} times.",
        hint="Something between here and Azure changes data; check proxies, then run the same command again.",
    )


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


def _listed(origin: Origin, request: Request) -> list[Span] | None:
    """Return the spans that the service lists, None when they cannot be: not in order, or not of whole pages."""
    found: list[Span] = []
    marker = ""
    while True:
        query = {**request.query, "marker": marker} if marker else request.query
        try:
            page = ET.fromstring(origin.call(replace(request, query=query)).body)  # noqa: S314 - the signed-in service
            found += [
                (int(one.findtext("Start") or ""), int(one.findtext("End") or "") + 1) for one in page.iter("PageRange")
            ]
        except (ET.ParseError, ValueError):
            return None
        marker = page.findtext("NextMarker") or ""
        if not marker:
            return found if _is_plausible(found) else None


def _is_plausible(found: list[Span]) -> bool:
    edges = [edge for span in found for edge in span]
    return edges == sorted(edges) and not any(edge % PAGE for edge in edges)


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
