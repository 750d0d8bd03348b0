"""`cost`: what it costs to stay and to go."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.options import LANGUAGES, Options, shared

if TYPE_CHECKING:
    from datetime import date

    from wkms_migrate.session import Session

BASELINE = "azure-floor"
TARGET = "aws-vm"

app = typer.Typer(help="What it costs to stay and to go.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Price the system where it is and where it goes."""


@app.command()
@shared
def report(
    options: Options,
    baseline: Annotated[str, typer.Option(help="Scenario to compare with.")] = BASELINE,
    target: Annotated[str, typer.Option(help="Scenario to move to.")] = TARGET,
    as_of: Annotated[str | None, typer.Option(help="Day of the report, YYYY-MM-DD; today if left out.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder; the run's report folder if left out.")
    ] = None,
) -> None:
    """Write the cost comparison as HTML in Korean and English, and as JSON."""
    session = options.session()
    langs = [options.lang] if options.lang else LANGUAGES
    paths = write(session, output or session.run_dir / "report", baseline, target, langs=langs, as_of=_day(as_of))
    for path in paths:
        options.say(f"Wrote {path}")
    options.data({"reports": [str(path) for path in paths]})


def write(
    session: Session,
    folder: Path,
    baseline: str = BASELINE,
    target: str = TARGET,
    *,
    langs: list[str] | tuple[str, ...] = LANGUAGES,
    as_of: date | None = None,
) -> list[Path]:
    """Write the cost comparison of an environment; quantities that assess measured replace assumed ones."""
    from wkms_migrate import assets
    from wkms_migrate.cost import measured
    from wkms_migrate.report import cost_report

    found = measured.from_inventory(session.state().outputs("assess"))
    built = cost_report.build(
        assets.path("config"), as_of or datetime.now(UTC).date(), baseline=baseline, target=target, measured=found
    )
    return cost_report.write(built, folder, langs)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise typer.BadParameter(f"{text} is not a day like 2026-11-22", param_hint="--as-of") from error
