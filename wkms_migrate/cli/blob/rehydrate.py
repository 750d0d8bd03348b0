"""`blob rehydrate`: get archived blobs out of the archive tier, then copy them."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from wkms_migrate.cli import move
from wkms_migrate.cli.blob.selection import selected
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.move import DryRun
from wkms_migrate.cli.options import Options, running

Tier = Annotated[Literal["Hot", "Cool", "Cold"] | None, typer.Option(help="Tier to rehydrate to.")]
Priority = Annotated[
    Literal["Standard", "High"] | None, typer.Option(help="Standard takes up to 15 hours; High is sooner and dearer.")
]
Poll = Annotated[float | None, typer.Option(min=0.1, help="Seconds between two looks at what is being rehydrated.")]


@running
@selected
def rehydrate(
    options: Options,
    flags: Flags,
    tier: Tier = None,
    priority: Priority = None,
    poll: Poll = None,
    dry_run: DryRun = False,
) -> None:
    """Ask Azure for archived blobs, wait until they can be read, then copy and compare.

    Changes the tier of blobs on the source, which Azure charges for. May be stopped at any time and run again: what
    was asked for is not asked for twice.
    """
    chosen = {"archived": "rehydrate", "rehydrate_tier": tier, "rehydrate_priority": priority, "poll_seconds": poll}
    own = {f"phases.blob.{name}": value for name, value in chosen.items() if value is not None}
    session = options.session({**flags, **own})
    if dry_run:
        move.show_plan(options, session, ["blob"], detailed=False)
    else:
        move.move(options, session, ["blob"])
