"""`cosmos replay-dead-letter`: try again what could not be brought over."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wkms_migrate.cli.cosmos import mending
from wkms_migrate.cli.cosmos.selection import Containers, Mapping, session
from wkms_migrate.cli.move import DryRun
from wkms_migrate.cli.options import Options, running

if TYPE_CHECKING:
    from wkms_migrate.session import Session

SHOWN = 20


@running
def replay_dead_letter(
    options: Options, container: Containers = None, mapping: Mapping = None, dry_run: DryRun = False
) -> None:
    """Bring over the dead letters of the run, each as the source has it now; exit 3 when some are left.

    An item that is gone from the source needs no replay. What still cannot be brought over stays in the file.
    """
    main = session(options, mapping)
    if dry_run:
        _show(options, main, container or [])
        return
    from wkms_migrate.phases.cosmos import replay

    mending.confirm(options, "Items of the tables will be written")
    mending.mend(options, main, container or [], "cosmos-replay", replay.run)


def _show(options: Options, main: Session, names: list[str]) -> None:
    from wkms_migrate.clients import azure_cosmos
    from wkms_migrate.phases.cosmos import inspect
    from wkms_migrate.phases.cosmos.dead import DeadLetters

    context = main.context()
    with azure_cosmos.connect(context.settings.azure.cosmos) as database:
        works = inspect.chosen(context, database, names)
    told = []
    for work in works:
        letters = DeadLetters.of(context.run_dir, work.name).latest(work.mapping)
        options.say(f"{work.name}: {len(letters):,} dead letters")
        for letter in list(letters.values())[:SHOWN]:
            options.say(f"    {letter.document.get('id')}: {letter.code}: {letter.message}")
        told.append({"container": work.name, "dead_letters": dict(Counter(one.code for one in letters.values()))})
    options.data({"containers": told})
