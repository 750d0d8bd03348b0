"""A way to run the system, as billable lines: `config/scenarios/*.yaml` (the quoted guide apart, see guide.py)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from wkms_migrate.cost.fields import AREAS, STRICT, Area, Text

Factor = Annotated[str, Field(pattern=r"^(\d+(\.\d+)?|[a-z][a-z0-9_]*)$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioLine:
    """One thing on the bill. Its quantity is the product of `quantity`: numbers in quotes and names of quantities.

    `lifecycle` names a row of `config/lifecycle.yaml`; `lifecycle_units` are the factors its surcharge is counted in.
    """

    __pydantic_config__ = STRICT

    key: str
    area: Area
    spec: Text
    sku: str
    quantity: Annotated[tuple[Factor, ...], Field(min_length=1)]
    charge: Literal["fixed", "usage"]
    lifecycle: str = ""
    lifecycle_units: tuple[Factor, ...] = ("1",)

    def number(self) -> Decimal:
        """Return the product of the numbers among the factors."""
        product = Decimal(1)
        for factor in self.quantity:
            if is_number(factor):
                product *= Decimal(factor)
        return product

    def names(self) -> tuple[str, ...]:
        """Return the factors that name a quantity."""
        return tuple(factor for factor in self.quantity if not is_number(factor))


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaNote:
    """Why an area has no line of its own."""

    __pydantic_config__ = STRICT

    area: Area
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Lines, the areas that cost nothing extra (`included`), and the areas left out of the total (`outside`).

    A scenario is in one region of each provider unless it names all of its `regions`.
    """

    __pydantic_config__ = STRICT

    name: str
    kind: Literal["computed"]
    title: Text
    summary: Text
    lines: Annotated[tuple[ScenarioLine, ...], Field(min_length=1)]
    included: tuple[AreaNote, ...] = ()
    outside: tuple[AreaNote, ...] = ()
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        keys = [line.key for line in self.lines]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"the line {', '.join(twice)} occurs twice")
        counted, left_out = self.areas(), {note.area for note in self.outside}
        if both := sorted(counted & left_out):
            raise ValueError(f"{', '.join(both)} cannot be both in the total and outside of it")
        if unsaid := [area for area in AREAS if area not in counted | left_out]:
            raise ValueError(f"say of {', '.join(unsaid)} whether it has a line, is included, or is outside")

    def areas(self) -> set[str]:
        """Return the areas that the total speaks for."""
        return {line.area for line in self.lines} | {note.area for note in self.included}


def is_number(factor: str) -> bool:
    """Tell a literal number from the name of a quantity."""
    return factor[:1].isdigit()
