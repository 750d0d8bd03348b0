from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wkms_migrate.report import files, pdf, run_json, run_page, run_workbook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wkms_migrate.report.run_report import RunReport


def write(report: RunReport, out_dir: Path, langs: Sequence[str], formats: Sequence[str] = files.QUICK) -> list[Path]:
    """Write `run.<format>`, or `run.<lang>.<format>` where it has words, into `out_dir`; return their paths.

    Raises:
        Refused: a PDF was asked for, and what it needs is not on this machine; nothing is written then.

    """
    forms = files.Forms(
        plain={"json": partial(run_json.render, report), "csv": partial(run_json.render_csv, report)},
        worded={
            "html": partial(run_page.render, report),
            "md": partial(run_page.render_markdown, report),
            "xlsx": partial(run_workbook.render, report),
            "pdf": lambda lang: pdf.render(run_page.render(report, lang)),
        },
    )
    return files.write(out_dir, files.rendered("run", forms, langs, formats))
