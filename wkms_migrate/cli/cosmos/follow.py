"""`cosmos follow`: keep the tables up with the containers until the switch."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from wkms_migrate.cli import journalled
from wkms_migrate.cli.move import DryRun, show_plan
from wkms_migrate.cli.options import Options, running

Containers = Annotated[
    list[str] | None, typer.Option("--container", help="Container to follow; may be repeated. All when left out.")
]
Drain = Annotated[bool, typer.Option("--drain", help="End once nothing is left to do.")]
Frozen = Annotated[
    bool,
    typer.Option(
        "--frozen",
        help="The source is no longer written: end once nothing is left, and delete on the tables what the containers"
        " have no more, where the feed does not tell deletions.",
    ),
]
MostGone = Annotated[
    float,
    typer.Option(min=0, max=1, help="With --frozen: refuse when more than this share of a table would be deleted."),
]


@running
def follow(
    options: Options,
    container: Containers = None,
    drain: Drain = False,
    frozen: Frozen = False,
    most_gone: MostGone = 0.1,
    dry_run: DryRun = False,
) -> None:
    """Do to the tables what is done to the containers since they were copied, until Ctrl-C; the lag is shown.

    It goes on where it stopped. Where the account has continuous backup, the feed tells deletions too; where it has
    not, deletions show only at the end, with --frozen.
    """
    from wkms_migrate.phases.cosmos import catch_up
    from wkms_migrate.phases.cosmos.follow import Wish

    wish = Wish(drain=drain, frozen=frozen, most_gone=most_gone)
    session = options.session()
    session = replace(session, phases=(catch_up.phase(wish, container or ()),))
    if dry_run:
        show_plan(options, session, [], detailed=False)
    else:
        journalled.run(options, session)
