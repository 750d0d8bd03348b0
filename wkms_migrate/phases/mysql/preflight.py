"""Says before anything is touched what would go wrong."""

from __future__ import annotations

from collections.abc import Mapping

from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import rules, servers, survey
from wkms_migrate.phases.mysql.rules import Problem
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun


def run(run: StepRun) -> Mapping[str, Json]:
    """Apply every rule and state what it found; raise `Refused` with all errors that were not accepted."""
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.target(run.context) as target:
        found = rules.check(survey.take(source, target, settings))
    for problem in found:
        run.finding(
            f"mysql-{problem.id}",
            problem.evidence,
            problem.object,
            kind="note" if problem.severity == "info" else "risk",
            severity=problem.severity,
            hint=problem.fix,
        )
    blocking = [one for one in found if one.severity == "error" and one.id not in settings.accept]
    if blocking:
        raise Refused(
            "\n".join([f"{len(blocking)} things stand in the way of the move:", *map(_line, blocking)]),
            hint="Correct them, or list an id under phases.mysql.accept to go on in spite of it.",
        )
    return {"problems": len(found)}


def _line(problem: Problem) -> str:
    where = f" {problem.object}" if problem.object else ""
    return f"  {problem.id}{where}: {problem.evidence} {problem.fix}"
