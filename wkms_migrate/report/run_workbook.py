"""The migration report as a spreadsheet: all of it, with nothing cut off, for who checks line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wkms_migrate.report import figures
from wkms_migrate.report.page import environment
from wkms_migrate.report.run_facts import phase_of
from wkms_migrate.report.run_page import phase_names
from wkms_migrate.report.words import Words
from wkms_migrate.report.workbook import Workbook

if TYPE_CHECKING:
    from wkms_migrate.events import Finding
    from wkms_migrate.report.run_report import RunReport
    from wkms_migrate.report.workbook import Value

ROLES = ("run.sign.prepared", "run.sign.verified", "run.sign.approved")


def render(report: RunReport, lang: str) -> bytes:
    """Return the report as an XLSX workbook in `lang`."""
    words = Words(lang, environment("USD", escape=False))
    book = Workbook(f"{words('run.title')}: {report.run}", lang, report.as_of)
    for write in (_summary, _moved, _findings, _checks, _steps, _sign):
        write(book, report, words)
    return book.close()


def _summary(book: Workbook, report: RunReport, words: Words) -> None:
    sheet = book.sheet(words("run.sheet.summary"), (34, 70))
    bad = len(report.checks) - report.checks_ok
    missed = sum(not kpi.ok for kpi in report.kpis)
    outcome = words(f"run.outcome.{report.outcome}", checks=len(report.checks), bad=bad, missed=missed)
    sheet.title(f"{words('run.title')}: {report.run}", outcome)
    rows: list[tuple[Value, Value]] = [
        (words("meta.as-of"), report.as_of.isoformat()),
        (words("run.environment"), report.environment),
        (words("run.started"), figures.moment(report.started_at)),
        (words("run.finished"), figures.moment(report.finished_at)),
        (words("run.tile.phases"), f"{report.done} / {len(report.phases)}"),
        (words("run.tile.checks"), f"{report.checks_ok} / {len(report.checks)}"),
        (words("run.tile.lost"), len(report.of_kind("lost")) + len(report.of_kind("left"))),
        (words("run.tile.time"), figures.seconds(report.seconds, words.lang)),
        (words("run.tile.downtime"), _downtime(report, words)),
        (words("run.provenance.journal"), report.provenance.sha256),
        (words("run.provenance.events"), report.provenance.events),
        (words("run.provenance.commands"), report.provenance.commands),
        (words("run.provenance.versions"), ", ".join(report.provenance.versions)),
    ]
    sheet.table((words("run.sheet.measure"), words("run.sheet.value")), rows)
    goals = [
        (kpi.name(words.lang), f"{kpi.measured} ({kpi.goal}) {_verdict(kpi.threshold, words, ok=kpi.ok)}")
        for kpi in report.kpis
    ]
    if goals:
        sheet.head((words("column.kpi"), words("column.measured")))
        for name, text in goals:
            sheet.put(0, name)
            sheet.put(1, text)
            sheet.row += 1


def _downtime(report: RunReport, words: Words) -> str:
    told = words(f"run.tile.downtime-{report.downtime.kind}")
    return (
        told
        if report.downtime.kind == "unknown"
        else f"{figures.seconds(report.downtime.seconds, words.lang)} ({told})"
    )


def _verdict(threshold: float | None, words: Words, *, ok: bool) -> str:
    if threshold is None:
        return words("run.for-information")
    return words("verdict.met") if ok else words("verdict.missed")


def _moved(book: Workbook, report: RunReport, words: Words) -> None:
    sheet = book.sheet(words("run.sheet.moved"), (20, 46, 12, 14, 14, 16, 36, 10))
    sheet.title(words("run.moved.objects"), words("run.moved.objects-caption"))
    names = phase_names(words.lang)
    columns = ("phase", "object", "unit", "on-source", "on-target", "size", "checksum", "verdict")
    rows: list[tuple[Value, ...]] = [
        (
            names.get(moved.phase, moved.phase),
            one.object,
            words(f"unit.{one.unit}"),
            _number(one.source),
            _number(one.target),
            _number(one.bytes),
            one.checksum,
            _alike(words, ok=one.ok),
        )
        for moved in report.moved
        for one in moved.objects
    ]
    sheet.table([words(f"column.{name}") for name in columns], rows)


def _findings(book: Workbook, report: RunReport, words: Words) -> None:
    sheet = book.sheet(words("run.sheet.findings"), (18, 10, 22, 44, 50, 50, 60, 40))
    sheet.title(words("run.findings.title"))
    columns = ("kind", "severity", "code", "object", "meaning", "todo")
    heads = [words(f"column.{name}") for name in columns]
    rows = [_finding(finding, words) for finding in report.findings]
    sheet.table((*heads, words("run.findings.record"), words("column.step")), rows)


def _finding(finding: Finding, words: Words) -> tuple[Value, ...]:
    return (
        words(f"kind.{finding.kind}"),
        words(f"severity.{finding.severity}"),
        finding.code,
        finding.object,
        words.known(f"finding.{finding.code}.says") or finding.text,
        words.known(f"finding.{finding.code}.todo") or finding.hint,
        finding.text,
        finding.step,
    )


def _checks(book: Workbook, report: RunReport, words: Words) -> None:
    sheet = book.sheet(words("run.sheet.checks"), (20, 46, 30, 30, 30, 10, 30))
    sheet.title(words("run.checks.title"), words("run.checks.caption"))
    names = phase_names(words.lang)
    columns = ("phase", "object", "check", "on-source", "on-target", "verdict", "step")
    rows = [
        (
            names.get(phase_of(one.step), phase_of(one.step)),
            one.object,
            words.comparison(one.check),
            _number(one.source),
            _number(one.target),
            _alike(words, ok=one.ok),
            one.step,
        )
        for one in report.checks
    ]
    sheet.table([words(f"column.{name}") for name in columns], rows)


def _steps(book: Workbook, report: RunReport, words: Words) -> None:
    sheet = book.sheet(words("run.sheet.steps"), (20, 34, 44, 60, 12, 12, 10, 60))
    sheet.title(words("run.steps.title"))
    names = phase_names(words.lang)
    columns = [
        words(key)
        for key in (
            "column.phase",
            "column.step",
            "column.meaning",
            "run.findings.record",
            "column.state",
            "column.time",
            "column.attempts",
            "column.reason",
        )
    ]
    rows = [
        (
            names.get(phase.name, phase.name),
            step.id,
            words.task(step.id, step.summary),
            step.summary,
            words(f"step.{step.status}"),
            figures.seconds(step.seconds, words.lang) if step.attempts else None,
            step.attempts,
            step.reason,
        )
        for phase in report.phases
        for step in phase.steps
    ]
    sheet.table(columns, rows)


def _sign(book: Workbook, report: RunReport, words: Words) -> None:
    sheet = book.sheet(words("run.sheet.sign"), (18, 30, 18, 40))
    sheet.title(words("run.sign.title"), words("run.sign.statement", sha=report.provenance.sha256))
    sheet.head([words(f"run.sign.{name}") for name in ("role", "name", "date", "signature")])
    for role in ROLES:
        sheet.put(0, words(role))
        for column in (1, 2, 3):
            sheet.put(column, None, "input")
        sheet.sheet.set_row(sheet.row, 36)
        sheet.row += 1


def _alike(words: Words, *, ok: bool) -> str:
    return words("check.ok") if ok else words("check.bad")


def _number(text: str) -> Value:
    """Return a count as a number; digests of digits only, longer than a number can hold, stay text."""
    return int(text) if text.isdecimal() and len(text) <= 15 else text  # noqa: PLR2004
