"""What the commands on MySQL have in common: which tables, which rows, how fast."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wkms_migrate.cli.flags import Flags, giving, pair
from wkms_migrate.errors import UsageError

_SELECTED: dict[str, tuple[Any, Any]] = {
    "schema": (Annotated[list[str] | None, typer.Option(help="Schema to take; may be repeated.")], None),
    "include": (Annotated[list[str] | None, typer.Option(help="Glob on schema.table to take; may be repeated.")], None),
    "exclude": (
        Annotated[list[str] | None, typer.Option(help="Glob on schema.table to leave; may be repeated.")],
        None,
    ),
    "rename": (Annotated[list[str] | None, typer.Option(help="OLD=NEW name of a schema; may be repeated.")], None),
    "where": (
        Annotated[list[str] | None, typer.Option(help="SCHEMA.TABLE=CONDITION on the rows; may be repeated.")],
        None,
    ),
    "threads": (Annotated[int | None, typer.Option(min=1, help="Connections that work at the same time.")], None),
    "max_rate": (Annotated[float | None, typer.Option(help="MiB a second to read from the source at most.")], None),
}
_KEYS = {"schema": "schemas", "threads": "workers", "max_rate": "max_rate_mib"}


def _flags(given: dict[str, Any]) -> Flags:
    for name in {"rename", "where"} & given.keys():
        given[name] = dict(pair(name, text) for text in given[name])
    return {f"phases.mysql.{_KEYS.get(name, name)}": value for name, value in given.items()}


selected = giving(_SELECTED, _flags)


def refuse(flags: Flags, *names: str, why: str) -> None:
    """Raise `UsageError` for an option that this command shares but can do nothing with."""
    for name in names:
        if f"phases.mysql.{name}" in flags:
            option = {"max_rate_mib": "max-rate"}.get(name, name)
            raise UsageError(f"--{option} has no meaning here: {why}.", hint="Leave the option out.")
