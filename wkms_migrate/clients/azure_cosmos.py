"""Azure Cosmos DB (NoSQL API), read only: what containers there are, and their items, page by page, number by number.

A client of the SDK keeps the headers of its last response, so one client must not be read by two threads: every lane
opens its own. The SDK turns numbers into doubles; here a page is decoded from the bytes that arrived.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from wkms_migrate import retry
from wkms_migrate.clients import cosmos_token, cosmos_transport, entra_id, importing
from wkms_migrate.errors import ConfigError, Refused, TransientError, WkmsError

if TYPE_CHECKING:
    from azure.cosmos import ContainerProxy, CosmosClient

    from wkms_migrate.config import Cosmos

T = TypeVar("T")

EXACT_DIGITS: Final = 18  # a longer run of digits is kept as a Decimal
# Throttled requests are tried again here and not in the SDK, which would wait without seeing that it is to stop.
PATIENT: Final = {"retry_throttle_total": -1}  # the SDK takes 0 for its default of nine
CALL_ATTEMPTS: Final = 50
CALL_SECONDS: Final = 60.0
ATTEMPTS: Final = 10_000
PATIENCE_SECONDS: Final = 600.0  # throttled or unreachable for so long, a page is given up
NOT_MODIFIED: Final = 304
UNHEARD: Final = logging.NullHandler()
PLACE_BYTES: Final = 4096
_PLACE: Final = re.compile(rb'"_?lsn":(\d+)')
POSITION: Final = "_lsn"  # what the change feed adds to an item: its place in the feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container: `key_paths` as given (`/a` or `/a/b`), `default_ttl` in seconds, -1 for never, None for TTL off."""

    name: str
    rid: str
    key_paths: tuple[str, ...]
    default_ttl: int | None
    properties: Mapping[str, Any]


Mode: TypeAlias = Literal["LatestVersion", "AllVersionsAndDeletes"]
LATEST: Final[Mode] = "LatestVersion"
ALL_VERSIONS: Final[Mode] = "AllVersionsAndDeletes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The change feed of one range, in the order of the last change (LATEST) or of every change (ALL_VERSIONS)."""

    container: str
    feed_range: Mapping[str, Any]
    page_size: int
    mode: Mode = LATEST


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page as it arrived, where to go on after it, and what it cost in request units.

    `behind` is how many changes the partition had after the last one of this page. With ALL_VERSIONS an item is a
    change: `current`, perhaps `previous`, and `metadata`.
    """

    body: bytes
    token: str
    charge: float
    behind: int = 0

    @cached_property
    def documents(self) -> list[msgspec.Raw]:
        """The JSON text of each item, as it was sent and not looked into."""
        return msgspec.json.decode(self.body, type=_Envelope).Documents

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """The items, with their numbers as they were sent."""
        return decoded(self.body)


class _Envelope(msgspec.Struct):
    Documents: list[msgspec.Raw]  # the service's own name for them


class NotThereError(WkmsError):
    """The service says 404."""


class NotAllowedError(WkmsError):
    """The service says 403: whoever signs in may not see it."""


class NotKeptError(WkmsError):
    """The service says 400: the account does not keep what was asked for."""


@dataclass(frozen=True, slots=True)
class Divided:
    """The range lies in several partitions now: go on from the same place in each of the parts cut at these keys."""

    cuts: tuple[str, ...]


class Database:
    """The containers of one database. For one thread at a time."""

    def __init__(self, client: CosmosClient, name: str) -> None:
        self._proxy = client.get_database_client(name)
        self._name = name

    def containers(self) -> list[Container]:
        """Return the containers by name."""
        found = _call(self._name, lambda: list(self._proxy.list_containers()))
        return sorted((_container(properties) for properties in found), key=lambda one: one.name)

    def container(self, name: str) -> ContainerProxy:
        """Return the SDK's own view of a container."""
        return self._proxy.get_container_client(name)

    def count(self, container: str) -> int:
        """Return the number of items of a container as the query engine counts them."""
        proxy = self._proxy.get_container_client(container)
        asked = {"query": "SELECT VALUE COUNT(1) FROM c", "enable_cross_partition_query": True}
        return int(sum(_call(container, lambda: list(proxy.query_items(**asked)))))

    def feed_ranges(self, container: str) -> list[dict[str, Any]]:
        """Return the ranges that together hold all items, one per physical partition; to be given back as they are."""
        proxy = self._proxy.get_container_client(container)
        return _call(container, lambda: list(proxy.read_feed_ranges(force_refresh=True)))

    def throughput(self, container: str) -> float | None:
        """Return the request units per second of a container or its database; of autoscale the most; None: serverless.

        Raises the refusal of an account whose sign-in may not read it.
        """
        for owner in (self._proxy.get_container_client(container), self._proxy):
            try:
                found = _call(container, owner.get_throughput)
            except NotThereError:
                continue
            rate = found.auto_scale_max_throughput or found.offer_throughput
            return None if rate is None else float(rate)
        return None

    def changes(self, feed: Feed, token: str | None, stop: threading.Event) -> Generator[Page]:
        """Yield the pages of a change feed from the beginning, or from a token on, until there is nothing new.

        Where a partition was split meanwhile, the parts come one after the other, and a token is that of its part.
        """
        waiting = [(feed, token)]
        while waiting:
            part, at = waiting.pop()
            while (found := self.page(part, at, stop)) is not None:
                if isinstance(found, Divided):
                    waiting += [(replace(part, feed_range=one), at) for one in _parts(part, found)]
                    break
                yield found
                at = found.token

    def page(self, feed: Feed, token: str | None, stop: threading.Event) -> Page | Divided | None:
        """Return the page of a change feed after a token, or from the beginning; None when there is nothing new.

        Tries again while a failure may pass, for ten minutes at most, as slowly as the service asks.
        """
        proxy = self._proxy.get_container_client(feed.container)
        return retry.policy(attempts=ATTEMPTS, seconds=PATIENCE_SECONDS, stop=stop)(_page, proxy, feed, token)

    def position(self, feed: Feed) -> str | None:
        """Return a token for the changes from now on; None where the account does not keep what this mode shows."""
        proxy = self._proxy.get_container_client(feed.container)
        asked = {"feed_range": dict(feed.feed_range), "start_time": "Now", "mode": feed.mode}

        def ask() -> str:
            next(proxy.query_items_change_feed(**asked).by_page(), None)
            return str(proxy.client_connection.last_response_headers["etag"])

        try:
            return _call(feed.container, ask)
        except NotKeptError:
            return None


@contextmanager
def connect(cosmos: Cosmos) -> Iterator[Database]:
    """Sign in to the account, by key or, without one, by azure-identity; give the configured database."""
    with importing:
        from azure.cosmos import CosmosClient

    if not cosmos.endpoint:
        raise ConfigError(
            "azure.cosmos.endpoint is not set.", hint="It reads https://<account>.documents.azure.com:443/."
        )
    logging.getLogger("azure.cosmos").addHandler(UNHEARD)  # its health check outlives a short visit, and would say so
    with (
        told(cosmos.endpoint),
        CosmosClient(
            cosmos.endpoint, credential=_credential(cosmos), transport=cosmos_transport.transport(), **PATIENT
        ) as client,
    ):
        yield Database(client, cosmos.database)


def _call(what: str, function: Callable[[], T]) -> T:
    """Call for something small, as patiently as the SDK would."""

    def asked() -> T:
        with told(what):
            return function()

    return retry.policy(attempts=CALL_ATTEMPTS, seconds=CALL_SECONDS)(asked)


def _page(proxy: ContainerProxy, feed: Feed, token: str | None) -> Page | Divided | None:
    window = cosmos_token.window_of(feed.feed_range)
    start: dict[str, Any] = {"feed_range": dict(feed.feed_range), "start_time": "Beginning"}
    if token:
        start = {"continuation": cosmos_token.narrowed(token, window)}
    elif feed.mode != LATEST:
        raise WkmsError(f"The feed of all versions of {feed.container} has no beginning.", hint="Give it a token.")
    answers: list[tuple[int, bytes]] = []
    with told(feed.container):
        pages = proxy.query_items_change_feed(
            max_item_count=feed.page_size,
            mode=feed.mode,
            raw_response_hook=lambda one: answers.append(cosmos_transport.answer_of(one.http_response)),
            **start,
        ).by_page()
        seen = sum(1 for _ in next(pages, ()))
    headers = proxy.client_connection.last_response_headers
    if len(parts := cosmos_token.windows(headers["etag"])) > 1:
        return Divided(tuple(sorted(low for low, _ in parts if window[0] < low < window[1])))
    status, body = answers[-1]
    if status == NOT_MODIFIED:
        return None
    return _read(feed, body, seen, headers)


def _read(feed: Feed, body: bytes, seen: int, headers: Mapping[str, str]) -> Page:
    charge = float(headers.get("x-ms-request-charge", 0))
    page = Page(body=body, token=headers["etag"], charge=charge, behind=_behind(body, headers))
    if len(page.documents) != seen:
        raise WkmsError(
            f"A page of {feed.container} holds {len(page.documents)} items, and the SDK sees {seen}.",
            hint="This must not happen: report it with the versions that `wkms-migrate doctor` shows.",
        )
    return page


def _behind(body: bytes, headers: Mapping[str, str]) -> int:
    """Return how many changes the partition has after the last one in the body; for showing, so 0 when not told."""
    told = _PLACE.findall(body[-PLACE_BYTES:])
    return max(0, int(headers.get("lsn", 0)) - int(told[-1])) if told else 0


def decoded(body: bytes) -> list[dict[str, Any]]:
    """Decode a page without touching a number: integers up to 18 digits are int, everything else is Decimal."""
    items: list[dict[str, Any]] = json.loads(body, parse_float=Decimal, parse_int=_exact, parse_constant=Decimal)[
        "Documents"
    ]
    for item in items:
        item.pop(POSITION, None)
    return items


def _parts(feed: Feed, divided: Divided) -> list[dict[str, Any]]:
    low, high = cosmos_token.window_of(feed.feed_range)
    edges = [low, *divided.cuts, high]
    return [cosmos_token.feed_range(window) for window in pairwise(edges)]


def _exact(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= EXACT_DIGITS and digits != "-0" else Decimal(digits)


def _container(properties: Mapping[str, Any]) -> Container:
    ttl = properties.get("defaultTtl")
    return Container(
        name=properties["id"],
        rid=properties["_rid"],
        key_paths=tuple(properties["partitionKey"]["paths"]),
        default_ttl=ttl if isinstance(ttl, int) else None,
        properties=properties,
    )


def _credential(cosmos: Cosmos) -> Any:
    if cosmos.key is not None:
        return cosmos.key.reveal()
    return entra_id.credential()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Tell the SDK's failures in our words."""
    with importing:
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.cosmos.exceptions import CosmosHttpResponseError

    try:
        yield
    except CosmosHttpResponseError as error:
        raise _refusal(what, error.status_code, str(error.http_error_message), error.headers) from error
    except ClientAuthenticationError as error:
        raise ConfigError(
            f"No Microsoft Entra token could be had for Cosmos DB: {entra_id.reason(error)}",
            hint="Set azure.cosmos.key, or sign in with `az login`; then run the same command again.",
        ) from error
    except AzureError as error:
        raise TransientError(
            f"Cosmos DB at {what} cannot be asked: {error}",
            hint="Check azure.cosmos.endpoint and the network; then run the same command again to go on.",
        ) from error
    except ValueError as error:
        if "collection rid" not in str(error):
            raise
        raise Refused(
            f"{what} was deleted and made anew while it was copied.", hint="Run the same command again to start over."
        ) from error


def _refusal(what: str, status: int, message: str, headers: Mapping[str, str]) -> WkmsError:
    text = f"Cosmos DB answered {status} at {what}: {message.splitlines()[0] if message else ''}"
    if status in retry.TRANSIENT_STATUS:
        wait = headers.get("x-ms-retry-after-ms")
        return TransientError(
            text, hint="Run the same command again to go on.", retry_after=float(wait) / 1000 if wait else None
        )
    hints = {
        401: "Check the key that azure.cosmos.key refers to, and this machine's clock.",
        403: "Give the account that signs in the role Cosmos DB Built-in Data Reader.",
        404: "Check azure.cosmos.database and the containers of phases.cosmos.",
    }
    kind = {400: NotKeptError, 403: NotAllowedError, 404: NotThereError}.get(status, WkmsError)
    return kind(text, hint=hints.get(status, "See the message of the service."))
