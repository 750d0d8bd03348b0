"""What a cost command is asked for: which scenarios, out of which files; and the answer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wkms_migrate.cli.options import LANGUAGES, Options
from wkms_migrate.cli.report_options import AsOf, day
from wkms_migrate.report.files import QUICK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from wkms_migrate.cost.inputs import Inputs
    from wkms_migrate.cost.result import CostReport
    from wkms_migrate.errors import ConfigError
    from wkms_migrate.session import Session

BASELINE = "azure-now"
TARGET = "aws-vm"

Folder = Annotated[
    Path | None,
    typer.Option("--inputs", help="Folder with prices/, scenarios/ and assumptions.yaml, instead of the bundled one."),
]
_ASKED: dict[str, tuple[Any, Any]] = {
    "baseline": (Annotated[str, typer.Option(help="Scenario to compare with.")], BASELINE),
    "target": (
        Annotated[str | None, typer.Option(help=f"Scenario to move to; {TARGET}, or that of --plan, if left out.")],
        None,
    ),
    "scenario": (
        Annotated[list[Path] | None, typer.Option(help="File with a scenario of your own; may be given again.")],
        None,
    ),
    "plan": (
        Annotated[Path | None, typer.Option(help="Terraform plan to price, as `terraform show -json` writes it.")],
        None,
    ),
    "inputs": (Folder, None),
    "tax": (Annotated[bool, typer.Option("--tax", help="Show totals with value added tax.")], False),
    "as_of": (AsOf, None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options that say what is compared."""

    baseline: str = BASELINE
    target: str | None = None
    folder: Path | None = None
    scenarios: Sequence[Path] = ()
    plan: Path | None = None
    tax: bool = False
    as_of: date | None = None


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what is compared; it gets them as its second argument, an `Asked`."""
    first, _, *own = inspect.signature(command, eval_str=True).parameters.values()
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in _ASKED.items()
    ]

    @functools.wraps(command)
    def invoked(options: Options, **given: Any) -> None:
        command(options, _asked({name: given.pop(name) for name in _ASKED}), **given)

    parameters = [first, *(parameter.replace(kind=kind) for parameter in own), *added]
    invoked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by `shared`
    return invoked


def _asked(given: dict[str, Any]) -> Asked:
    return Asked(
        baseline=given["baseline"],
        target=given["target"],
        folder=given["inputs"],
        scenarios=given["scenario"] or (),
        plan=given["plan"],
        tax=given["tax"],
        as_of=day(given["as_of"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The comparison, and everything that was wrong with the files; what was right is in the report all the same."""

    report: CostReport
    problems: tuple[str, ...]

    def error(self) -> ConfigError | None:
        """Return the error to end with."""
        from wkms_migrate.errors import ConfigError

        if not self.problems:
            return None
        return ConfigError(
            "The comparison is incomplete:",
            problems=self.problems,
            hint="Correct these lines; what could be priced is in the report.",
        )


def folder_of(folder: Path | None) -> Path:
    """Return the folder that was given, or the bundled one."""
    from wkms_migrate import assets

    return folder or assets.path("config")


def answer(session: Session, asked: Asked) -> Answer:
    """Compare what is asked; quantities that assess measured replace assumed ones."""
    from wkms_migrate.cost import build, inputs, measured

    read, unmapped = _with_plan(inputs.load(folder_of(asked.folder), asked.scenarios), asked)
    target = asked.target or (next(reversed(read.scenarios)) if asked.plan else TARGET)
    as_of = asked.as_of or datetime.now(UTC).date()
    question = build.Question(baseline=asked.baseline, target=target, as_of=as_of, tax=asked.tax)
    report = build.answer(read, question, measured.from_inventory(session.state().outputs("assess")))
    comparison = report.comparison
    return Answer(report=report, problems=(*unmapped, *comparison.baseline.problems, *comparison.target.problems))


def write(
    session: Session,
    folder: Path,
    *,
    asked: Asked | None = None,
    langs: Sequence[str] = LANGUAGES,
    formats: Sequence[str] = QUICK,
    as_of: date | None = None,
) -> list[Path]:
    """Write the cost comparison of an environment; return the paths."""
    from wkms_migrate.report import cost_files

    found = answer(session, asked or Asked(as_of=as_of))
    return cost_files.write(found.report, folder, langs, formats)


def _with_plan(read: Inputs, asked: Asked) -> tuple[Inputs, tuple[str, ...]]:
    """Add the scenario of the Terraform plan, the last of all; tell what in it has no price mapping."""
    from wkms_migrate.cost import terraform_plan

    if asked.plan is None:
        return read, ()
    plan = terraform_plan.planned(terraform_plan.read(asked.plan), read.scenario(TARGET))
    scenarios = read.scenarios | {plan.scenario.name: plan.scenario}
    problems = tuple(f"{asked.plan}: {count} × {kind} has no price mapping." for kind, count in plan.unmapped)
    return replace(read, scenarios=scenarios), problems
