"""What the commands on MySQL have in common: which tables, which rows, how fast."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from wkms_migrate.cli.options import Options
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
Flags = dict[str, object]  # settings by dotted path

_KEYS = {"schema": "schemas", "threads": "workers", "max_rate": "max_rate_mib"}


def selected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; it gets them, as settings by dotted path, as its second argument `flags`."""
    first, _, *own = inspect.signature(command, eval_str=True).parameters.values()
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in _SELECTED.items()
    ]

    @functools.wraps(command)
    def invoked(options: Options, **given: Any) -> None:
        command(options, _flags({name: given.pop(name) for name in _SELECTED}), **given)

    parameters = [first, *(parameter.replace(kind=kind) for parameter in own), *added]
    invoked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by `shared`, `running`
    return invoked


def _flags(given: dict[str, Any]) -> Flags:
    values = {name: value for name, value in given.items() if value not in (None, [])}
    for name in {"rename", "where"} & values.keys():
        values[name] = dict(_pair(name, text) for text in values[name])
    flags: Flags = {}
    for name, value in values.items():
        flags[f"phases.mysql.{_KEYS.get(name, name)}"] = value
    return flags


def _pair(name: str, text: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise UsageError(f"--{name} {text!r} has no value.", hint=f"Write --{name} NAME=VALUE.")
    return left.strip(), right.strip()
