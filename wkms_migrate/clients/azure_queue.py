"""Azure Queue Storage: names, counts, and messages taken, given back and deleted.

Source of limits and formats: https://learn.microsoft.com/rest/api/storageservices/queue-service-rest-api
"""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from wkms_migrate.clients.azure_origin import origin
from wkms_migrate.clients.http_origin import Origin, Request, ServiceError
from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from wkms_migrate.config import Storage

MOST_AT_ONCE = 32  # messages that one call takes
PAGE = "5000"
GONE = frozenset({"MessageNotFound", "PopReceiptMismatch"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that is ours until its visibility timeout ends; a peeked one has no receipt.

    Times are as the service writes them (RFC 1123). `dequeue_count` counts our own taking.
    """

    id: str
    receipt: str
    body: str
    inserted_on: str
    expires_on: str
    dequeue_count: int


class QueueService:
    """One storage account. Every call tries again while the failure may pass. Thread-safe."""

    def __init__(self, account: str, origin: Origin, base_path: str) -> None:
        self.account = account
        self._origin = origin
        self._base = base_path.rstrip("/")

    def queues(self) -> Iterator[str]:
        """Yield the names of all queues."""
        marker = ""
        while True:
            query = {"comp": "list", "maxresults": PAGE} | ({"marker": marker} if marker else {})
            answer = self._origin.call(Request(method="GET", path=f"{self._base}/", query=query))
            page = ET.fromstring(answer.body)  # noqa: S314 - the answer of the signed-in service
            yield from (item.findtext("Name") or "" for item in page.iter("Queue"))
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return

    def count(self, queue: str) -> int:
        """Return about how many messages the queue holds, hidden ones included; never fewer than there are."""
        answer = self._origin.call(Request(method="GET", path=f"{self._base}/{queue}", query={"comp": "metadata"}))
        return int(answer.headers["x-ms-approximate-messages-count"])

    def receive(self, queue: str, hidden_seconds: int) -> list[Message]:
        """Take up to 32 messages and hide them from everyone else for a while. An empty list: none is visible."""
        answer = self._origin.call(
            Request(
                method="GET",
                path=f"{self._base}/{queue}/messages",
                query={"numofmessages": str(MOST_AT_ONCE), "visibilitytimeout": str(hidden_seconds)},
            )
        )
        return _messages(queue, answer.body)

    def peek(self, queue: str) -> list[Message]:
        """Look at up to 32 visible messages from the front. Nothing changes; they cannot be deleted or given back."""
        query = {"peekonly": "true", "numofmessages": str(MOST_AT_ONCE)}
        answer = self._origin.call(Request(method="GET", path=f"{self._base}/{queue}/messages", query=query))
        return _messages(queue, answer.body)

    def delete(self, queue: str, message: Message) -> bool:
        """Delete a message. False: it is not ours any more, because its timeout ended, or it is gone already."""
        return self._on_message("DELETE", queue, message, {})

    def give_back(self, queue: str, message: Message) -> bool:
        """Make a message visible again at once. False as in `delete`."""
        return self._on_message("PUT", queue, message, {"visibilitytimeout": "0"})

    def close(self) -> None:
        """Close the connections."""
        self._origin.close()

    def _on_message(self, method: str, queue: str, message: Message, query: dict[str, str]) -> bool:
        path = f"{self._base}/{queue}/messages/{message.id}"
        try:
            self._origin.call(Request(method=method, path=path, query={"popreceipt": message.receipt, **query}))
        except ServiceError as error:
            if error.code in GONE:
                return False
            raise
        return True


def connect(storage: Storage, stop: threading.Event | None = None) -> QueueService:
    """Return the account of the configuration. `stop` ends a wait between tries."""
    endpoint = storage.queue_endpoint or f"https://{storage.account}.queue.core.windows.net"
    service = origin(storage, "Azure Queue Storage", endpoint, stop)
    return QueueService(storage.account, service, urllib.parse.urlsplit(endpoint).path)


def _messages(queue: str, body: bytes) -> list[Message]:
    try:
        return [_message(item) for item in ET.fromstring(body).iter("QueueMessage")]  # noqa: S314 - as above
    except ET.ParseError as error:
        raise WkmsError(
            f"Messages of {queue} came as XML that cannot be read: {error}.",
            hint="One of the next 32 holds a control character. Take it out with the tool that wrote it; run again.",
        ) from error


def _message(item: ET.Element) -> Message:
    return Message(
        id=item.findtext("MessageId") or "",
        receipt=item.findtext("PopReceipt") or "",
        body=item.findtext("MessageText") or "",
        inserted_on=item.findtext("InsertionTime") or "",
        expires_on=item.findtext("ExpirationTime") or "",
        dequeue_count=int(item.findtext("DequeueCount") or 0),
    )
