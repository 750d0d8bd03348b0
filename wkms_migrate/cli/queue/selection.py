"""What the commands on queues have in common: which queues, and how their messages are sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from wkms_migrate.cli.flags import Flags, giving

_SELECTED: dict[str, tuple[Any, Any]] = {
    "queue": (Annotated[list[str] | None, typer.Option(help="Azure queue to take; may be repeated.")], None),
    "encoding": (
        Annotated[
            Literal["raw", "base64", "auto"] | None,
            typer.Option(help="Bodies: as they are, all base64 to be decoded, or decoded where they can be base64."),
        ],
        None,
    ),
    "over_limit": (
        Annotated[
            Literal["anew", "dead_letter"] | None,
            typer.Option(help="Messages that were tried too often: with the others, or to the dead letters at once."),
        ],
        None,
    ),
    "on_existing": (
        Annotated[
            Literal["refuse", "append"] | None, typer.Option(help="What to do when a target queue holds messages.")
        ],
        None,
    ),
    "target_in_use": (
        Annotated[
            bool, typer.Option("--target-in-use", help="Consumers of SQS run already: do not compare its counts.")
        ],
        False,
    ),
    "lanes": (Annotated[int | None, typer.Option(min=1, max=64, help="Hands that work on a queue.")], None),
}
_KEYS = {"queue": "queues"}


def _flags(given: dict[str, Any]) -> Flags:
    return {f"phases.queue.{_KEYS.get(name, name)}": value for name, value in given.items() if value}


selected = giving(_SELECTED, _flags)
