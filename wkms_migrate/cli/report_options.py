"""Options of the commands that write reports: in which formats, of which day, into which folder."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.report.files import FORMATS, USUAL

if TYPE_CHECKING:
    from collections.abc import Sequence

Formats = Annotated[
    str | None,
    typer.Option("--format", help=f"Formats, with commas between, of {', '.join(FORMATS)}; all but pdf if left out."),
]
AsOf = Annotated[str | None, typer.Option(help="Day of the report, YYYY-MM-DD; if left out, that of what it is on.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Folder; the run's report folder if left out.")]


def chosen(names: str | None) -> Sequence[str]:
    """Return the formats that were named, with commas between; the usual ones if none was."""
    if names is None:
        return USUAL
    found = [name.strip().lower() for name in names.split(",") if name.strip()]
    if not found or (unknown := [name for name in found if name not in FORMATS]):
        raise typer.BadParameter(
            f"{', '.join(unknown) if found else names!r} is no format; choose of {', '.join(FORMATS)}",
            param_hint="--format",
        )
    return found


def day(text: str | None) -> date | None:
    """Return the day that was given, like 2026-11-22; None if none was."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise typer.BadParameter(f"{text} is not a day like 2026-11-22", param_hint="--as-of") from error
