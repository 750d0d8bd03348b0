"""`mysql`: the parts of the mysql phase on their own."""

from __future__ import annotations

import typer

from wkms_migrate.cli.mysql import copy, diff, dump, load, preflight, repair, verify

app = typer.Typer(help="Copy, dump, load, compare and repair MySQL.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Copy, dump, load, compare and repair MySQL."""


app.command()(preflight.preflight)
app.command()(copy.copy)
app.command()(dump.dump)
app.command()(load.load)
app.command()(verify.verify)
app.command()(diff.diff)
app.command()(repair.repair)
