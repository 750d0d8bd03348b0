"""`cost compare`: two scenarios in a few lines, and as a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.cost.asked import Asked, answer, asking
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import VerificationFailed

if TYPE_CHECKING:
    from wkms_migrate.cost.ranges import Range
    from wkms_migrate.cost.result import CostReport

Check = Annotated[bool, typer.Option("--check", help="End with exit code 3 unless the goal is surely met.")]


@shared
@asking
def compare(options: Options, asked: Asked, check: Check = False) -> None:
    """Say what two scenarios cost a month, what is saved, when moving pays back, and whether the goal is met."""
    found = answer(options.session(), asked)
    for line in _lines(found.report, options.lang or "en"):
        options.say(line)
    error = found.error() or (_missed(found.report) if check else None)
    options.data(_data(found.report), error)
    if error:
        raise error


def _missed(report: CostReport) -> VerificationFailed | None:
    comparison = report.comparison
    if comparison.verdict == "met":
        return None
    return VerificationFailed(
        f"The goal of {comparison.goal_percent} % less is not surely met: {comparison.verdict}.",
        hint="`cost report` shows what the verdict depends on.",
    )


def _lines(report: CostReport, lang: str) -> list[str]:
    comparison, currency = report.comparison, report.currency
    lines = []
    for side in (comparison.baseline, comparison.target):
        amount = f"{_span(report.taxed(side.known), currency)} a month"
        incomplete = f"  incomplete: {len(side.missing)} of {counted(len(side.lines), 'line')} without a price"
        lines.append(f"{side.scenario.title.to(lang)}: {amount}{incomplete if side.missing else ''}")
    if comparison.saving is None or comparison.percent is None:
        codes = ", ".join(notice.code for notice in comparison.withheld)
        return [*lines, f"Saving: withheld ({codes})."]
    share = f"{comparison.percent.base:.1f} %, {comparison.percent.low:.1f} to {comparison.percent.high:.1f}"
    lines.append(f"Saving: {_span(report.taxed(comparison.saving), currency)} a month ({share}).")
    lines.append(f"Goal of {comparison.goal_percent} %: {comparison.verdict}.")
    if report.outlook is None:
        return [*lines, "Over 36 months: withheld, a one-off cost has no price."]
    total, turn = report.outlook.total(36, discounted=False), report.outlook.break_even
    month = "never" if turn.base is None else f"month {turn.base}"
    lines.append(f"Saved over 36 months, one-off costs taken off: {_span(report.taxed(total.saving), currency)}.")
    return [*lines, f"Break-even: {month} (within {turn.horizon} months)."]


def _span(value: Range, currency: str) -> str:
    return f"{value.base:,.2f} {currency} ({value.low:,.2f} to {value.high:,.2f})"


def _data(report: CostReport) -> dict[str, object]:
    comparison, outlook = report.comparison, report.outlook
    turn = outlook.break_even if outlook else None
    total = outlook.total(36, discounted=False).saving if outlook else None
    return {
        "as_of": report.as_of.isoformat(),
        "currency": report.currency,
        "baseline": _side(report, 0),
        "target": _side(report, 1),
        "saving": _values(comparison.saving),
        "saving_percent": _values(comparison.percent),
        "goal_percent": str(comparison.goal_percent),
        "verdict": comparison.verdict,
        "one_off": _values(report.one_off.total),
        "saving_36_months": _values(total),
        "break_even": {"best": turn.best, "base": turn.base, "worst": turn.worst} if turn else None,
        "withheld": [notice.code for notice in comparison.withheld],
    }


def _side(report: CostReport, place: int) -> dict[str, object]:
    estimate = report.scenarios[place]
    return {"name": estimate.scenario.name, "monthly": _values(estimate.total), "known": _values(estimate.known)}


def _values(value: Range | None) -> dict[str, str] | None:
    return None if value is None else {"low": str(value.low), "base": str(value.base), "high": str(value.high)}
