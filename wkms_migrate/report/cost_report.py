"""The cost comparison: one data object, written as HTML (ko, en) and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wkms_migrate.cost import build as building
from wkms_migrate.report import cost_json, cost_page, files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from wkms_migrate.cost.result import CostReport


def build(
    folder: Path, as_of: date, *, baseline: str, target: str, measured: Mapping[str, Decimal] | None = None
) -> CostReport:
    """Compare two scenarios of `folder` (as bundled: `config/`) on the day `as_of`.

    `measured` holds quantities that the assess phase found; they replace the assumed ones.

    Raises:
        ConfigError: a file is faulty.
        UsageError: a scenario of that name does not exist, or is the quoted guide.

    """
    return building.build(folder, building.Question(baseline=baseline, target=target, as_of=as_of), measured)


def write(report: CostReport, out_dir: Path, langs: Sequence[str]) -> list[Path]:
    """Write `cost.json` and one `cost.<lang>.html` per language into `out_dir`; return their paths."""
    texts = {"cost.json": cost_json.render(report)}
    texts |= {f"cost.{lang}.html": cost_page.render(report, lang) for lang in langs}
    return files.write(out_dir, texts)
