"""The cost comparison: one data object, written as HTML (ko, en) and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wkms_migrate.cost import audit, cautions, compare, estimate, inputs, quantities
from wkms_migrate.report import cost_json, cost_page, files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from wkms_migrate.cost.compare import Comparison
    from wkms_migrate.cost.fields import Notice
    from wkms_migrate.cost.guide import Guide
    from wkms_migrate.cost.quantities import Exchange, Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """All that the report says, in no language yet."""

    as_of: date
    comparison: Comparison
    quantities: tuple[Quantity, ...]
    exchange: Exchange | None
    cautions: tuple[Notice, ...]
    guide: Guide
    contradictions: tuple[Notice, ...]

    @property
    def currency(self) -> str:
        """The currency of every amount."""
        return self.comparison.baseline.currency

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Why a saving is withheld, then what to bear in mind; the guide's contradictions are apart."""
        return self.comparison.withheld + self.cautions


def build(
    folder: Path, as_of: date, *, baseline: str, target: str, measured: Mapping[str, Decimal] | None = None
) -> CostReport:
    """Compare two scenarios of `folder` (as bundled: `config/`) on the day `as_of`.

    `measured` holds quantities that the assess phase found; they replace the assumed ones.

    Raises:
        ConfigError: a file is faulty, a SKU or quantity unknown, a price in another currency.
        UsageError: a scenario of that name does not exist, or is the quoted guide.

    """
    read = inputs.load(folder)
    found = quantities.of(read.assumptions, measured or {})
    before, after = (
        estimate.estimate(read.scenario(name), read.prices, found, read.assumptions.currency)
        for name in (baseline, target)
    )
    used = {name for bill in (before, after) for line in bill.scenario.lines for name in line.names()}
    return CostReport(
        as_of=as_of,
        comparison=compare.compare(before, after, read.assumptions.saving_goal_percent),
        quantities=tuple(quantity for name, quantity in found.items() if name in used),
        exchange=read.assumptions.exchange,
        cautions=cautions.cautions((before, after), as_of, read.assumptions.stale_after_days),
        guide=read.guide,
        contradictions=audit.audit(read.guide),
    )


def write(report: CostReport, out_dir: Path, langs: Sequence[str]) -> list[Path]:
    """Write `cost.json` and one `cost.<lang>.html` per language into `out_dir`; return their paths."""
    texts = {"cost.json": cost_json.render(report)}
    texts |= {f"cost.{lang}.html": cost_page.render(report, lang) for lang in langs}
    return files.write(out_dir, texts)
