"""`mysql diff`: everything in which the two servers differ, definitions and rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.mysql import ends
from wkms_migrate.cli.mysql.ends import Both, Limit
from wkms_migrate.cli.mysql.selection import selected
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import VerificationFailed

if TYPE_CHECKING:
    from wkms_migrate.phases.mysql.definitions import DefinitionDifference

SchemaOnly = Annotated[bool, typer.Option("--schema-only", help="Compare definitions only, no rows.")]
LINES_SHOWN = 20


@shared
@selected
def diff(options: Options, flags: Flags, limit: Limit = 100, schema_only: SchemaOnly = False) -> None:
    """Show what differs: tables, columns, keys, views, routines, triggers, events, rows; exit 3 when anything does.

    Lines with - are on the source only, lines with + on the target only. Definers, the next AUTO_INCREMENT value and
    whether an event is enabled are not compared.
    """
    with ends.both(options, flags) as both:
        definitions = _definitions(both)
        for one in definitions:
            _say(options, one)
        rows = [] if schema_only else [found for found in both.reviews(limit) if not found.equal]
        for found in rows:
            ends.say(options, found)
        ends.say_absent(options, both)
        absent = both.opened.tables
    count = len(definitions) + len(rows) + len(absent.missing) + len(absent.extra)
    error = None
    if count:
        error = VerificationFailed(
            f"{counted(count, 'table or object differs', 'tables and objects differ')}.",
            hint="`wkms-migrate mysql repair` makes rows alike; definitions are made by `mysql copy`, or by hand.",
        )
    options.data(
        {
            "equal": not count,
            "definitions": [asdict(one) for one in definitions],
            "tables": [ends.as_data(found) for found in rows],
            "missing": list(absent.missing),
            "extra": list(absent.extra),
        },
        error,
    )
    if error:
        raise error
    options.say("No difference.")


def _definitions(both: Both) -> list[DefinitionDifference]:
    from wkms_migrate.phases.mysql import definitions, servers

    with servers.source(both.context) as source, servers.target(both.context) as target:
        return list(definitions.compare(source, target, both.settings, both.opened.tables.pairs))


def _say(options: Options, found: DefinitionDifference) -> None:
    options.say(f"✘ {found.object}")
    for sign, lines in (("-", found.source), ("+", found.target)):
        for line in lines[:LINES_SHOWN]:
            options.say(f"    {sign} {line}")
        if len(lines) > LINES_SHOWN:
            options.say(f"    {sign} … {counted(len(lines) - LINES_SHOWN, 'line')} more")
