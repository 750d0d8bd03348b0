"""A phase that only one command knows, run with a journal of its own: it can be killed and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.options import Options
from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from wkms_migrate.plan import Phase
    from wkms_migrate.session import Session


def full(place: str) -> str:
    """Return a place by its full name, whatever folder the command is called in."""
    return place if "://" in place else str(Path(place).resolve())


def opened(options: Options, flags: Flags, phase: Phase, place: str) -> Session:
    """Return the session of a phase that works on a place: its run is --run, else named after both.

    So the same command goes on with the same journal, and two dumps never share one.
    """
    from wkms_migrate.plan import digest_of

    session = options.session(flags)
    name = options.run or f"{phase.name}-{session.settings.environment}-{digest_of(place)[:8]}"
    return replace(session, run_dir=session.settings.runs_dir / name, phases=(phase,))


def run(options: Options, session: Session, *, redo: bool = False) -> None:
    """Run what is pending; say what came of it."""
    with session.open_journal() as book:
        try:
            outcome = session.run(book, [], options.readers(session), redo=redo)
        except WkmsError as error:
            _tell(options, session, error)
            raise
    if outcome.ran == 0:
        options.say(f"Nothing to do: all of it is done (run {session.run_dir.name}).")
    _tell(options, session)


def _tell(options: Options, session: Session, error: WkmsError | None = None) -> None:
    from wkms_migrate.ui import summary

    state = session.state()
    names = [phase.name for phase in session.phases]
    if not options.quiet:
        summary.show(state, names, session.settings.lang, options.human)
    results = {key: value for name in names for key, value in state.outputs(name).items()}
    options.data(summary.as_data(state, names) | {"results": results}, error)
