"""`mysql load`: what `mysql dump` wrote, into the target."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from wkms_migrate.cli import journalled
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.move import DryRun, show_plan
from wkms_migrate.cli.mysql.dump import Place
from wkms_migrate.cli.mysql.selection import refuse, selected
from wkms_migrate.cli.options import Options, running
from wkms_migrate.errors import Refused

Existing = Annotated[
    Literal["refuse", "append", "replace"] | None,
    typer.Option(help="What to do with objects that a target schema has: refuse, append, or replace after a backup."),
]


@running
@selected
def load(options: Options, flags: Flags, place: Place, on_existing: Existing = None, dry_run: DryRun = False) -> None:
    """Load a dump into the target: tables, rows, indexes, objects, each verified against the dump's own digests.

    Files that are cut off or edited are refused by name. A load that was cut off goes on when run again.
    """
    from wkms_migrate.phases.mysql import load as loading

    place = journalled.full(place)
    refuse(flags, "where", "max_rate_mib", why="it is about reading a server")
    chosen = flags.pop("phases.mysql.schemas", ())
    existing = {"phases.mysql.on_existing": on_existing} if on_existing else {}
    phase = loading.phase(place, tuple(chosen) if isinstance(chosen, list) else ())
    session = journalled.opened(options, {**flags, **existing}, phase, place)
    if dry_run:
        show_plan(options, session, [], detailed=False)
        return
    if not options.yes and not _agreed(options, place):
        raise Refused("Nothing was changed.", hint="Run the command again when ready.")
    journalled.run(options, session)


def _agreed(options: Options, place: str) -> bool:
    if not sys.stdin.isatty():
        raise Refused(
            f"{place} would be loaded into the target of {options.env}, and there is no terminal to ask at.",
            hint="Look at `--dry-run`, then add --yes.",
        )
    return typer.confirm(f"Load {place} into the target of {options.env}?", err=True)
