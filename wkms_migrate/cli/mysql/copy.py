"""`mysql copy`: the mysql phase with its choice of tables on the command line."""

from __future__ import annotations

from wkms_migrate.cli import move
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.move import Detailed, DryRun, Redo
from wkms_migrate.cli.mysql.selection import selected
from wkms_migrate.cli.options import Options, running


@running
@selected
def copy(
    options: Options,
    flags: Flags,
    dry_run: DryRun = False,
    redo: Redo = False,
    detailed_exitcode: Detailed = False,
) -> None:
    """Copy straight from the source to the target: what `phase mysql` does, with other settings for this once."""
    session = options.session(flags)
    if dry_run:
        move.show_plan(options, session, ["mysql"], detailed=detailed_exitcode)
    else:
        move.move(options, session, ["mysql"], redo=redo)
