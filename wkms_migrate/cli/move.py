"""`run`, `phase` and `plan`: what moves the system, and what only says how."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.options import Options, running, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import ChangesPending, NotKnownYet, Refused, WkmsError

if TYPE_CHECKING:
    from wkms_migrate.session import Session

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; change nothing anywhere.")]
Detailed = Annotated[bool, typer.Option("--detailed-exitcode", help="With a plan: exit 4 when there is work to do.")]
Redo = Annotated[bool, typer.Option("--redo", help="Run the phase again although it is done.")]
PhaseName = Annotated[str, typer.Argument(help="Name of the phase; `phases` lists them.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(run)
    app.command()(phase)
    app.command()(plan)


@running
def run(options: Options, dry_run: DryRun = False, detailed_exitcode: Detailed = False) -> None:
    """Run every phase in order; done steps are not run again."""
    session = options.session()
    if dry_run:
        show_plan(options, session, [], detailed=detailed_exitcode)
    else:
        move(options, session, [])


@running
def phase(
    options: Options,
    name: PhaseName,
    dry_run: DryRun = False,
    redo: Redo = False,
    detailed_exitcode: Detailed = False,
) -> None:
    """Run one phase."""
    session = options.session()
    session.chosen([name])
    if dry_run:
        show_plan(options, session, [name], detailed=detailed_exitcode)
    else:
        move(options, session, [name], redo=redo)


@shared
def plan(
    options: Options,
    name: Annotated[str | None, typer.Argument(help="One phase; all when left out.")] = None,
    detailed_exitcode: Detailed = False,
) -> None:
    """Say what a run would do; change nothing."""
    show_plan(options, options.session(), [name] if name else [], detailed=detailed_exitcode)


def move(options: Options, session: Session, names: list[str], *, redo: bool = False) -> None:
    """Run phases, all when none is named, after asking; say what came of it and write the reports."""
    from wkms_migrate.cli import reports
    from wkms_migrate.ui.text import duration

    if not options.yes and not _confirmed(options, session, names, redo=redo):
        return
    with session.open_journal() as book:
        try:
            outcome = session.run(book, names, options.readers(session), redo=redo)
        except WkmsError as error:
            reports.after_run(options, session, names, error)
            raise
        if outcome.ran == 0:
            options.say(f"Nothing to do: every step of {session.run_dir.name} is done ({duration(outcome.seconds)}).")
        reports.after_run(options, session, names)


def _confirmed(options: Options, session: Session, names: list[str], *, redo: bool) -> bool:
    """Ask before anything is changed. Without a terminal there is no one to ask."""
    pending = [step for planned in _planned(session, names) for step in planned]
    if not pending and not redo:
        options.say(f"Nothing to do: every step of {session.run_dir.name} is done.")
        return False
    if not sys.stdin.isatty():
        raise Refused(
            f"{counted(len(pending), 'step')} would be run in {session.settings.environment}, and there is no"
            " terminal to ask at.",
            hint="Look at `--dry-run`, then add --yes.",
        )
    for line in pending:
        options.say(f"  + {line}")
    if not typer.confirm(f"Run them in {session.settings.environment}?", err=True):
        raise Refused("Nothing was changed.", hint="Run the command again when ready.")
    return True


def _planned(session: Session, names: list[str]) -> list[list[str]]:
    """Return the pending steps' lines per phase; a phase that waits for an earlier one counts as pending."""
    lines = []
    for planned in session.plan(names):
        if isinstance(planned, tuple):
            waiting, error = planned
            if not isinstance(error, NotKnownYet):
                raise error
            lines.append([f"{waiting.name}: {error.message}"])
        else:
            lines.append([f"{step.id}: {step.summary}" for step in planned.pending])
    return lines


def show_plan(options: Options, session: Session, names: list[str], *, detailed: bool) -> None:
    """Say what running phases would do. Raises what kept a phase from being planned, or, when asked, pending work."""
    from wkms_migrate.cli.planview import PlanView

    view = PlanView(options)
    for planned in session.plan(names):
        view.show(planned)
    options.data(view.as_data(session), view.first_error)
    view.write_junit()
    if view.first_error:
        raise view.first_error
    options.say(f"{counted(view.pending, 'step')} to run. Nothing was changed." if view.pending else "Nothing to do.")
    if detailed and view.pending:
        pending = ChangesPending(
            f"{counted(view.pending, 'step is', 'steps are')} to be run.", hint="Run them with `wkms-migrate run`."
        )
        pending.in_result = True
        raise pending
