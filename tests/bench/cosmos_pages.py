"""The source of `cosmos_peers.py`: a container whose pages are ready, handed out within the process that reads it.

The items stand in one file in the order of their hashes, written before anything is measured, and so in the memory of
the machine. `installed` puts it where the SDK would write to a socket (requests' adapter), the same for both tools:
what is above works as ever. Only pages of items are answered here; everything else goes to the double over HTTP.

A page of the change feed is for any window of the hash space, and its items are in the order of their hashes: one of
the orders in which they may have been written. A page holds at most 4 MB, as on the service.
"""

from __future__ import annotations

import io
import itertools
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HASH_BYTES = 16
PAGE_BYTES = 4 << 20
OK, NOT_MODIFIED = 200, 304
ITEMS, OFFSETS, HASHES = "items", "offsets", "hashes"
SPACE = 0x40 << 120  # hashes of version 2 are below it


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as it goes out."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def write(folder: Path, items: Iterable[tuple[str, bytes]]) -> None:
    """Write the items of a container, each with its effective partition key, and what is needed to find them."""
    folder.mkdir()
    offsets, hashes = array("Q", [0]), bytearray()
    with (folder / ITEMS).open("wb") as file:
        for number, (key, text) in enumerate(sorted(items, key=lambda one: one[0]), 1):
            file.write(b'%b,"_lsn":%d},' % (text[:-1], number))
            offsets.append(file.tell())
            hashes += bytes.fromhex(key)
    (folder / OFFSETS).write_bytes(offsets.tobytes())
    (folder / HASHES).write_bytes(hashes)


class Pages:
    """The pages of a container that was written so. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._items = os.open(folder / ITEMS, os.O_RDONLY)
        self._offsets = array("Q")
        self._offsets.frombytes((folder / OFFSETS).read_bytes())
        self._hashes = (folder / HASHES).read_bytes()
        self._count = len(self._offsets) - 1

    def changes(self, headers: Mapping[str, str]) -> Answer:
        """Return the page of the change feed that a request asks for."""
        low, high = headers.get("x-ms-start-epk", ""), headers.get("x-ms-end-epk", "FF")
        end = self._place(high)
        begin = max(self._place(low), int((headers.get("If-None-Match") or "0").strip('"')))
        if begin >= end:
            return Answer(NOT_MODIFIED, {"etag": f'"{end}"', "lsn": str(end)})
        last = self._last(begin, end, headers)
        behind = round((end - last) / (_width(low, high) or 1))  # as though the whole partition had so much to do
        return Answer(OK, {"etag": f'"{last}"', "lsn": str(last + behind)}, self._page(begin, last))

    def feed(self, headers: Mapping[str, str]) -> Answer:
        """Return the page of the read feed that a request asks for."""
        begin = int(headers.get("x-ms-continuation") or 0)
        last = self._last(begin, self._count, headers)
        more = {"x-ms-continuation": str(last)} if last < self._count else {}
        return Answer(OK, more, self._page(begin, last))

    def _last(self, begin: int, end: int, headers: Mapping[str, str]) -> int:
        last = min(end, begin + int(headers["x-ms-max-item-count"]))
        fits = bisect_left(self._offsets, self._offsets[begin] + PAGE_BYTES) - 1
        return max(begin + 1, min(last, fits))

    def _page(self, begin: int, last: int) -> bytes:
        at = self._offsets[begin]
        texts = os.pread(self._items, self._offsets[last] - at - 1, at)
        return b'{"_rid":"bench","Documents":[%b],"_count":%d}' % (texts, last - begin)

    def _place(self, key: str) -> int:
        """Return how many items are below a hash."""
        sought = bytes.fromhex(key)
        return bisect_left(range(self._count), sought, key=self._hash)

    def _hash(self, index: int) -> bytes:
        return self._hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]


def _width(low: str, high: str) -> float:
    first, last = (min(SPACE, int(key.ljust(2 * HASH_BYTES, "0"), 16)) for key in (low, high))
    return (last - first) / SPACE


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Let the pages in a folder stand in the place of the network."""
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPResponse

    pages, over_the_network, numbers = Pages(folder), HTTPAdapter.send, itertools.count()

    def send(adapter: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        from_now_on = request.headers.get("If-None-Match") == "*"
        if request.method != "GET" or not request.url.endswith("/docs/") or from_now_on:
            return over_the_network(adapter, request, *args, **kwargs)
        found = (pages.changes if "A-IM" in request.headers else pages.feed)(request.headers)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(found.body)),
            "x-ms-request-charge": f"{2 + len(found.body) / 1024:.2f}",
            "x-ms-activity-id": str(next(numbers)),
            **found.headers,
        }
        raw = HTTPResponse(io.BytesIO(found.body), headers, found.status, preload_content=False)
        return adapter.build_response(request, raw)

    HTTPAdapter.send = send
    try:
        yield
    finally:
        HTTPAdapter.send = over_the_network
