from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wkms_migrate.report import cost_json, cost_page, cost_workbook, files, pdf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wkms_migrate.cost.result import CostReport


def write(report: CostReport, out_dir: Path, langs: Sequence[str], formats: Sequence[str] = files.QUICK) -> list[Path]:
    """Write `cost.<format>`, or `cost.<lang>.<format>` where it has words, into `out_dir`; return their paths.

    Raises:
        Refused: a PDF was asked for, and what it needs is not on this machine; nothing is written then.

    """
    forms = files.Forms(
        plain={"json": partial(cost_json.render, report), "csv": partial(cost_json.render_csv, report)},
        worded={
            "html": partial(cost_page.render, report),
            "md": partial(cost_page.render_markdown, report),
            "xlsx": partial(cost_workbook.render, report),
            "pdf": lambda lang: pdf.render(cost_page.render(report, lang)),
        },
    )
    return files.write(out_dir, files.rendered("cost", forms, langs, formats))
