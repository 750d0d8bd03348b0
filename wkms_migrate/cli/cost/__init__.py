"""`cost`: what it costs to stay and to go."""

from __future__ import annotations

import typer

from wkms_migrate.cli.cost import audit_guide, compare, prices, reconcile, report
from wkms_migrate.cli.cost.asked import write

__all__ = ["app", "write"]

app = typer.Typer(help="What it costs to stay and to go.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Price the system where it is and where it goes."""


app.command()(report.report)
app.command()(compare.compare)
app.command()(reconcile.reconcile)
app.command("audit-guide")(audit_guide.audit_guide)
app.add_typer(prices.app, name="prices")
