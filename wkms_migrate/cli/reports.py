"""What a run leaves for its readers: the table at its end and the report files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wkms_migrate.cli import cost
from wkms_migrate.cli.options import LANGUAGES
from wkms_migrate.ui import summary

if TYPE_CHECKING:
    from pathlib import Path

    from wkms_migrate.cli.options import Options
    from wkms_migrate.errors import WkmsError
    from wkms_migrate.journal import RunState
    from wkms_migrate.session import Session


def after_run(options: Options, session: Session, ran: list[str], error: WkmsError | None = None) -> None:
    """Show the summary and write the reports that the phases which `ran` (none named: all) add to."""
    state = session.state()
    names = [phase.name for phase in session.phases]
    paths = write(session, state, names, priced=not ran or "assess" in ran)
    if not options.quiet:
        summary.show(state, names, session.settings.lang, options.human)
    for path in paths:
        options.say(f"report: {path}")
    options.data(summary.as_data(state, names) | {"reports": [str(path) for path in paths]}, error)


def write(session: Session, state: RunState, phases: list[str], *, priced: bool) -> list[Path]:
    """Write the migration report and, where quantities may be new, the cost comparison into the run's folder."""
    from wkms_migrate.report import run_report

    folder = session.run_dir / "report"
    moment = state.finished_at or state.started_at
    ended = (datetime.fromtimestamp(moment, UTC) if moment else datetime.now(UTC)).date()
    written = run_report.write(run_report.build(state, ended, phases), folder, LANGUAGES)
    return [*written, *(cost.write(session, folder, as_of=ended) if priced else [])]
