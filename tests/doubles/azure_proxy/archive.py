"""The archive tier's waiting time: what was asked for stays archived and pending until `thaw`."""

from __future__ import annotations

import http.client
import threading
import urllib.parse
from email.message import Message
from xml.sax.saxutils import escape

ARCHIVED = b"<AccessTier>Archive</AccessTier>"


class Archive:
    """Requests that would rehydrate a blob; Azurite itself grants them at once."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[str, dict[str, str]]] = {}
        self.requests: list[tuple[str, str, str]] = []

    def asked(self, method: str, target: str, headers: Message) -> bool:
        """Keep a request for another tier than Archive, and say so; it is (name, tier, priority) in `requests`."""
        path, _, query = target.partition("?")
        tier = headers.get("x-ms-access-tier", "")
        if method != "PUT" or "comp=tier" not in query or tier == "Archive":
            return False
        name = urllib.parse.unquote(path).split("/", 3)[3]
        with self._lock:
            self.requests.append((name, tier, headers.get("x-ms-rehydrate-priority", "")))
            self._waiting[name] = (target, dict(headers.items()))
        return True

    def shown(self, listing: bytes) -> bytes:
        """Return a listing in which what waits is pending."""
        with self._lock:
            waiting = {name: headers["x-ms-access-tier"] for name, (_, headers) in self._waiting.items()}
        blobs = listing.split(b"<Blob>")
        for number, blob in enumerate(blobs):
            for name, tier in waiting.items():
                if f"<Name>{escape(name)}</Name>".encode() in blob:
                    status = f"<ArchiveStatus>rehydrate-pending-to-{tier.lower()}</ArchiveStatus>".encode()
                    blobs[number] = blob.replace(ARCHIVED, ARCHIVED + status)
        return b"<Blob>".join(blobs)

    def thaw(self) -> None:
        """Let everything be rehydrated that waits."""
        with self._lock:
            waiting = dict(self._waiting)
        for target, headers in waiting.values():
            connection = http.client.HTTPConnection(self._upstream, timeout=60)
            connection.request("PUT", target, b"", headers)
            status = connection.getresponse().status
            connection.close()
            assert status in {200, 202}, status
        with self._lock:
            self._waiting.clear()
