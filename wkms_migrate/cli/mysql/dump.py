"""`mysql dump`: schemas at one point in time into files."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from wkms_migrate.cli import journalled
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.mysql.selection import refuse, selected
from wkms_migrate.cli.options import Options, running

Place = Annotated[str, typer.Argument(help="Folder, or s3://BUCKET/PREFIX.")]
Hashes = Annotated[bool, typer.Option("--password-hashes", help="Keep the hashes of passwords in the dump.")]
Side = Annotated[Literal["source", "target"], typer.Option(help="Which server to dump.")]


@running
@selected
def dump(options: Options, flags: Flags, place: Place, side: Side = "source", password_hashes: Hashes = False) -> None:
    """Dump schemas at one point in time: compressed rows, definitions, and a manifest with every checksum.

    Accounts go along without their passwords, unless --password-hashes. A dump that was cut off goes on when the same
    command is run again.
    """
    from wkms_migrate.phases.mysql import dump as dumping

    place = journalled.full(place)
    refuse(flags, "rename", why="a dump keeps the names of its schemas, and `mysql load` renames")
    hashes = {"phases.mysql.password_hashes": True} if password_hashes else {}
    session = journalled.opened(options, {**flags, **hashes}, dumping.phase(place, side), place)
    journalled.run(options, session, redo=dumping.is_gone(place, session.context()))
