"""What a run leaves for its readers: the table at its end, the report files, and `report`, which writes them again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.options import LANGUAGES, Options, shared
from wkms_migrate.cli.report_options import AsOf, Formats, Output, chosen, day
from wkms_migrate.errors import UsageError
from wkms_migrate.report.files import QUICK
from wkms_migrate.ui import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wkms_migrate.errors import WkmsError
    from wkms_migrate.journal import RunState
    from wkms_migrate.session import Session

RunDir = Annotated[
    Path | None, typer.Option(help="Folder with the run's journal.jsonl; no configuration is read, --run not needed.")
]


def register(app: typer.Typer) -> None:
    """Add `report` to the command line."""
    app.command()(report)


@shared
def report(
    options: Options,
    formats: Formats = None,
    as_of: AsOf = None,
    output: Output = None,
    run_dir: RunDir = None,
) -> None:
    """Write the migration report of a run from its journal: what was moved, proved, converted, lost and left."""
    from wkms_migrate import journal

    folder = run_dir or options.session().run_dir
    state = journal.load(folder)
    if not state.run:
        raise UsageError(f"There is no run in {folder}.", hint="Name one with --run, or run a phase first.")
    paths = _write_run(
        folder,
        output or folder / "report",
        as_of=day(as_of) or _ended(state),
        langs=[options.lang] if options.lang else LANGUAGES,
        formats=chosen(formats),
    )
    for path in paths:
        options.say(f"Wrote {path}")
    options.data({"reports": [str(path) for path in paths]})


def after_run(options: Options, session: Session, ran: list[str], error: WkmsError | None = None) -> None:
    """Show the summary and write the reports that the phases which `ran` (none named: all) add to."""
    state = session.state()
    names = [phase.name for phase in session.phases]
    paths = write(session, state, priced=not ran or "assess" in ran)
    if not options.quiet:
        summary.show(state, names, session.settings.lang, options.human)
    for path in paths:
        options.say(f"report: {path}")
    options.data(summary.as_data(state, names) | {"reports": [str(path) for path in paths]}, error)


def write(session: Session, state: RunState, *, priced: bool) -> list[Path]:
    """Write the migration report and, where quantities may be new, the cost comparison into the run's folder."""
    folder, ended = session.run_dir / "report", _ended(state)
    written = _write_run(session.run_dir, folder, as_of=ended, langs=LANGUAGES, formats=QUICK)
    if not priced:
        return written
    from wkms_migrate.cli import cost

    return [*written, *cost.write(session, folder, as_of=ended)]


def _write_run(run_dir: Path, folder: Path, *, as_of: date, langs: Sequence[str], formats: Sequence[str]) -> list[Path]:
    from wkms_migrate import phases
    from wkms_migrate.report import recorded, run_files, run_report

    names = [phase.name for phase in phases.load()]
    built = run_report.build(recorded.read(run_dir), as_of, names)
    return run_files.write(built, folder, langs, formats)


def _ended(state: RunState) -> date:
    moment = state.finished_at or state.started_at
    return (datetime.fromtimestamp(moment, UTC) if moment else datetime.now(UTC)).date()
