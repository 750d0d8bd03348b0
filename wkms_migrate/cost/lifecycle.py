"""Releases and services at the end of their life: what they cost on top from a day on, or that they are gone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wkms_migrate.cost.fields import STRICT, Notice, Text
from wkms_migrate.cost.scenario import Factor, Scenario, ScenarioLine

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOfLife:
    """From `since` on, a line that bears this id costs `surcharge` per unit as well, or cannot be bought at all.

    `surcharge` is a SKU; empty when the thing is retired. `instead` says what to take. `units` are the factors of the
    surcharged quantity; each line multiplies them by its own `lifecycle_units`.
    """

    __pydantic_config__ = STRICT

    id: str
    since: dt.date
    text: Text
    instead: Text
    source: str
    surcharge: str = ""
    units: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The whole of `config/lifecycle.yaml`."""

    __pydantic_config__ = STRICT

    ends: tuple[EndOfLife, ...]

    def by_id(self) -> Mapping[str, EndOfLife]:
        """Return the rows by id."""
        return {end.id: end for end in self.ends}


def surcharged(
    scenario: Scenario, ends: Mapping[str, EndOfLife], as_of: dt.date
) -> tuple[Scenario, tuple[Notice, ...]]:
    """Return the scenario with the surcharges that are due on the day `as_of`, and a notice for each line concerned."""
    extra: list[ScenarioLine] = []
    notices: list[Notice] = []
    for line in scenario.lines:
        end = ends.get(line.lifecycle)
        if end is None or as_of < end.since:
            continue
        if end.surcharge:
            extra.append(_surcharge(line, end))
        notices.append(_notice(scenario, line, end))
    return replace(scenario, lines=(*scenario.lines, *extra)), tuple(notices)


def _surcharge(line: ScenarioLine, end: EndOfLife) -> ScenarioLine:
    return ScenarioLine(
        key=f"{line.key}/{end.id}",
        area=line.area,
        spec=end.text,
        sku=end.surcharge,
        quantity=(*line.lifecycle_units, *end.units),
        charge="fixed",
    )


def _notice(scenario: Scenario, line: ScenarioLine, end: EndOfLife) -> Notice:
    return Notice(
        code="lifecycle-surcharge" if end.surcharge else "lifecycle-retired",
        values=(
            ("scenario", scenario.title),
            ("line", line.key),
            ("what", end.text),
            ("since", end.since),
            ("instead", end.instead),
            ("source", end.source),
        ),
    )
