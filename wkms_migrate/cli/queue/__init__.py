"""`queue`: the queue phase in its three modes, and what both ends hold before and after."""

from __future__ import annotations

import typer

from wkms_migrate.cli.queue import modes, plan, reconcile

app = typer.Typer(
    help="Drain, copy or forward Azure queues to SQS, and reconcile.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _root() -> None:
    """Drain, copy or forward Azure queues to SQS, and reconcile."""


app.command()(plan.plan)
app.command()(modes.drain)
app.command()(modes.copy)
app.command()(modes.forward)
app.command()(reconcile.reconcile)
