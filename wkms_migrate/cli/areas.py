"""Groups of commands, each imported when one of its commands is called: the others start without it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

# The package in this folder, and what --help says of it; a test holds it to what the area says itself.
AREAS = {
    "mysql": "Copy, dump, load, compare and repair MySQL.",
    "blob": "Plan, copy, compare and rehydrate blobs.",
    "queue": "Drain, copy or forward Azure queues to SQS, and reconcile.",
    "cosmos": "Look at, map, compare and repair Cosmos DB and DynamoDB.",
    "lab": "The embedded clouds: an Azure to leave and an AWS to arrive at, on this machine.",
    "cost": "What it costs to stay and to go.",
}


class Root(TyperGroup):
    """The whole command line, where an area is no more than a name until it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called; one of an area is imported now."""
        load(self, args[:1])
        return super().resolve_command(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the areas to the command line, without their commands."""
    for name, text in AREAS.items():
        app.add_typer(typer.Typer(help=text), name=name)


def load(root: TyperGroup, names: Iterable[str] = tuple(AREAS)) -> TyperGroup:
    """Give those of these names that are areas their commands; return the whole."""
    for name in names:
        if name in AREAS:
            root.add_command(get_group(import_module(f"wkms_migrate.cli.{name}").app), name)
    return root
