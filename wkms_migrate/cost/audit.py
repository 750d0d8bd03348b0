"""What contradicts itself in the guide's figures. Every rule computes its verdict from the quoted numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wkms_migrate.cost.fields import Notice
from wkms_migrate.cost.ranges import ZERO, Range

if TYPE_CHECKING:
    from collections.abc import Callable

    from wkms_migrate.cost.guide import Guide

    Rule = Callable[[Guide], dict[str, Any] | None]

HUNDRED = Decimal(100)
HOURS_PER_MONTH = Decimal(730)
MINUTES_PER_MONTH = HOURS_PER_MONTH * 60
EXAMPLE_ONE_OFF = Decimal(20_000)


def audit(guide: Guide) -> tuple[Notice, ...]:
    """Return one notice per contradiction that holds, in the order of the rules."""
    found = ((code, rule(guide)) for code, rule in _RULES)
    return tuple(
        Notice(code=f"guide-{code}", severity="warning", values=tuple(values.items()))
        for code, values in found
        if values is not None
    )


def saving_percent(before: Decimal, after: Decimal) -> Decimal:
    """Return by how many percent `after` is below `before`; negative when it is above."""
    return (before - after) / before * HUNDRED


def _worst_to_best(before: Range, after: Range) -> tuple[Decimal, Decimal]:
    return saving_percent(before.low, after.high), saving_percent(before.high, after.low)


def _paired(before: Range, after: Range) -> tuple[Decimal, Decimal]:
    """Return the savings of low against low and of high against high, the smaller first."""
    first, second = saving_percent(before.low, after.low), saving_percent(before.high, after.high)
    return min(first, second), max(first, second)


def _sums(guide: Guide) -> dict[str, Any] | None:
    wrong = [
        table.section
        for table in guide.tables
        for column, (low, high) in enumerate(table.stated)
        if (table.sum(column).low, table.sum(column).high) != (low, high)
    ]
    return {"sections": ", ".join(wrong)} if wrong else None


def _option2_saving(guide: Guide) -> dict[str, Any] | None:
    low, high = _paired(guide.table("6.1").sum(), guide.table("6.2.2").sum())
    stated = guide.figure("option2_saving_low")
    return {"stated": stated, "low": low, "high": high} if stated < low.quantize(Decimal(1)) else None


def _pairing(guide: Guide) -> dict[str, Any] | None:
    low, high = _worst_to_best(guide.table("6.1").sum(), guide.table("6.2.1").sum())
    stated_low, stated_high = guide.figure("option1_saving_low"), guide.figure("option1_saving_high")
    if low >= stated_low and high <= stated_high:
        return None
    return {"stated_low": stated_low, "stated_high": stated_high, "low": low, "high": high}


def _pairing_option2(guide: Guide) -> dict[str, Any] | None:
    low, high = _worst_to_best(guide.table("6.1").sum(), guide.table("6.2.2").sum())
    stated_low, stated_high = guide.figure("option2_saving_low"), guide.figure("option2_saving_high")
    if low >= stated_low and high <= stated_high:
        return None
    return {"stated_low": stated_low, "stated_high": stated_high, "low": low, "high": high}


def _origin(column: int, section: str) -> Rule:
    """Make a rule: a total of table 11.6.2 must be the midpoint of the table it restates."""

    def rule(guide: Guide) -> dict[str, Any] | None:
        stated, _ = guide.table("11.6.2").rows[0].amounts[column]
        whole = guide.table(section).sum()
        if stated == whole.base:
            return None
        return {
            "stated": stated,
            "low": whole.low,
            "high": whole.high,
            "middle": whole.base,
            "over": stated - whole.base,
            "beyond": max(stated - whole.high, ZERO),
        }

    return rule


def _vm_dearer(guide: Guide) -> dict[str, Any] | None:
    amounts = guide.table("11.6.2").rows[0].amounts
    now, vm = amounts[0][0], amounts[3][0]
    return {"now": now, "vm": vm, "percent": -saving_percent(now, vm)} if vm > now else None


def _vm_saving_unsaid(guide: Guide) -> dict[str, Any] | None:
    table = guide.table("11.6.1")
    azure, aws = table.sum(0).base, table.sum(1).base
    percent, goal = saving_percent(azure, aws), guide.figure("saving_goal")
    return {"saving": azure - aws, "percent": percent, "goal": goal} if percent < goal else None


def _three_prices(guide: Guide) -> dict[str, Any] | None:
    whole = guide.table("11.6.1").sum(1).base
    low, high = guide.figure("aws_vm_monthly_low"), guide.figure("aws_vm_monthly_high")
    if low <= whole <= high:
        return None
    return {
        "whole_price": whole,
        "low": low,
        "high": high,
        "times_low": whole / high,
        "times_high": whole / low,
        "overview_low": guide.figure("overview_monthly_low"),
        "overview_high": guide.figure("overview_monthly_high"),
    }


def _option2_scope(guide: Guide) -> dict[str, Any] | None:
    if any("Bedrock" in row.item.en or "OpenAI" in row.item.en for row in guide.table("6.2.2").rows):
        return None
    before, after = guide.table("6.1").sum(), guide.table("6.2.2").sum()
    bedrock, openai = _row(guide, "6.2.1", "Bedrock"), _row(guide, "6.1", "OpenAI")
    bedrock_low, bedrock_high = _paired(before, after + bedrock)
    openai_low, openai_high = _paired(before, after + openai)
    return {
        "bedrock_low": bedrock_low,
        "bedrock_high": bedrock_high,
        "openai_low": openai_low,
        "openai_high": openai_high,
        "goal": guide.figure("saving_goal"),
    }


def _row(guide: Guide, section: str, item: str) -> Range:
    low, high = next(row.amounts[0] for row in guide.table(section).rows if item in row.item.en)
    return Range(low, (low + high) / 2, high)


def _goal_missed(guide: Guide) -> dict[str, Any] | None:
    before, after = guide.table("6.1").sum(), guide.table("6.2.1").sum()
    goal = guide.figure("saving_goal")
    ceiling = before.low * (1 - goal / HUNDRED)
    return {"goal": goal, "ceiling": ceiling, "worst": after.high} if after.high > ceiling else None


def _many_claims(guide: Guide) -> dict[str, Any] | None:
    names = ("option1_saving", "option2_saving", "conclusion_saving")
    claims = {(guide.figure(f"{name}_low"), guide.figure(f"{name}_high")) for name in names}
    closing = guide.figure("closing_managed_saving")
    if len(claims) == 1:
        return None
    return {
        "low": min(low for low, _ in claims),
        "high": max(high for _, high in claims),
        "count": len(claims) + 1,
        "closing": closing,
    }


def _managed_percent(guide: Guide) -> dict[str, Any] | None:
    amounts = guide.table("11.6.2").rows[0].amounts
    percent = saving_percent(amounts[0][0], amounts[1][0])
    stated = guide.figure("closing_managed_saving")
    return {"stated": stated, "percent": percent} if percent.quantize(Decimal(1)) != stated else None


def _availability(guide: Guide) -> dict[str, Any] | None:
    outage = guide.figure("outage_hours")
    allowed = HUNDRED - outage / HOURS_PER_MONTH * HUNDRED
    high, low = guide.figure("availability_enterprise"), guide.figure("availability_small")
    if allowed >= high:
        return None
    return {
        "outage": outage,
        "percent": allowed,
        "high": high,
        "low": low,
        "high_minutes": (HUNDRED - high) / HUNDRED * MINUTES_PER_MONTH,
        "low_minutes": (HUNDRED - low) / HUNDRED * MINUTES_PER_MONTH,
    }


def _differing(*names: str) -> Rule:
    """Make a rule: the guide gives these figures for one and the same thing, so they must be equal."""

    def rule(guide: Guide) -> dict[str, Any] | None:
        figures = {name: guide.figure(name) for name in names}
        return dict(figures) if len(set(figures.values())) > 1 else None

    return rule


def _timeline(guide: Guide) -> dict[str, Any] | None:
    low, high = guide.figure("phases_weeks_low"), guide.figure("phases_weeks_high")
    stated_low, stated_high = guide.figure("headline_weeks_low"), guide.figure("headline_weeks_high")
    if (low, high) == (stated_low, stated_high):
        return None
    gantt = guide.figure("gantt_weeks")
    return {"low": low, "high": high, "stated_low": stated_low, "stated_high": stated_high, "gantt": gantt}


def _milestones(guide: Guide) -> dict[str, Any] | None:
    figures = {
        f"{kind}_{name}": guide.figure(f"{kind}_{name}_week")
        for name in ("backend", "frontend", "live")
        for kind in ("milestone", "gantt")
    }
    same = all(figures[f"milestone_{name}"] == figures[f"gantt_{name}"] for name in ("backend", "frontend", "live"))
    return None if same else dict(figures)


def _one_off_unsaid(guide: Guide) -> dict[str, Any] | None:
    """Say what the savings of option 1 take to pay back a one-off cost that the guide does not mention."""
    if guide.figure("one_off_costs"):
        return None
    before, after = guide.table("6.1").sum(), guide.table("6.2.1").sum()
    low, high = sorted((before.low - after.low, before.high - after.high))
    return {"example": EXAMPLE_ONE_OFF, "months_low": EXAMPLE_ONE_OFF / high, "months_high": EXAMPLE_ONE_OFF / low}


def _endpoint(guide: Guide) -> dict[str, Any] | None:
    endpoint, service = guide.words.get("database_endpoint", ""), guide.words.get("database_service", "")
    aurora = ".cluster-" in endpoint
    return {"endpoint": endpoint, "service": service} if aurora and "Aurora" not in service else None


def _single_machine(guide: Guide) -> dict[str, Any] | None:
    machines, promised = guide.figure("vm_machines"), guide.figure("availability_small")
    return {"machines": machines, "promised": promised} if machines < 2 else None  # noqa: PLR2004 - one can fail


_RULES: tuple[tuple[str, Rule], ...] = (
    ("sum-wrong", _sums),
    ("option2-saving", _option2_saving),
    ("option1-pairing", _pairing),
    ("option2-pairing", _pairing_option2),
    ("now-without-origin", _origin(0, "6.1")),
    ("managed-without-origin", _origin(1, "6.2.1")),
    ("open-source-without-origin", _origin(2, "6.2.2")),
    ("vm-dearer-than-now", _vm_dearer),
    ("vm-saving-unsaid", _vm_saving_unsaid),
    ("three-prices", _three_prices),
    ("option2-scope", _option2_scope),
    ("goal-missed", _goal_missed),
    ("many-claims", _many_claims),
    ("managed-percent", _managed_percent),
    ("availability", _availability),
    ("unequal-memory", _differing("azure_vm_memory_gb", "aws_vm_memory_gb")),
    ("unequal-disks", _differing("azure_vm_disk_gb", "aws_vm_disk_gb")),
    ("load", _differing("concurrent_enterprise", "concurrent_small_low", "concurrent_small_high")),
    ("response", _differing("response_seconds_enterprise", "response_seconds_small")),
    ("data-size", _differing("documents_gb_section6", "documents_gb_small_high", "storage_gb_vm")),
    ("timeline", _timeline),
    ("milestones", _milestones),
    ("unequal-backup", _differing("azure_vm_backup_days", "aws_vm_backup_days")),
    ("single-machine", _single_machine),
    ("database-endpoint", _endpoint),
    ("one-off-unsaid", _one_off_unsaid),
)
