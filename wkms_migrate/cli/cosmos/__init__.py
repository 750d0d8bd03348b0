"""`cosmos`: the parts of the cosmos phase on their own."""

from __future__ import annotations

import typer

from wkms_migrate.cli.cosmos import budget, follow, inspect, mapping, repair, replay, verify

app = typer.Typer(
    help="Look at, map, compare and repair Cosmos DB and DynamoDB.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _root() -> None:
    """Look at, map, compare and repair Cosmos DB and DynamoDB."""


app.command()(inspect.inspect)
app.command("map")(mapping.map)
app.command()(verify.verify)
app.command()(repair.repair)
app.command()(replay.replay_dead_letter)
app.command()(follow.follow)
app.command()(budget.budget)
