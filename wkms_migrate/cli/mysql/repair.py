"""`mysql repair`: make the rows on the target those of the source."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.move import DryRun
from wkms_migrate.cli.mysql import ends
from wkms_migrate.cli.mysql.ends import Both, Limit
from wkms_migrate.cli.mysql.selection import selected
from wkms_migrate.cli.options import Options, running
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused, VerificationFailed

if TYPE_CHECKING:
    from wkms_migrate.phases.mysql.review import TableReview


@running
@selected
def repair(options: Options, flags: Flags, dry_run: DryRun = False, limit: Limit = 20) -> None:
    """Write the rows that differ on the target anew, and delete those that the source has not.

    A table is repaired in one transaction, which is committed when it has the source's digest. Tables and columns that
    are on one end only are not made: `mysql copy` makes them.
    """
    with ends.both(options, flags) as both:
        wrong = [found for found in both.reviews(limit) if not found.equal]
        for found in wrong:
            ends.say(options, found)
        ends.say_absent(options, both)
        _check(both, wrong)
        if wrong and not dry_run:
            _confirm(options, wrong)
        done = [] if dry_run else _repaired(options, both, wrong)
        absent = [*both.opened.tables.missing, *both.opened.tables.extra]
    _conclude(options, wrong, done, absent, dry_run=dry_run)


def _check(both: Both, wrong: list[TableReview]) -> None:
    """Refuse before anything is changed."""
    from wkms_migrate.phases.mysql import repair as rows

    for found in wrong:
        rows.check(found.pair, both.settings)


def _confirm(options: Options, wrong: list[TableReview]) -> None:
    if options.yes:
        return
    names = ", ".join(found.pair.target.id for found in wrong)
    if not sys.stdin.isatty():
        raise Refused(
            f"{names} would be changed on the target, and there is no terminal to ask at.",
            hint="Look at `--dry-run`, then add --yes.",
        )
    if not typer.confirm(f"Change {names} on the target?", err=True):
        raise Refused("Nothing was changed.", hint="Run the command again when ready.")


def _repaired(options: Options, both: Both, wrong: list[TableReview]) -> list[dict[str, Any]]:
    from wkms_migrate.phases.mysql import repair as rows
    from wkms_migrate.phases.mysql import servers, triggers

    folder = both.context.run_dir / "repair"
    plans = [rows.planned(both.opened.ends, found.differing) for found in wrong]
    both.opened.release_target()
    done: list[dict[str, Any]] = []
    with servers.target(both.context) as target:
        for name in triggers.put_back(target, folder):
            options.say(f"{name}: put back, which an interrupted repair had taken away")
        for plan in plans:
            one = rows.repair(both.opened.ends.source, target, plan, folder)
            options.say(f"{plan.pair.target.id}: {counted(one.deleted, 'row')} deleted, {one.written:,} written")
            done.append({"table": plan.pair.id, "deleted": one.deleted, "written": one.written})
    return done


def _conclude(
    options: Options, wrong: list[TableReview], done: list[dict[str, Any]], absent: list[str], *, dry_run: bool
) -> None:
    error = None
    if absent:
        error = VerificationFailed(
            f"{counted(len(absent), 'table is', 'tables are')} on one end only: {', '.join(absent)}.",
            hint="`wkms-migrate mysql copy` makes what the target lacks; drop there what the source has not.",
        )
    options.data(
        {"differing": [ends.as_data(found) for found in wrong], "repaired": done, "one_end_only": absent}, error
    )
    if error:
        raise error
    if dry_run:
        options.say(
            f"{counted(len(wrong), 'table')} would be repaired. Nothing was changed." if wrong else "Nothing to repair."
        )
    else:
        options.say(f"{counted(len(done), 'table')} repaired." if done else "Nothing to repair.")
