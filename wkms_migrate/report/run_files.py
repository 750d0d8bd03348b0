from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wkms_migrate.report import files, run_json, run_page

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
            "xlsx": partial(_workbook, report),
            "pdf": partial(_pdf, report),
        },
    )
    return files.write(out_dir, files.rendered("run", forms, langs, formats))


def _workbook(report: RunReport, lang: str) -> bytes:
    from wkms_migrate.report import run_workbook

    return run_workbook.render(report, lang)


def _pdf(report: RunReport, lang: str) -> bytes:
    from wkms_migrate.report import pdf

    return pdf.render(run_page.render(report, lang))
