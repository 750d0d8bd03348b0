"""`queue drain`, `queue copy` and `queue forward`: the queue phase in one mode, with its choice on the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli import move
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.move import Detailed, DryRun, Redo
from wkms_migrate.cli.options import Options, running
from wkms_migrate.cli.queue.selection import selected
from wkms_migrate.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from wkms_migrate.journal import RunState
    from wkms_migrate.session import Session

BRIDGES = 64  # queues that one process forwards
UntilEmpty = Annotated[
    bool, typer.Option("--until-empty", help="End when the source is empty, after its producers were stopped.")
]


@running
@selected
def drain(
    options: Options, flags: Flags, dry_run: DryRun = False, redo: Redo = False, detailed_exitcode: Detailed = False
) -> None:
    """Take every message, send it, and delete it on the source once SQS has it, until the source is empty.

    A kill loses nothing and repeats at most the batch of ten that was on its way. Counts are compared on both ends.
    """
    _phase(options, {**flags, "phases.queue.mode": "drain"}, dry_run=dry_run, redo=redo, detailed=detailed_exitcode)


@running
@selected
def copy(
    options: Options, flags: Flags, dry_run: DryRun = False, redo: Redo = False, detailed_exitcode: Detailed = False
) -> None:
    """Send every message once and leave it on the source. `--dry-run -v` says what that costs.

    Up to 32 messages are only looked at. A longer queue is taken: each message is hidden from its consumers for a
    while, and its dequeue count grows by one. Consumers on both sides will handle each message twice.
    """
    _phase(options, {**flags, "phases.queue.mode": "copy"}, dry_run=dry_run, redo=redo, detailed=detailed_exitcode)


@running
@selected
def forward(options: Options, flags: Flags, until_empty: UntilEmpty = False, dry_run: DryRun = False) -> None:
    """Move messages as they come, until stopped by Ctrl-C or SIGTERM: a bridge until the cut-over; exit 0.

    It tells how far behind it is. Its journal is its own, RUN-bridge, so that other phases can run meanwhile. Killed,
    it goes on when started again.
    """
    main = options.session(flags)
    wishes = {**flags, "phases.queue.mode": "forward", "phases.queue.until_empty": until_empty, "workers": BRIDGES}
    session = options.session({**wishes, "phases.queue.targets": _urls(main)})
    _run(options, replace(session, run_dir=_bridge(main)), dry_run=dry_run)


def _phase(options: Options, flags: Flags, *, dry_run: bool, redo: bool, detailed: bool) -> None:
    session = options.session(flags)
    bridge = _state(_bridge(session))
    steps = [step for name, step in bridge.steps.items() if name.startswith("queue/drain/")]
    if any(step.status != "done" for step in steps):
        raise Refused(
            f"The bridge {_bridge(session).name} was cut off, or still runs.",
            hint="Stop it, or let it finish what it began: `wkms-migrate queue forward --until-empty`.",
        )
    if steps:  # what the bridge has sent is ours
        session = options.session({"phases.queue.on_existing": "append", **flags})
    _run(options, session, dry_run=dry_run, redo=redo, detailed=detailed)


def _run(options: Options, session: Session, *, dry_run: bool, redo: bool = False, detailed: bool = False) -> None:
    if dry_run:
        move.show_plan(options, session, ["queue"], detailed=detailed)
    else:
        move.move(options, session, ["queue"], redo=redo)


def _bridge(session: Session) -> Path:
    return session.run_dir.with_name(f"{session.run_dir.name}-bridge")


def _state(run_dir: Path) -> RunState:
    """Return what a run's journal says."""
    from wkms_migrate import journal

    return journal.load(run_dir)


def _urls(session: Session) -> dict[str, str]:
    """Return the SQS queues by Azure queue, as the run knows them that made them."""
    from wkms_migrate.phases.queue import ends

    return {one.queue: one.url for one in ends.known(session.context()) if one.url and one.url != ends.UNKNOWN}
