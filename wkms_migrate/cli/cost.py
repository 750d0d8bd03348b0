"""`cost`: what it costs to stay and to go."""

from __future__ import annotations

import typer

app = typer.Typer(help="What it costs to stay and to go.", no_args_is_help=True, rich_markup_mode=None)
