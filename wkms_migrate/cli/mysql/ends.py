"""Both servers opened for a command that compares them, and what it says about tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.options import Options
from wkms_migrate.counted import counted

if TYPE_CHECKING:
    from wkms_migrate.phases.mysql.compare import Opened
    from wkms_migrate.phases.mysql.review import TableReview
    from wkms_migrate.phases.mysql.settings import MysqlSettings
    from wkms_migrate.plan import Context

Limit = Annotated[int, typer.Option(min=0, help="Rows to name of each table that differs.")]
RANGES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Both:
    """What a comparing command works with."""

    context: Context
    settings: MysqlSettings
    opened: Opened
    workers: int

    def reviews(self, limit: int) -> Iterator[TableReview]:
        """Compare table by table; `limit` rows of each are named."""
        from wkms_migrate.phases.mysql import review

        return review.reviews(self.opened, self.workers, self.settings.chunk_mib << 20, limit)


@contextmanager
def both(options: Options, flags: Flags) -> Iterator[Both]:
    """Open both servers, each at one point in time."""
    from wkms_migrate.phases.mysql import compare
    from wkms_migrate.phases.mysql.settings import MysqlSettings
    from wkms_migrate.plan import Context

    session = options.session(flags)
    context = Context(session.settings, session.state(), session.run_dir)
    settings = context.section(MysqlSettings)
    # Comparing waits for disks, and needs no memory here for the rows.
    workers = settings.workers or 2 * int(session.settings.workers)
    with compare.opened(context, settings, workers) as opened:
        yield Both(context, settings, opened, workers)


def say(options: Options, found: TableReview) -> None:
    """Tell what came of one table."""
    from wkms_migrate.phases.mysql import review

    sign = "✔" if found.equal else "✘"
    options.say(f"{sign} {found.pair.id}: {counted(found.source.rows, 'row')}, {found.target.rows:,} on the target")
    for kind, names in (("only on the source", found.pair.missing), ("only on the target", found.pair.extra)):
        if names:
            options.say(f"    columns {kind}: {', '.join(names)}")
    for reason in found.pair.left_out:
        options.say(f"    not compared: column {reason}")
    for one in found.differing[:RANGES_SHOWN] if found.ranges > 1 else ():  # else it is the table, which was named
        options.say(f"    differs: {review.named(one)}")
    if len(found.differing) > RANGES_SHOWN:
        options.say(f"    and {len(found.differing) - RANGES_SHOWN:,} more of {counted(found.ranges, 'range')}")
    for row in found.rows:
        options.say(f"    {row}")
    if found.more:
        options.say("    and more rows")


def say_absent(options: Options, both: Both) -> None:
    """Tell which tables are on one end only."""
    for name in both.opened.tables.missing:
        options.say(f"✘ {name}: is not on the target")
    for name in both.opened.tables.extra:
        options.say(f"✘ {name}: is on the target only")


def as_data(found: TableReview) -> dict[str, Any]:
    """Return one table for the JSON document."""
    from wkms_migrate.phases.mysql import review

    return {
        "table": found.pair.id,
        "target": found.pair.target.id,
        "equal": found.equal,
        "source": {"rows": found.source.rows, "digest": str(found.source)},
        "on_target": {"rows": found.target.rows, "digest": str(found.target)},
        "ranges": found.ranges,
        "differing_ranges": [review.named(one) for one in found.differing],
        "rows": [asdict(row) for row in found.rows],
        "more_rows": found.more,
        "columns": {
            "not_compared": list(found.pair.left_out),
            "missing": list(found.pair.missing),
            "extra": list(found.pair.extra),
        },
    }
