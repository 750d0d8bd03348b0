"""`cosmos map`: proposes a mapping file, or tries one on every item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wkms_migrate.cli.cosmos.inspect import SAMPLE, Sample
from wkms_migrate.cli.cosmos.selection import Containers, session
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused

if TYPE_CHECKING:
    from wkms_migrate.phases.cosmos.trial import Trial

OUTPUT = Path("cosmos-mapping.yaml")
PAIRS_SHOWN = 3

Output = Annotated[Path, typer.Option("--output", "-o", help="File to write the proposal to.")]
Check = Annotated[Path | None, typer.Option(help="Mapping file to try on every item, instead of proposing one.")]


@shared
def map(  # noqa: A001 - the command's own name
    options: Options,
    container: Containers = None,
    output: Output = OUTPUT,
    check: Check = None,
    sample: Sample = SAMPLE,
) -> None:
    """Propose what each container becomes: keys, indexes, expiry, large items, vectors. Reads the source only.

    With --check, every item is mapped by a file, and nothing is written: a mapping by which two items get the same key
    is refused with both of them.
    """
    if check is not None:
        _check(options, container or [], check)
        return
    if output.exists():
        raise Refused(f"{output} is already there.", hint="Name another file with --output, or remove it.")
    _propose(options, container or [], output, sample)


def _propose(options: Options, names: list[str], output: Path, sample: int) -> None:
    from wkms_migrate.phases.cosmos import inspect, mapping_text, proposal

    context = options.session({"phases.cosmos.mapping": None}).context()
    proposals = {
        found.container.name: proposal.propose(found)
        for found in inspect.inspected(inspect.looking(context), names, sample)
    }
    output.write_text(mapping_text.render(proposals), encoding="utf-8")
    for name, one in proposals.items():
        options.say(f"{name}:")
        for remark in one.remarks or ["nothing to remark"]:
            options.say(f"    {remark}")
    options.say(f"Wrote {output}. Read it, and name it in the configuration as phases.cosmos.mapping.")
    options.data(
        {
            "file": str(output),
            "containers": {
                name: one.rules.model_dump(mode="json") | {"remarks": one.remarks} for name, one in proposals.items()
            },
        }
    )


def _check(options: Options, names: list[str], check: Path) -> None:
    from wkms_migrate.phases.cosmos import inspect, job, trial

    run = inspect.looking(session(options, check).context())
    told, clashing = [], []
    with job.source(run) as database:
        for work in inspect.chosen(run.context, database, names):
            found = trial.tried(run, database, work)
            _say(options, found)
            told.append(_as_data(found))
            clashing += [found.name] if found.collisions else []
    error = None
    if clashing:
        error = Refused(
            f"By {check}, different items of {', '.join(clashing)} would get the same key.",
            hint="Put what tells them apart into the keys: the partition key and the id together always do.",
        )
    options.data({"file": str(check), "fits": error is None, "containers": told}, error)
    if error:
        raise error


def _say(options: Options, found: Trial) -> None:
    from wkms_migrate.phases.cosmos.tally import TEXTS

    options.say(f"{'✘' if found.collisions else '✔'} {found.name}: {counted(found.items, 'item')} mapped")
    for one, other in found.collisions[:PAIRS_SHOWN]:
        options.say(f"    the same key: {one.decode()} and {other.decode()}")
    for code, count in sorted(found.notes.items()):
        options.say(f"    {count:,} {TEXTS[code]}")
    for code, count in sorted(found.dead.items()):
        options.say(f"    {count:,} dead letters, {code}: first {', '.join(found.examples[code])}")


def _as_data(found: Trial) -> dict[str, Any]:
    return {
        "container": found.name,
        "items": found.items,
        "conversions": dict(found.notes),
        "dead_letters": dict(found.dead),
        "examples": dict(found.examples),
        "collisions": [[one.decode(), other.decode()] for one, other in found.collisions],
    }
