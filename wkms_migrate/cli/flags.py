"""Options of an area that stand for settings: its commands get what was given as settings by dotted path."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from wkms_migrate.cli.options import Options
from wkms_migrate.errors import UsageError

Flags = dict[str, object]  # settings by dotted path
Command = Callable[..., None]


def giving(
    known: Mapping[str, tuple[Any, Any]], flags: Callable[[dict[str, Any]], Flags]
) -> Callable[[Command], Command]:
    """Return what gives a command the `known` options (annotation and default by name).

    The command takes `flags` of those that were given as its second argument.
    """
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in known.items()
    ]

    def decorated(command: Command) -> Command:
        first, _, *own = inspect.signature(command, eval_str=True).parameters.values()

        @functools.wraps(command)
        def invoked(options: Options, **given: Any) -> None:
            asked = {name: given.pop(name) for name in known}
            command(options, flags({name: value for name, value in asked.items() if value not in (None, [])}), **given)

        parameters = [first, *(parameter.replace(kind=kind) for parameter in own), *added]
        invoked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by `shared`, `running`
        return invoked

    return decorated


def pair(name: str, text: str, form: str = "NAME=VALUE") -> tuple[str, str]:
    """Split what an option was given at its first '='. Raises `UsageError` where a side is empty."""
    left, _, right = (part.strip() for part in text.partition("="))
    if not (left and right):
        raise UsageError(f"--{name} {text!r} lacks a side of its '='.", hint=f"Write --{name} {form}.")
    return left, right
