"""`phases`, `status`, `doctor` and `init`: what there is, how far it is, what is missing, where to begin."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused, UsageError, WkmsError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII | re.IGNORECASE)  # it becomes part of names of files and runs
MARKS = {"ok": "✔", "warn": "!", "fail": "✘", "skip": "–"}


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(phases)
    app.command()(status)
    app.command()(doctor)
    app.command()(init)


@shared
def phases(options: Options) -> None:
    """List the phases in running order."""
    from wkms_migrate.phases import load

    loaded = load()
    for phase in loaded:
        options.say(f"{phase.name:<10} {phase.summary}")
    options.data([{"name": one.name, "summary": one.summary, "needs": list(one.needs)} for one in loaded])


@shared
def status(options: Options) -> None:
    """Say how far a run is: steps, comparisons, findings."""
    from wkms_migrate.ui import summary
    from wkms_migrate.ui.text import short

    session = options.session()
    state = session.state()
    names = [phase.name for phase in session.phases]
    if not state.started_at:
        options.say(f"There is no run {session.run_dir.name} yet. `wkms-migrate run --env {options.env}` begins it.")
    if not options.quiet:
        summary.show(state, names, session.settings.lang, options.human)
    for check in state.verified.values():
        if not check.ok or options.level > 0:
            sign = "=" if check.ok else "≠"
            options.say(f"{check.object}: {check.check} {check.source} {sign} {check.target}")
    for finding in state.findings.values():
        if finding.severity != "info" or options.level > 0:
            options.say(f"{finding.kind}: {short(finding.object or finding.step)}: {finding.text}")
            if finding.hint:
                options.say(f"  → {finding.hint}")
    options.data(summary.as_data(state, names))


@shared
def doctor(options: Options) -> None:
    """Check programs, credentials and reachability; say how to mend what is missing."""
    from wkms_migrate import doctor as checks

    results = list(checks.run(options.session().settings))
    for one in results:
        options.say(f"{MARKS[one.status]} {one.id}: {one.detail}")
        if one.fix and one.status in {"fail", "warn"}:
            options.say(f"    → {one.fix}")
    failed = [one.id for one in results if one.status == "fail"]
    error = WkmsError(f"{counted(len(failed), 'check')} failed: {', '.join(failed)}.", hint="Each has its fix above.")
    options.data([asdict(one) for one in results], error)
    if failed:
        raise error


@shared
def init(
    options: Options,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; config/<env>.yaml if left out.")
    ] = None,
) -> None:
    """Write a commented configuration for an environment."""
    from wkms_migrate import config, phases
    from wkms_migrate.config_example import render

    if not NAME.fullmatch(options.env):
        raise UsageError(
            f"{options.env!r} cannot be the name of an environment.", hint="Take letters, digits, - and _."
        )
    path = output or Path("config") / f"{options.env}.yaml"
    if path.exists():
        raise Refused(f"{path} is already there.", hint="Edit it, or name another file with --output.")
    kind = config.model({phase.name: phase.settings for phase in phases.load()})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(kind, environment=options.env), encoding="utf-8")
    options.say(f"Wrote {path}. Fill in the endpoints, then run `wkms-migrate doctor --env {options.env}`.")
    options.data({"path": str(path)})
