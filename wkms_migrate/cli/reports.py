"""What a run leaves for its readers: the table at its end and the report files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wkms_migrate.ui import summary

if TYPE_CHECKING:
    from wkms_migrate.cli.options import Options
    from wkms_migrate.session import Session


def after_run(options: Options, session: Session) -> None:
    """Show the summary and write the reports of a run, however it ended."""
    state = session.state()
    names = [phase.name for phase in session.phases]
    if not options.quiet:
        summary.show(state, names, session.settings.lang, options.human)
    options.data(summary.as_data(state, names))
