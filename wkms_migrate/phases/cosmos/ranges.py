"""What each feed range of a container holds, on either end: how many items, and an order-free sum of their digests.

The source's items are those that the range's own feed gives. An item of the table belongs to the range that its
partition key hashes into, so that a range which was read only in part, or written under another key, shows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from wkms_migrate.clients import cosmos_place, cosmos_token
from wkms_migrate.clients.azure_cosmos import Container, Database
from wkms_migrate.clients.cosmos_place import Place
from wkms_migrate.clients.cosmos_token import Window
from wkms_migrate.counted import counted

MODULUS: Final = 2**128
DIGITS_SHOWN: Final = 8


@dataclass(slots=True)
class Share:
    """The items of one end in one range: their count, and the sum of their digests modulo 2**128."""

    count: int = 0
    sum: int = 0

    def add(self, digest: int) -> None:
        """Take an item in."""
        self.count += 1
        self.sum = (self.sum + digest) % MODULUS

    def merge(self, other: Share) -> None:
        """Take in what another reader has seen of the same range."""
        self.count += other.count
        self.sum = (self.sum + other.sum) % MODULUS

    @property
    def text(self) -> str:
        """The sum in hexadecimal."""
        return f"{self.sum:032x}"

    @property
    def told(self) -> str:
        """Both in one text, to be compared."""
        return f"{counted(self.count, 'item')}, digest {self.text}"


@dataclass(frozen=True, slots=True)
class Ranges:
    """The feed ranges of a container as they were when the comparison began, in order; together they are the whole."""

    windows: tuple[Window, ...]
    place: Place

    def of(self, identity: bytes) -> Window:
        """Return the range of an item by the bytes that name it: its partition key and id, as JSON."""
        *levels, _ = orjson.loads(identity)
        return self.windows[bisect_right(self.windows, self.place(levels), key=lambda window: window[0]) - 1]


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One range on both ends."""

    window: Window
    source: Share
    target: Share

    @property
    def equal(self) -> bool:
        """Whether both ends hold the same there."""
        return self.source == self.target

    @property
    def name(self) -> str:
        """The range for people: its bounds, each by its first digits."""
        low, high = (bound[:DIGITS_SHOWN] for bound in self.window)
        return f"{low or '00'}-{high}"


def ranges_of(database: Database, container: Container) -> Ranges:
    """Ask the service for the ranges that a container has now."""
    found = sorted(map(cosmos_token.window_of, database.feed_ranges(container.name)))
    return Ranges(tuple(found), cosmos_place.placing(container))


def counterparts(
    windows: Iterable[Window], source: dict[Window, Share], target: dict[Window, Share]
) -> list[Counterpart]:
    """Pair what both ends hold, range by range."""
    return [Counterpart(window, source.get(window, Share()), target.get(window, Share())) for window in windows]
