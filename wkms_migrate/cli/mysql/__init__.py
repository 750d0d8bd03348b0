"""`mysql`: the parts of the mysql phase on their own."""

from __future__ import annotations

import typer

from wkms_migrate.cli.mysql import copy

app = typer.Typer(help="Copy, dump, load, compare and repair MySQL.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Copy, dump, load, compare and repair MySQL."""


app.command()(copy.copy)
