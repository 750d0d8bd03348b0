"""The migration report for programs: all of it as one JSON document, every comparison as CSV."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wkms_migrate.report import table
from wkms_migrate.report.run_facts import phase_of

if TYPE_CHECKING:
    from wkms_migrate.report.run_report import RunReport

SCHEMA_VERSION = 2
CSV_COLUMNS = ("Phase", "Step", "Object", "Check", "Source", "Target", "Ok")


def render(report: RunReport) -> str:
    """Return the report as one JSON document."""
    return json.dumps(document(report), ensure_ascii=False, indent=1) + "\n"


def render_csv(report: RunReport) -> str:
    """Return every comparison of source and target as one line."""
    rows = [(phase_of(c.step), c.step, c.object, c.check, c.source, c.target, str(c.ok).lower()) for c in report.checks]
    return table.csv(CSV_COLUMNS, rows)


def document(report: RunReport) -> dict[str, Any]:
    """Return the report as plain values. Times are seconds since 1970, durations seconds."""
    return {
        "schema_version": SCHEMA_VERSION,
        "report": "run",
        "run": report.run,
        "environment": report.environment,
        "as_of": report.as_of.isoformat(),
        "started_at": report.started_at,
        "finished_at": report.finished_at,
        "outcome": report.outcome,
        "seconds": report.seconds,
        "downtime": asdict(report.downtime),
        "counts": report.counts,
        "moved": [
            asdict(one) | {"per_second": one.per_second, "bytes_per_second": one.bytes_per_second}
            for one in report.moved
        ],
        "phases": [asdict(phase) for phase in report.phases],
        "checks": [
            {"step": c.step, "object": c.object, "check": c.check, "source": c.source, "target": c.target, "ok": c.ok}
            for c in report.checks
        ],
        "findings": [
            {
                "kind": f.kind,
                "severity": f.severity,
                "code": f.code,
                "step": f.step,
                "object": f.object,
                "text": f.text,
                "hint": f.hint,
            }
            for f in report.findings
        ],
        "kpis": [asdict(kpi) for kpi in report.kpis],
        "provenance": asdict(report.provenance),
    }
