"""`blob copy`: the blob phase with its choice of blobs on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from wkms_migrate.cli import move
from wkms_migrate.cli.blob.selection import selected
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.move import DryRun, Redo
from wkms_migrate.cli.options import Options, running
from wkms_migrate.errors import UsageError

Mirror = Annotated[
    bool, typer.Option("--mirror", help="Delete objects whose blobs are gone, after an error-free copy.")
]
MaxDelete = Annotated[str | None, typer.Option(help="How many objects --mirror may delete: N or N%.")]


@running
@selected
def copy(
    options: Options,
    flags: Flags,
    mirror: Mirror = False,
    max_delete: MaxDelete = None,
    dry_run: DryRun = False,
    redo: Redo = False,
) -> None:
    """Copy what is new or changed: what `phase blob` does, with other settings for this once.

    With --dry-run and --mirror every object that would be deleted is named.
    """
    if max_delete and not mirror:
        raise UsageError("--max-delete has no meaning without --mirror.", hint="Add --mirror, or leave it out.")
    chosen = {"mirror": mirror or None, "max_delete": max_delete}
    own = {f"phases.blob.{name}": value for name, value in chosen.items() if value is not None}
    session = options.session({**flags, **own})
    if dry_run:
        move.show_plan(options, session, ["blob"], detailed=False)
    else:
        move.move(options, session, ["blob"], redo=redo)
