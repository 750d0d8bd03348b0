"""Everything a cost report is made from, read from one folder: prices/, scenarios/, assumptions, lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wkms_migrate.cost import prices
from wkms_migrate.cost.guide import Guide
from wkms_migrate.cost.lifecycle import Lifecycle
from wkms_migrate.cost.loading import read
from wkms_migrate.cost.quantities import Assumptions
from wkms_migrate.cost.scenario import Scenario
from wkms_migrate.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wkms_migrate.cost.prices import Prices

GUIDE = "guide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Prices by SKU, scenarios by name, the assumptions, the quoted guide, and what is at the end of its life."""

    prices: Prices
    scenarios: dict[str, Scenario]
    assumptions: Assumptions
    guide: Guide
    lifecycle: Lifecycle

    def scenario(self, name: str) -> Scenario:
        """Return a computed scenario, or raise `UsageError` naming those there are."""
        if name == GUIDE:
            raise UsageError(
                "The guide's figures are quoted and contradict each other; they are never compared with computed ones.",
                hint=f"Choose one of: {', '.join(sorted(self.scenarios))}.",
            )
        if name not in self.scenarios:
            raise UsageError(
                f"There is no scenario {name}.", hint=f"Choose one of: {', '.join(sorted(self.scenarios))}."
            )
        return self.scenarios[name]


def load(folder: Path, own: Sequence[Path] = ()) -> Inputs:
    """Read the folder (as bundled: `config/`), and scenarios of the user's `own` after those in it.

    Raises:
        ConfigError: a file is missing or faulty, or two scenarios bear one name.

    """
    scenarios: dict[str, Scenario] = {}
    for path in (*_files(folder / "scenarios"), *own):
        if path.stem == GUIDE:
            continue
        scenario = read(path, Scenario)
        if scenario.name in scenarios:
            raise ConfigError(f"{path}: the scenario {scenario.name} exists already.", hint="Give it its own name.")
        scenarios[scenario.name] = scenario
    return Inputs(
        prices=prices.load(_files(folder / "prices")),
        scenarios=scenarios,
        assumptions=read(folder / "assumptions.yaml", Assumptions),
        guide=read(folder / "scenarios" / f"{GUIDE}.yaml", Guide),
        lifecycle=_lifecycle(folder / "lifecycle.yaml"),
    )


def _lifecycle(path: Path) -> Lifecycle:
    return read(path, Lifecycle) if path.exists() else Lifecycle(ends=())


def _files(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise ConfigError(f"{folder} has no price or scenario file.", hint="Restore the folder from the project.")
    return paths
