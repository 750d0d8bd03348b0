from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wkms_migrate.cost.ranges import Range
from wkms_migrate.report import charts, figures, page
from wkms_migrate.report.run_report import KINDS
from wkms_migrate.report.words import catalogue

if TYPE_CHECKING:
    from wkms_migrate.report.charts import Chart, Item, Tone
    from wkms_migrate.report.run_report import PhaseRow, RunReport

TONES: dict[str, Tone] = {"done": "good", "failed": "bad"}
MOST_BYTES = 150_000  # the page stays small enough to be mailed; run.json, the sheets and the CSV have all of it
PARTS = (1, 2, 4, 8, 16)
SHOWN = {"decisions": 5, "moved": 60, "findings": 12, "checks": 150, "steps": 120, "text": 240}


def render(report: RunReport, lang: str) -> str:
    """Return the report as a self-contained HTML page in `lang`; of long lists, as much as fits into `MOST_BYTES`."""
    values = _values(report, lang)
    for part in PARTS:
        values["shown"] = {name: max(1, number // part) for name, number in SHOWN.items()}
        html = page.render("run.html", lang, "USD", values)
        if len(html.encode()) <= MOST_BYTES:
            break
    return html


def render_markdown(report: RunReport, lang: str) -> str:
    """Return what the first page says and every finding as Markdown in `lang`, for a pull request or a wiki."""
    return page.render("run.md", lang, "USD", _values(report, lang))


def phase_names(lang: str) -> dict[str, str]:
    """Return the names of phases in the reader's language; one that the catalogue does not know keeps its own."""
    return {key.partition(".")[2]: text for key, text in catalogue(lang).items() if key.startswith("phase.")}


def _values(report: RunReport, lang: str) -> dict[str, Any]:
    objects = [(moved, one) for moved in report.moved for one in moved.objects]
    return {
        "report": report,
        "chart": _durations(report, lang),
        "phase_names": phase_names(lang),
        "lost": len(report.of_kind("lost")) + len(report.of_kind("left")),
        "objects": sorted(objects, key=lambda pair: pair[1].ok),
        "kinds": [(kind, groups) for kind in KINDS if (groups := report.groups(kind))],
        "shown": SHOWN,
    }


def _durations(report: RunReport, lang: str) -> Chart:
    words, names = catalogue(lang), phase_names(lang)
    rows = [(names.get(phase.name, phase.name), [_item(phase, words, lang)]) for phase in report.phases]
    return charts.chart(words["run.chart.title"], words["run.chart.description"], rows, thickness=14)


def _item(phase: PhaseRow, words: dict[str, Any], lang: str) -> Item:
    status = words[f"step.{phase.status}"]
    ran = phase.status in {"done", "failed", "stopped", "running"}
    return charts.Item(
        value=Range.exactly(Decimal(str(round(phase.seconds, 1)))),
        text=f"{figures.seconds(phase.seconds, lang)} · {status}" if ran else status,
        tone=TONES.get(phase.status, "plain"),
    )
