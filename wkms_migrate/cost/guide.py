"""The cost tables of the migration guide: quoted as they stand, kept apart from everything that is computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from wkms_migrate.cost.fields import STRICT, Amount, Text
from wkms_migrate.cost.ranges import Range, total
from wkms_migrate.errors import ConfigError

Bounds = tuple[Amount, Amount]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedRow:
    """One row: its monthly amounts in USD as (low, high), one pair per column of the table."""

    __pydantic_config__ = STRICT

    item: Text
    spec: Text
    amounts: tuple[Bounds, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedTable:
    """A table of the guide with the totals it states; a table that states none has an empty `stated`."""

    __pydantic_config__ = STRICT

    section: str
    title: Text
    columns: tuple[Text, ...]
    rows: tuple[QuotedRow, ...]
    stated: tuple[Bounds, ...] = ()

    def __post_init__(self) -> None:
        widths = {len(row.amounts) for row in self.rows} | ({len(self.stated)} if self.stated else set())
        if widths != {len(self.columns)}:
            raise ValueError(f"every row of table {self.section} needs one amount per column ({len(self.columns)})")

    def sum(self, column: int = 0) -> Range:
        """Add up a column; the middle of each bound counts as its base."""
        return total([_range(row.amounts[column]) for row in self.rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """All quoted tables, and the single figures and words that the guide states in its text."""

    __pydantic_config__ = STRICT

    name: str
    kind: Literal["quoted"]
    title: Text
    summary: Text
    tables: tuple[QuotedTable, ...]
    figures: dict[str, Amount]
    words: dict[str, str] = field(default_factory=dict)

    def table(self, section: str) -> QuotedTable:
        """Return the table of a section."""
        for table in self.tables:
            if table.section == section:
                return table
        raise ConfigError(f"The guide scenario has no table {section}.", hint="Restore config/scenarios/guide.yaml.")

    def figure(self, name: str) -> Decimal:
        """Return a figure of the guide's text."""
        if name not in self.figures:
            raise ConfigError(f"The guide scenario has no figure {name}.", hint="Restore config/scenarios/guide.yaml.")
        return self.figures[name]


def _range(bounds: tuple[Decimal, Decimal]) -> Range:
    low, high = bounds
    return Range(low, (low + high) / 2, high)
