"""Says before anything is touched what would go wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from wkms_migrate.clients.mysql import Session
from wkms_migrate.counted import counted
from wkms_migrate.errors import NotKnownYet, Refused, TransientError
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import rules, servers, survey
from wkms_migrate.phases.mysql.rules import Problem
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.survey import Survey
from wkms_migrate.plan import Context, StepRun


def examine(context: Context) -> tuple[Survey, str]:
    """Read both servers; the source alone, with the reason, while the target cannot be reached."""
    with ExitStack() as sessions:
        source = sessions.enter_context(servers.source(context))
        try:
            target = sessions.enter_context(servers.target(context))
        except (NotKnownYet, TransientError) as error:
            return _look(context, source, None), error.message
        return _look(context, source, target), ""


def _look(context: Context, source: Session, target: Session | None) -> Survey:
    settings = context.section(MysqlSettings)
    workers: int = settings.workers or context.settings.workers
    return survey.take(source, target, settings, connections=workers + 1)


def run(run: StepRun) -> Mapping[str, Json]:
    """Apply every rule and state what it found; raise `Refused` with all errors that were not accepted."""
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.target(run.context) as target:
        verdict = rules.check(_look(run.context, source, target))
    for problem in verdict.problems:
        run.finding(
            f"mysql-{problem.id}",
            f"{problem.evidence} {problem.breaks}",
            problem.object,
            kind="note" if problem.severity == "info" else "risk",
            severity=problem.severity,
            hint=problem.fix.text,
        )
    for rule, reason in verdict.unjudged.items():
        run.log(f"{rule} was not judged: {reason}")
    blocking = verdict.errors(settings.accept)
    if blocking:
        raise Refused(
            message(blocking),
            hint="Correct them, or list an id under phases.mysql.accept to go on in spite of it.",
        )
    return {"problems": len(verdict.problems), "rules": len(rules.RULES) - len(verdict.unjudged)}


def message(blocking: Sequence[Problem]) -> str:
    """Return one line for each thing that stands in the way."""
    return "\n".join(
        [f"{counted(len(blocking), 'thing stands', 'things stand')} in the way of the move:", *map(_line, blocking)]
    )


def _line(problem: Problem) -> str:
    where = f" {problem.object}" if problem.object else ""
    return f"  {problem.id}{where}: {problem.evidence} {problem.fix.text}"
