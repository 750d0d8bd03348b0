"""What items weigh as they are written: bytes, write units with those of their indexes, bytes to load from S3.

A write unit is a KB begun, counted again for each index that the item is in:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from wkms_migrate.phases.cosmos.mapping_file import ContainerRules, IndexRule
from wkms_migrate.phases.cosmos.paths import Size
from wkms_migrate.phases.cosmos.size import item_bytes

UNIT_BYTES: Final = 1024
WRAPPING: Final = len(b'{"Item":}\n')  # what an item has around it in an object to load


@dataclass(slots=True)
class Weights:
    """The sums over the items seen so far, as they will be in a table with these keys and rules.

    `seen` counts documents, also those that cannot be written; `charge` is what reading them took.
    """

    keys: tuple[str, ...]
    rules: ContainerRules | None
    seen: int = 0
    table_bytes: int = 0
    index_bytes: int = 0
    loaded_bytes: int = 0
    units: int = 0
    charge: float = 0.0

    def add(self, texts: Sequence[bytes]) -> None:
        """Take in what is written for one document: its item, and those of its parts, as DynamoDB JSON."""
        for text in texts:
            attributes = orjson.loads(text)
            size = item_bytes(attributes)
            copies = list(self._copies(attributes, size))
            self.table_bytes += size
            self.index_bytes += sum(copies)
            self.loaded_bytes += len(text) + WRAPPING
            self.units += sum(-(-one // UNIT_BYTES) for one in (size, *copies))

    def size(self, total: int) -> Size:
        """Return the sums for so many documents as those seen."""
        share = total / self.seen if self.seen else 0.0
        return Size(
            items=total,
            bytes=round(self.table_bytes * share),
            index_bytes=round(self.index_bytes * share),
            loaded_bytes=round(self.loaded_bytes * share),
            units=round(self.units * share),
            read_units=round(self.charge * share),
        )

    def _copies(self, attributes: dict[str, Any], size: int) -> Iterator[int]:
        """Yield the bytes of an item in each index that it is in."""
        for index in self.rules.indexes if self.rules else ():
            names = _keys_of(index)
            if not all(name in attributes for name in names):
                continue
            kept = {*names, *self.keys}
            yield size if index.projection == "ALL" else item_bytes({name: attributes[name] for name in kept})


def _keys_of(index: IndexRule) -> list[str]:
    return [part.name for part in (*index.hash, *index.range)]
