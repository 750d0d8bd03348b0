"""`mysql dump`: schemas at one point in time into files."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.mysql import journalled
from wkms_migrate.cli.mysql.selection import selected
from wkms_migrate.cli.options import Options, running

Place = Annotated[str, typer.Argument(help="Folder, or s3://BUCKET/PREFIX.")]
Side = Annotated[Literal["source", "target"], typer.Option(help="Which server to dump.")]


@running
@selected
def dump(options: Options, flags: Flags, place: Place, side: Side = "source") -> None:
    """Dump schemas at one point in time: compressed rows, definitions, and a manifest with every checksum.

    A dump that was cut off goes on when the same command is run again.
    """
    from wkms_migrate.phases.mysql import dump as dumping

    place = journalled.full(place)
    journalled.refuse(flags, "rename", why="a dump keeps the names of its schemas, and `mysql load` renames")
    session = journalled.opened(options, flags, dumping.phase(place, side), place)
    journalled.run(options, session, redo=dumping.is_gone(place, session.context()))
