"""Runs a piece of work on each chosen container, journalled, while no other process works on the same run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import typer

from wkms_migrate.cli import journalled
from wkms_migrate.cli.options import Options
from wkms_migrate.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from wkms_migrate.events import Json
    from wkms_migrate.phases.cosmos.job import Job
    from wkms_migrate.plan import Context, Phase, Step, StepRun
    from wkms_migrate.session import Session

Work = Callable[["StepRun", "Job"], "Mapping[str, Json]"]


def mend(options: Options, main: Session, names: list[str], phase_name: str, work: Work) -> None:
    """Do a piece of work on each container. It reads the outputs of the run `main`, and writes a journal of its own."""
    from wkms_migrate.phases.cosmos.settings import CosmosSettings
    from wkms_migrate.plan import Phase

    phase: Phase = Phase(
        name=phase_name,
        summary="",
        plan=lambda _: _steps(main.context(), names, phase_name, work),
        settings=CosmosSettings,
    )
    place = journalled.full(str(main.run_dir))
    own = replace(options, run=None)
    flags: dict[str, object] = {"phases.cosmos.mapping": _mapping(main.context())}
    with main.open_journal():
        journalled.run(options, journalled.opened(own, flags, phase, place), redo=True)


def confirm(options: Options, what: str) -> None:
    """Ask before anything is changed. Raises `Refused` without a yes, or without a terminal to ask at."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"{what}, and there is no terminal to ask at.", hint="Look at `cosmos verify`, then add --yes.")
    if not typer.confirm(f"{what}. Go on?", err=True):
        raise Refused("Nothing was changed.", hint="Run the command again when ready.")


def _steps(main: Context, names: list[str], phase_name: str, work: Work) -> Iterator[Step]:
    from wkms_migrate.clients import azure_cosmos
    from wkms_migrate.phases.cosmos import inspect
    from wkms_migrate.plan import Step

    with azure_cosmos.connect(main.settings.azure.cosmos) as database:
        works = inspect.chosen(main, database, names)
    for one in works:
        yield Step(
            id=f"{phase_name}/{one.name}",
            summary=f"Container {one.name} and table {one.table(main)}",
            run=partial(_with_outputs, main=main, job=one, work=work),
        )


def _with_outputs(run: StepRun, main: Context, job: Job, work: Work) -> Mapping[str, Json]:
    """Let the work see the outputs of the run that it mends."""
    return work(replace(run, context=main), job)


def _mapping(context: Context) -> Path | None:
    from wkms_migrate.phases.cosmos.settings import CosmosSettings

    return context.section(CosmosSettings).mapping
