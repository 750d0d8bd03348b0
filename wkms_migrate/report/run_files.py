from __future__ import annotations

from typing import TYPE_CHECKING

from wkms_migrate.report import files, pdf, run_json, run_page, run_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wkms_migrate.report.run_report import RunReport

PLAIN: dict[str, Callable[[RunReport], str]] = {"json": run_json.render, "csv": run_json.render_csv}
WORDED: dict[str, Callable[[RunReport, str], str | bytes]] = {
    "html": run_page.render,
    "md": run_page.render_markdown,
    "xlsx": run_workbook.render,
    "pdf": lambda report, lang: pdf.render(run_page.render(report, lang)),
}


def write(report: RunReport, out_dir: Path, langs: Sequence[str], formats: Sequence[str] = files.QUICK) -> list[Path]:
    """Write `run.<format>`, or `run.<lang>.<format>` where it has words, into `out_dir`; return their paths."""
    contents: dict[str, str | bytes] = {}
    for form in formats:
        if form in PLAIN:
            contents[f"run.{form}"] = PLAIN[form](report)
        else:
            contents |= {f"run.{lang}.{form}": WORDED[form](report, lang) for lang in langs}
    return files.write(out_dir, contents)
