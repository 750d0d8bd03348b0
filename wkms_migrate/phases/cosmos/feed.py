"""Changes of a container as they are to happen to its table: an item is put, or it is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wkms_migrate.clients.azure_cosmos import ALL_VERSIONS, LATEST, Container, Database, Feed, Mode, Page
from wkms_migrate.clients.cosmos_token import window_of
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.cosmos.items import Document
from wkms_migrate.phases.cosmos.keys import ID, Keys, Path

ONE: Final = 1  # page size of a request that wants no item


@dataclass(frozen=True, slots=True)
class Change:
    """A document as it is now, or, where it is gone, what named it; and when, in seconds since 1970."""

    document: Document
    gone: bool
    at: float


def origin(database: Database, container: Container) -> dict[str, str]:
    """Return where the feed of all versions stands now, by low key of each partition; {} where none is kept.

    To be taken before the first item is copied: what is deleted afterwards is found from there.
    """
    tokens: dict[str, str] = {}
    for one in database.feed_ranges(container.name):
        feed = Feed(container=container.name, feed_range=one, page_size=ONE, mode=ALL_VERSIONS)
        token = database.position(feed)
        if token is None:
            return {}
        tokens[window_of(one)[0]] = token
    return tokens


def mode_of(keys: Keys, origin: Mapping[str, str]) -> Mode:
    """Return which feed to follow: that of all versions, where it is kept and tells enough of a deleted item."""
    told = {*keys.paths, ID}
    sources = {path for attribute in keys.attributes for path in attribute.sources}
    return ALL_VERSIONS if origin and sources <= told else LATEST


def changes(page: Page, mode: Mode, paths: Iterable[Path]) -> list[Change]:
    """Return the changes of a page in their order."""
    if mode == LATEST:
        return [Change(item, gone=False, at=float(item["_ts"])) for item in page.items]
    return [_change(item, tuple(paths)) for item in page.items]


def _change(item: Mapping[str, Any], paths: tuple[Path, ...]) -> Change:
    told = item["metadata"]
    at = float(told["crts"])
    match told["operationType"]:
        case "create" | "replace":
            return Change(item["current"], gone=False, at=at)
        case "delete":
            return Change(_name_of(told, paths), gone=True, at=at)
        case kind:
            raise WkmsError(
                f"The change feed tells of an operation {kind!r} that is not known.",
                hint="Nothing was skipped. Report it with the versions that `wkms-migrate doctor` shows.",
            )


def _name_of(told: Mapping[str, Any], paths: tuple[Path, ...]) -> Document:
    """Return a document of nothing but the id and the partition key that a deletion tells."""
    document: Document = {"id": told["id"]}
    key = dict(told.get("partitionKey") or {})
    for path in paths:
        name = next((name for name in ("/".join(path), path[-1]) if name in key), None)
        value = key.pop(name) if name is not None else {}
        if value == {}:
            continue  # this level was absent from the item
        place = document
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    if key:
        raise WkmsError(
            f"The change feed names a deleted item by {', '.join(key)}, which is no path of the partition key.",
            hint="Nothing was skipped. Report it with the versions that `wkms-migrate doctor` shows.",
        )
    return document
