"""One pass over a container, as the manifest takes it in: from the source, or as the plan saw it a moment ago."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.phases.blob.mapping import Left, fingerprint

FRESH_SECONDS = 30.0  # a copy that begins later lists anew
ROOM_BYTES = 16 << 20
ROW_BYTES = 600  # what Python needs for a row beside its texts


class Row(NamedTuple):
    """A blob as the manifest keeps it: `why` it is left (empty: it is copied), `blob` in MessagePack."""

    key: str
    name: str
    fingerprint: str
    size: int
    why: Left
    blob: bytes


def row(key: str, blob: Blob, why: Left) -> Row:
    """Return the row of a blob."""
    return Row(key, blob.name, fingerprint(blob, key), blob.size, why, msgspec.msgpack.encode(blob))


def rows(listed: Iterable[tuple[str, Blob, Left]]) -> Iterator[Row]:
    """Yield the rows of a listing."""
    return (row(key, blob, why) for key, blob, why in listed)


@dataclass(slots=True)
class Room:
    """How many bytes the listings of one plan may still take."""

    left: int = ROOM_BYTES


@dataclass(slots=True)
class Kept:
    """The plan's listing of one container, for the copy that follows at once: the source is asked once, not twice.

    Its blobs are read only as they were listed, so what has changed since is noticed. One that has no room is not kept.
    `tags` says whether the listing has index tags.
    """

    room: Room
    tags: bool = True
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _rows: list[Row] | None = field(init=False, default_factory=list)
    _taken: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Begin to age."""
        self._began = self.clock()

    def add(self, found: Row) -> None:
        """Keep a row."""
        if self._rows is None:
            return
        needs = ROW_BYTES + len(found.blob) + len(found.key) + len(found.name)
        if needs > self.room.left:
            self._forget()
            return
        self.room.left -= needs
        self._taken += needs
        self._rows.append(found)

    def take(self) -> list[Row] | None:
        """Return all rows, once; None when there was no room for them or they are too old."""
        found = self._rows if self.clock() - self._began <= FRESH_SECONDS else None
        self._forget()
        return found

    def _forget(self) -> None:
        self.room.left += self._taken
        self._taken, self._rows = 0, None
