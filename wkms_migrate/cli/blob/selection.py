"""What the commands on blobs have in common: which containers, which blobs, where to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wkms_migrate.cli.flags import Flags, giving, pair

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
_KEYS = {"container": "containers", "to": "buckets", "prefix": "prefixes"}


def _flags(given: dict[str, Any]) -> Flags:
    if "to" in given:
        given["to"] = dict(pair("to", text, "CONTAINER=BUCKET or CONTAINER=BUCKET/PREFIX") for text in given["to"])
    return {f"phases.blob.{_KEYS.get(name, name)}": value for name, value in given.items()}


selected = giving(_SELECTED, _flags)
