"""The scenario that a Terraform plan makes: `terraform show -json PLAN` as billable lines.

Every resource type is either priced here or known to be free; any other is a fault, so nothing is forgotten silently.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wkms_migrate.cost.fields import AREAS, Translated
from wkms_migrate.cost.scenario import AreaNote, Scenario, ScenarioLine
from wkms_migrate.cost.terraform_prices import FREE, PRICED, Charge
from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wkms_migrate.cost.fields import Area

    Resource = Mapping[str, Any]

NAME = "terraform"
TITLE = Translated(ko="Terraform 계획", en="Terraform plan")
SUMMARY = Translated(ko="Terraform 계획이 만드는 자원 그대로", en="What the Terraform plan makes, as it is planned")
ON_MACHINES = Translated(
    ko="계획에 따로 없습니다. 가상 머신에서 돌아갑니다.", en="Not in the plan: runs on its machines."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The scenario, and the resource types that nobody knows the price of, with how many there are."""

    scenario: Scenario
    unmapped: tuple[tuple[str, int], ...]


def read(path: Path) -> dict[str, Any]:
    """Return the plan. Raises `ConfigError` when the file is no `terraform show -json` of a plan."""
    try:
        plan = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except ValueError as error:
        raise ConfigError(
            f"{path} is not JSON: {error}.", hint="Write it with `terraform show -json PLAN > FILE`."
        ) from error
    if not isinstance(plan, dict) or "root_module" not in (plan.get("planned_values") or {}):
        raise ConfigError(
            f"{path} is not a Terraform plan: it has no planned_values.",
            hint="Write it with `terraform plan -out PLAN` and `terraform show -json PLAN > FILE`.",
        )
    return plan


def planned(plan: Mapping[str, Any], use: Scenario) -> Planned:
    """Return the scenario of a plan; what Terraform cannot know (tokens, traffic) is taken from the lines of `use`."""
    charges: Counter[Charge] = Counter()
    unmapped: Counter[str] = Counter()
    kinds: set[str] = set()
    for resource in _resources(plan["planned_values"]["root_module"]):
        kind = resource["type"]
        kinds.add(kind)
        if kind in PRICED:
            charges.update(PRICED[kind](resource.get("values") or {}))
        elif kind not in FREE:
            unmapped[kind] += 1
    if not charges:
        raise ConfigError("The Terraform plan has no billable resource.", hint="Plan the root in terraform/aws.")
    lines = [_line(charge, count) for charge, count in charges.items()]
    lines += [line for line in use.lines if line.area == "ai" or line.key == "egress" or _used(line, kinds)]
    scenario = _scenario(_unique(lines), use)
    return Planned(scenario=scenario, unmapped=tuple(sorted(unmapped.items())))


def _resources(module: Mapping[str, Any]) -> Iterator[Resource]:
    yield from (one for one in module.get("resources") or () if one.get("mode") == "managed")
    for child in module.get("child_modules") or ():
        yield from _resources(child)


def _used(line: ScenarioLine, kinds: set[str]) -> bool:
    """Say whether a line of usage belongs to a resource of the plan."""
    return (line.area == "storage" and "aws_s3_bucket" in kinds) or (
        line.area == "nosql" and "aws_dynamodb_table" in kinds
    )


def _line(charge: Charge, count: int) -> ScenarioLine:
    what = f"{charge.what} × {count}" if count > 1 else charge.what
    return ScenarioLine(
        key=charge.key,
        area=charge.area,
        spec=Translated(ko=what, en=what),
        sku=charge.sku,
        quantity=(str(count), *charge.quantity),
        charge=charge.charge,
        lifecycle=charge.lifecycle,
        lifecycle_units=(str(count), *charge.lifecycle_units),
    )


def _unique(lines: list[ScenarioLine]) -> tuple[ScenarioLine, ...]:
    return tuple({line.key: line for line in lines}.values())


def _scenario(lines: tuple[ScenarioLine, ...], use: Scenario) -> Scenario:
    counted: set[Area] = {line.area for line in lines}
    outside = tuple(note for note in use.outside if note.area not in counted)
    told = counted | {note.area for note in outside}
    included = tuple(AreaNote(area=area, reason=ON_MACHINES) for area in AREAS if area not in told)
    return Scenario(
        name=NAME,
        kind="computed",
        title=TITLE,
        summary=SUMMARY,
        lines=lines,
        included=included,
        outside=outside,
    )
