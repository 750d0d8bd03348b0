"""JSON that LOAD DATA writes otherwise: made from text, it has no DECIMAL, no DATE and the like."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from wkms_migrate.counted import counted
from wkms_migrate.plan import StepRun


@dataclass(frozen=True, slots=True)
class Converted:
    """How many rows hold such JSON, and how many of them in each column."""

    rows: int = 0
    columns: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Converted) -> Converted:
        return Converted(self.rows + other.rows, self.columns + other.columns)


def tell(run: StepRun, table: str, found: Converted) -> None:
    """State in which columns of a table how many rows are written otherwise, if any."""
    if not found.rows:
        return
    columns = ", ".join(f"{name}: {count:,}" for name, count in sorted(found.columns.items()))
    run.finding(
        "mysql-json-number",
        f"{counted(found.rows, 'row holds', 'rows hold')} JSON that is written differently after it was read"
        " again, such as a DECIMAL 1.10"
        f" that becomes 1.1. By column: {columns}.",
        table,
        kind="converted",
        severity="warning",
        hint="Equal as a double; where the written form matters, repair it with JSON_SET and CAST.",
    )
