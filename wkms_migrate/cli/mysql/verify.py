"""`mysql verify`: whether the rows on both ends are the same."""

from __future__ import annotations

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.mysql import ends
from wkms_migrate.cli.mysql.ends import Limit
from wkms_migrate.cli.mysql.selection import selected
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import VerificationFailed


@shared
@selected
def verify(options: Options, flags: Flags, limit: Limit = 20) -> None:
    """Compare the rows of both servers as they are now, range by range; exit 3 when any differs. Changes nothing."""
    with ends.both(options, flags) as both:
        tables = []
        for found in both.reviews(limit):
            ends.say(options, found)
            tables.append(found)
        ends.say_absent(options, both)
        absent = both.opened.tables
    wrong = [found.pair.id for found in tables if not found.equal] + [*absent.missing, *absent.extra]
    error = None
    if wrong:
        error = VerificationFailed(
            f"{counted(len(wrong), 'table differs', 'tables differ')}: {', '.join(wrong)}.",
            hint="If the source went on being written, that is why; else `wkms-migrate mysql repair` makes them alike.",
        )
    options.data(
        {
            "equal": not wrong,
            "tables": [ends.as_data(found) for found in tables],
            "missing": list(absent.missing),
            "extra": list(absent.extra),
        },
        error,
    )
    if error:
        raise error
    left_out = sum(len(found.pair.left_out) for found in tables)
    note = f", but for {counted(left_out, 'column')} that cannot be compared" if left_out else ""
    options.say(
        f"{counted(len(tables), 'table')}, {counted(sum(found.source.rows for found in tables), 'row')}: equal{note}."
    )
