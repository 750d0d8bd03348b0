"""What one LOAD DATA must have done before its transaction may be committed."""

from __future__ import annotations

from collections.abc import Callable

from wkms_migrate.clients.mysql import Loaded, Session
from wkms_migrate.counted import counted
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.plan import StepRun


def check(  # noqa: PLR0913 - each is one fact about the load
    run: StepRun, target: Session, table: Table, what: str, *, sent: int, loaded: Loaded, is_exact: Callable[[], bool]
) -> None:
    """Raise unless all rows went in as they are: LOAD DATA LOCAL turns errors into warnings and goes on.

    `sent` is a number of rows. `is_exact` compares the digest of `what`, for a load that warned.
    """
    if loaded.rows == sent and not loaded.warnings:
        return
    told = "; ".join(target.warnings()) if loaded.warnings else "no warning"
    if loaded.rows == sent and is_exact():
        run.finding("mysql-load-warning", f"The target warned but holds the exact rows: {told}.", table.id)
        return
    raise WkmsError(
        f"{what} did not load into {table.id} as it is: {counted(sent, 'row')} sent, {loaded.rows:,} taken,"
        f" {counted(loaded.warnings, 'warning')} ({told}). It was rolled back.",
        hint="Make the target's column able to hold the value, or remove rows that are in the way; then run again.",
    )
