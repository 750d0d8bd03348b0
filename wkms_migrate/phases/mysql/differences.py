"""What is said about a row that is not the same on both ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wkms_migrate.counted import counted
from wkms_migrate.phases.mysql.cells import Cell

Kind = Literal["missing", "extra", "different", "count"]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDifference:
    """One row.

    `kind`: missing on the target, extra there, different, or, in a table without a key, another number of equal rows.
    `row` names it for people; `key` holds its key as `chunks.shown` reads it, without one the hash of the row.
    `source` and `target` count the rows.
    """

    table: str
    kind: Kind
    row: str
    key: Key
    cells: tuple[Cell, ...] = ()
    source: int = 1
    target: int = 1

    def __str__(self) -> str:
        told = "; ".join(f"{cell.column}: {cell.source} ≠ {cell.target}" for cell in self.cells)
        kinds = {
            "missing": "is not on the target",
            "extra": "is on the target only",
            "different": told,
            "count": f"{counted(self.source, 'time')} on the source, {counted(self.target, 'time')} on the target",
        }
        return f"{self.row}: {kinds[self.kind]}"
