"""`blob`: the parts of the blob phase on their own."""

from __future__ import annotations

import typer

from wkms_migrate.cli.blob import copy, diff, plan, rehydrate, verify

app = typer.Typer(help="Plan, copy, compare and rehydrate blobs.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Plan, copy, compare and rehydrate blobs."""


app.command()(plan.plan)
app.command()(copy.copy)
app.command()(verify.verify)
app.command()(diff.diff)
app.command()(rehydrate.rehydrate)
