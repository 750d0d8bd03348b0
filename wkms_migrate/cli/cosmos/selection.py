"""What the commands on Cosmos DB have in common: which containers, by which mapping."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.options import Options

if TYPE_CHECKING:
    from wkms_migrate.session import Session

Containers = Annotated[list[str] | None, typer.Option("--container", help="Container to take; may be repeated.")]
Mapping = Annotated[Path | None, typer.Option("--mapping", help="Mapping file to use for this once.")]
Limit = Annotated[int, typer.Option(min=0, help="Items to name of each container that differs.")]


def session(options: Options, mapping: Path | None) -> Session:
    """Read the configuration, with this mapping file if there is one."""
    return options.session({} if mapping is None else {"phases.cosmos.mapping": str(mapping)})
