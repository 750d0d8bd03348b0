"""Preflight rules by theme: each judges a survey and states evidence and what to do; none asks a server.

Ids never change: they are what `phases.mysql.accept` and scripts name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wkms_migrate.events import Severity
from wkms_migrate.phases.mysql.rules import (
    accounts,
    binlog,
    capacity,
    charsets,
    modes,
    names,
    privileges,
    programs,
    structures,
    tables,
    target,
    times,
    versions,
)
from wkms_migrate.phases.mysql.rules.rule import Fix, NotJudged, Rule
from wkms_migrate.phases.mysql.survey import Survey

RULES: tuple[Rule, ...] = (
    *versions.RULES,
    *names.RULES,
    *privileges.RULES,
    *accounts.RULES,
    *target.RULES,
    *tables.RULES,
    *structures.RULES,
    *charsets.RULES,
    *modes.RULES,
    *times.RULES,
    *programs.RULES,
    *capacity.RULES,
    *binlog.RULES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a rule found: `error` stops the phase unless its id is accepted in the settings."""

    id: str
    severity: Severity
    object: str
    evidence: str
    breaks: str
    fix: Fix


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all rules say; `unjudged` has the reason of each rule that could not be judged, by id."""

    problems: tuple[Problem, ...]
    unjudged: Mapping[str, str]

    def errors(self, accepted: Sequence[str] = ()) -> list[Problem]:
        """Return what stands in the way of the move."""
        return [one for one in self.problems if one.severity == "error" and one.id not in accepted]


def check(survey: Survey, rules: Sequence[Rule] = RULES) -> Verdict:
    """Apply rules, every one unless fewer are given."""
    problems: list[Problem] = []
    unjudged: dict[str, str] = {}
    for rule in rules:
        try:
            problems += _problems(rule, survey)
        except NotJudged as reason:
            unjudged[rule.id] = str(reason)
    return Verdict(tuple(problems), unjudged)


def _problems(rule: Rule, survey: Survey) -> list[Problem]:
    return [
        Problem(
            id=rule.id,
            severity=rule.severity,
            object=found.object,
            evidence=found.evidence,
            breaks=rule.breaks,
            fix=rule.fix.filled(found.values),
        )
        for found in rule.judge(survey)
    ]
