"""The transport of the Cosmos DB SDK, which keeps the pages of a change feed from being decoded twice.

The SDK turns every page into Python objects, which costs more than all else that is done to it, and its numbers would
be doubles. So it is given an outline of the page, with as many zeros as there are items, and the page itself is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from wkms_migrate.clients import importing

if TYPE_CHECKING:
    from azure.core.pipeline.transport import HttpTransport

OK = 200


class Envelope(msgspec.Struct):
    """A page: the JSON text of each item, not looked into."""

    Documents: list[msgspec.Raw]  # the service's own name for them


def transport() -> HttpTransport[Any, Any]:
    """Return a transport for one client of the SDK."""
    with importing:
        from azure.core.pipeline.transport import RequestsTransport, RequestsTransportResponse

    class Outlined(RequestsTransportResponse):  # type: ignore[misc] # no types here
        """A response that shows the outline of its page."""

        def body(self) -> bytes:
            count = len(msgspec.json.decode(super().body(), type=Envelope).Documents)
            return b'{"Documents":[%b],"_count":%d}' % (b",".join([b"0"] * count), count)

    class Transport(RequestsTransport):  # type: ignore[misc] # no types here
        """Puts outlines in the place of pages."""

        def send(self, request: Any, **kwargs: Any) -> Any:
            response = super().send(request, **kwargs)
            is_page = "A-IM" in request.headers and request.url.endswith("/docs/") and response.status_code == OK
            return Outlined(request, response.internal_response, response.block_size) if is_page else response

    return Transport()


def answer_of(response: Any) -> tuple[int, bytes]:
    """Return the status and the body of a response as it came. Raises `UnicodeDecodeError` for one that is no text."""
    body: bytes = response.internal_response.content
    body.decode()  # the SDK has checked an outline only
    return response.status_code, body
