"""What names the items of a Cosmos DB container, read without the items themselves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from wkms_migrate import retry
from wkms_migrate.clients import azure_cosmos
from wkms_migrate.clients.azure_cosmos import Database, told

if TYPE_CHECKING:
    from azure.cosmos import ContainerProxy

Path: TypeAlias = tuple[str, ...]
Row: TypeAlias = dict[Path, Any]

PER_PAGE: Final = 5000


def rows(
    database: Database, container: str, feed_range: Mapping[str, Any], paths: Sequence[Path], stop: threading.Event
) -> Iterator[list[Row]]:
    """Yield, page by page, what each item of a range has at these paths; one that it does not have is left out."""
    proxy = database.container(container)
    attempt = retry.policy(attempts=azure_cosmos.ATTEMPTS, seconds=azure_cosmos.PATIENCE_SECONDS, stop=stop)
    columns = (f"c{''.join(map(_step, path))} AS k{number}" for number, path in enumerate(paths))
    query = f"SELECT {', '.join(columns)} FROM c"  # noqa: S608 # names are quoted by _step, and there are no values
    token: str | None = None
    while True:
        found, token = attempt(_page, proxy, query, feed_range, token)
        yield [{paths[int(name[1:])]: _exact(value) for name, value in one.items()} for one in found]
        if token is None:
            return


def _page(
    proxy: ContainerProxy, query: str, feed_range: Mapping[str, Any], token: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    with told(proxy.id):
        pages = proxy.query_items(query, feed_range=dict(feed_range), max_item_count=PER_PAGE).by_page(token)
        found = list(next(pages, ()))
        following: str | None = pages.continuation_token
        return found, following


def _step(name: str) -> str:
    return f"[{json.dumps(name, ensure_ascii=False)}]"


def _exact(value: Any) -> Any:
    """Return a value as a page of the feed has it: a double has the digits that the service sent."""
    return Decimal(repr(value)) if isinstance(value, float) else value
