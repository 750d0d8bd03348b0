from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wkms_migrate.cost.ranges import Range
from wkms_migrate.report import charts, figures, page
from wkms_migrate.report.words import catalogue

if TYPE_CHECKING:
    from wkms_migrate.report.charts import Chart, Item, Tone
    from wkms_migrate.report.run_report import PhaseRow, RunReport

KINDS = ("lost", "left", "risk", "converted", "note")  # what a manager must see first comes first
TONES: dict[str, Tone] = {"done": "good", "failed": "bad"}
SHOWN_CHECKS = 250  # the page stays small; run.json has them all
SHOWN_FINDINGS = 80  # of each kind


def render(report: RunReport, lang: str) -> str:
    """Return the report as a self-contained HTML page in `lang`."""
    values = {
        "report": report,
        "chart": _durations(report, lang),
        "phase_names": _phase_names(report, lang),
        "kinds": [(kind, found) for kind in KINDS if (found := report.of_kind(kind))],
        "shown_checks": SHOWN_CHECKS,
        "shown_findings": SHOWN_FINDINGS,
    }
    return page.render("run.html", lang, "USD", values)


def _phase_names(report: RunReport, lang: str) -> dict[str, str]:
    """Name phases in the reader's language; one that the catalogue does not know keeps its own name."""
    words = catalogue(lang)
    return {phase.name: words.get(f"phase.{phase.name}", phase.name) for phase in report.phases}


def _durations(report: RunReport, lang: str) -> Chart:
    words, names = catalogue(lang), _phase_names(report, lang)
    rows = [(names[phase.name], [_item(phase, words)]) for phase in report.phases]
    return charts.chart(words["run.chart.title"], words["run.chart.description"], rows, thickness=14)


def _item(phase: PhaseRow, words: dict[str, Any]) -> Item:
    status = words[f"step.{phase.status}"]
    ran = phase.status in {"done", "failed", "stopped", "running"}
    return charts.Item(
        value=Range.exactly(Decimal(str(round(phase.seconds, 1)))),
        text=f"{figures.seconds(phase.seconds)} · {status}" if ran else status,
        tone=TONES.get(phase.status, "plain"),
    )
