"""`mysql preflight`: what would go wrong, and the parameter group that the target needs."""

from __future__ import annotations

from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.mysql.selection import selected
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused, UsageError, WkmsError

if TYPE_CHECKING:
    from wkms_migrate.phases.mysql.rules import Problem, Verdict
    from wkms_migrate.phases.mysql.rules.rule import Rule
    from wkms_migrate.phases.mysql.survey import Survey

MARKS = {"error": "✘", "warning": "!", "info": "·"}
FIXES = ("sql", "az", "aws", "terraform")

RuleGlobs = Annotated[
    list[str] | None,
    typer.Option("--rule", help="Glob on ids of rules to apply; may be repeated. (--include is for tables.)"),
]
SkippedRules = Annotated[
    list[str] | None,
    typer.Option("--skip-rule", help="Glob on ids of rules to leave out; may be repeated. (--exclude is for tables.)"),
]
ListRules = Annotated[bool, typer.Option("--list", help="List the rules; no server is asked.")]
GroupFile = Annotated[
    Path | None, typer.Option(help="Write the RDS parameter group that the target needs to this file, as Terraform.")
]


@shared
@selected
def preflight(
    options: Options,
    flags: Flags,
    rule: RuleGlobs = None,
    skip_rule: SkippedRules = None,
    list: ListRules = False,
    parameter_group: GroupFile = None,
) -> None:
    """Say what would go wrong before anything is touched; exit 1 when a rule finds an error.

    Each finding has its evidence, what it breaks and how to mend it. While the target cannot be reached, its rules are
    not judged. Errors whose ids are under phases.mysql.accept do not count.
    """
    rules = _chosen(rule or [], skip_rule or [])
    if list:
        _show(options, rules)
        return
    if parameter_group is not None and parameter_group.exists():
        raise Refused(f"{parameter_group} is already there.", hint="Name another file, or remove it.")
    _judge(options, flags, rules, parameter_group)


def _chosen(wanted: list[str], skipped: list[str]) -> tuple[Rule, ...]:
    from wkms_migrate.phases.mysql.rules import RULES

    for glob in (*wanted, *skipped):
        if not any(fnmatchcase(rule.id, glob) for rule in RULES):
            raise UsageError(f"No rule fits {glob!r}.", hint="`wkms-migrate mysql preflight --list` shows them.")
    return tuple(
        rule
        for rule in RULES
        if (not wanted or any(fnmatchcase(rule.id, glob) for glob in wanted))
        and not any(fnmatchcase(rule.id, glob) for glob in skipped)
    )


def _show(options: Options, rules: tuple[Rule, ...]) -> None:
    for rule in rules:
        options.say(f"{MARKS[rule.severity]} {rule.id:<26} {rule.title}")
    fields = ("id", "severity", "title", "breaks", "on_target")
    options.data([{name: getattr(rule, name) for name in fields} | {"fix": asdict(rule.fix)} for rule in rules])


def _judge(options: Options, flags: Flags, rules: tuple[Rule, ...], group: Path | None) -> None:
    from wkms_migrate.phases.mysql import preflight as judging
    from wkms_migrate.phases.mysql.rules import check

    session = options.session(flags)
    survey, absent = judging.examine(session.context())
    verdict = check(survey, rules)
    if absent:
        options.say(f"The target was not looked at: {absent}")
    for problem in verdict.problems:
        _say(options, problem)
    for name, reason in verdict.unjudged.items():
        if options.level > 0:
            options.say(f"– {name}: not judged: {reason}")
    if group is not None:
        _write_group(options, survey, group, session.settings.name_prefix)
    blocking = verdict.errors(survey.settings.accept)
    error = WkmsError(judging.message(blocking), hint="Each has its fix above.") if blocking else None
    options.data(_as_data(verdict, rules, group), error)
    if error:
        raise error
    judged = len(rules) - len(verdict.unjudged)
    options.say(
        f"{judged} of {counted(len(rules), 'rule')} judged: no error, {counted(len(verdict.problems), 'thing')}"
        " to know."
    )


def _say(options: Options, problem: Problem) -> None:
    where = f" {problem.object}" if problem.object else ""
    options.say(f"{MARKS[problem.severity]} {problem.id}{where}: {problem.evidence}")
    options.say(f"    {problem.breaks}")
    options.say(f"    → {problem.fix.text}")
    for field in FIXES:
        for line in str(getattr(problem.fix, field)).splitlines():
            options.say(f"      {line}")


def _write_group(options: Options, survey: Survey, path: Path, prefix: str) -> None:
    from wkms_migrate.phases.mysql import parameter_group

    path.write_text(parameter_group.render(survey, f"{prefix}-mysql"), encoding="utf-8")
    options.say(f"Wrote {path}. Attach it before the instance is made.")


def _as_data(verdict: Verdict, rules: tuple[Rule, ...], group: Path | None) -> dict[str, object]:
    return {
        "rules": len(rules),
        "judged": len(rules) - len(verdict.unjudged),
        "problems": [asdict(one) for one in verdict.problems],
        "unjudged": dict(verdict.unjudged),
        "parameter_group": None if group is None else str(group),
    }
