"""What the commands on blobs have in common: which containers, which blobs, where to."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from wkms_migrate.cli.options import Options
from wkms_migrate.errors import UsageError

_SELECTED: dict[str, tuple[Any, Any]] = {
    "container": (Annotated[list[str] | None, typer.Option(help="Container to take; may be repeated.")], None),
    "to": (
        Annotated[list[str] | None, typer.Option(help="CONTAINER=BUCKET or CONTAINER=BUCKET/PREFIX; may be repeated.")],
        None,
    ),
    "prefix": (Annotated[list[str] | None, typer.Option(help="What names begin with; may be repeated.")], None),
    "include": (
        Annotated[list[str] | None, typer.Option(help="Glob on names to take, ** crosses folders; may be repeated.")],
        None,
    ),
    "exclude": (Annotated[list[str] | None, typer.Option(help="Glob on names to leave; may be repeated.")], None),
    "files_from": (
        Annotated[Path | None, typer.Option("--files-from", help="File with the names to take, one a line.")],
        None,
    ),
    "modified_after": (
        Annotated[str | None, typer.Option(help="Take what was modified then or later, e.g. 2026-01-31.")],
        None,
    ),
    "modified_before": (Annotated[str | None, typer.Option(help="Take what was modified before.")], None),
}
Flags = dict[str, object]  # settings by dotted path

_KEYS = {"container": "containers", "to": "buckets", "prefix": "prefixes"}


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
    if "to" in values:
        values["to"] = dict(_pair(text) for text in values["to"])
    return {f"phases.blob.{_KEYS.get(name, name)}": value for name, value in values.items()}


def _pair(text: str) -> tuple[str, str]:
    container, equals, place = text.partition("=")
    if not (container and equals and place):
        raise UsageError(
            f"--to {text!r} names no bucket.", hint="Write --to CONTAINER=BUCKET or CONTAINER=BUCKET/PREFIX."
        )
    return container, place
