"""`cosmos repair`: make each table what its container is."""

from __future__ import annotations

from wkms_migrate.cli.cosmos import mending, verify
from wkms_migrate.cli.cosmos.selection import Containers, Mapping, session
from wkms_migrate.cli.move import DryRun
from wkms_migrate.cli.options import Options, running
from wkms_migrate.errors import VerificationFailed


@running
def repair(options: Options, container: Containers = None, mapping: Mapping = None, dry_run: DryRun = False) -> None:
    """Write the items that are missing or differ anew, delete those the source has not, and compare again.

    Parts of large items that belong to none are deleted too. With `on_existing: append`, extra items stay.
    """
    main = session(options, mapping)
    if dry_run:
        try:
            verify.compared(options, main, container or [], limit=20)
        except VerificationFailed:
            options.say("Nothing was changed.")
        return
    from wkms_migrate.phases.cosmos import repair as mended

    mending.confirm(options, "Items of the tables will be written and deleted")
    mending.mend(options, main, container or [], "cosmos-repair", mended.run)
