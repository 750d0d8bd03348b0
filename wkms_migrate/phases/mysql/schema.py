"""The tables: as they are on the source, without what is quicker to build after the rows are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wkms_migrate.clients.mysql import Session, SqlError
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, servers, shape, translation
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.ddl import TableDefinition, quoted
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.translation import Translation
from wkms_migrate.plan import StepRun

UNKNOWN_TABLE = 1146
SHOWN_REFUSALS = 20
SMALL_BYTES = 1 << 20  # up to here an ALTER for the indexes costs more than filling them row by row


def run(run: StepRun) -> Mapping[str, Json]:
    """Make schemas and tables on the target; a table that is there already must have the same definition."""
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.Pool(lambda: servers.target(run.context)) as targets:
        with targets.session() as target:
            words = translation.between(source, target, settings)
            tables = catalog.selected(source, settings)
            refuse_collisions(tables)
            _make_room(source, target, settings, words, tables)
            shown = catalog.definitions(source, tables)
            pending = _missing(source, target, words, tables)
        make_tables(run, targets, words, pending, shown)
    return {"tables_made": len(pending)}


def make_tables(
    run: StepRun,
    targets: servers.Pool,
    words: Translation,
    tables: Sequence[Table],
    shown: Mapping[str, TableDefinition],
) -> None:
    """Make tables from their definitions on the source, which are `shown` by id; `Refused` with all that failed."""
    for table in tables:
        _tell(run, words, table, shown[table.id])

    def make(table: Table) -> str:
        with targets.session() as target:
            return _make_table(target, words.table(shown[table.id], table.schema), table)

    workers = workers_of(run, run.context.section(MysqlSettings).workers)
    refusals = [text for text in each(run, workers, make, tables) if text]
    if refusals:
        raise Refused(
            "\n".join([f"The target refuses {counted(len(refusals), 'table')}:", *refusals[:SHOWN_REFUSALS]]),
            hint="Change them on the source, leave them out by phases.mysql.exclude, or choose another target.",
        )


def refuse_collisions(tables: Sequence[Table]) -> None:
    """Raise `Refused` when two tables would get one name, as when two schemas become one."""
    taken: dict[str, str] = {}
    for table in tables:
        other = taken.setdefault(table.on_target.id.lower(), table.id)
        if other != table.id:
            raise Refused(
                f"{other} and {table.id} would both be {table.on_target.id} on the target.",
                hint="Change phases.mysql.rename, or leave one of them out by phases.mysql.exclude.",
            )


def _make_room(
    source: Session, target: Session, settings: MysqlSettings, words: Translation, tables: Sequence[Table]
) -> None:
    """Make the schemas; with `replace` drop what is in the way: whole schemas, or the tables chosen of them."""
    replace = settings.on_existing == "replace"
    whole = not (settings.include or settings.exclude)
    for name in settings.schemas:
        _make_schema(source, target, name, words, drop=replace and whole)
    if replace and not whole:
        for table in tables:
            target.run(f"DROP TABLE IF EXISTS {table.on_target.quoted}")


def _make_schema(source: Session, target: Session, name: str, words: Translation, *, drop: bool) -> None:
    charset, collation = source.rows(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata"
        f" WHERE schema_name = {source.quoted(name)}"
    )[0]
    there = quoted(words.schema(name))
    if drop:
        target.run(f"DROP DATABASE IF EXISTS {there}")
    target.run(f"CREATE DATABASE IF NOT EXISTS {there}")
    target.run(f"ALTER DATABASE {there} CHARACTER SET {charset} COLLATE {words.collations.get(collation, collation)}")


def _missing(source: Session, target: Session, words: Translation, tables: Sequence[Table]) -> list[Table]:
    """Return the tables that the target lacks. Raises `Refused` for one that is there with another definition."""
    known = shape.there(target, [table.on_target for table in tables])
    there = [table for table in tables if shape.name(table.on_target) in known]
    for table, (ours, theirs) in shape.columns(source, target, words, there).items():
        if ours != theirs:
            raise Refused(
                f"Table {table} is on the target with another definition.",
                hint="Drop it there, or set phases.mysql.on_existing to replace.",
            )
    return [table for table in tables if table not in there]


def _tell(run: StepRun, words: Translation, table: Table, shown: TableDefinition) -> None:
    """State what does not go along, or only in other words."""
    if left := shown.placement():
        run.finding(
            "mysql-placement",
            f"Clauses about files do not go along: {', '.join(left)}.",
            table.id,
            kind="left",
            hint="The storage of the target is encrypted and placed as provision configured it.",
        )
    if losses := words.losses(shown):
        run.finding(
            "mysql-no-equal", f"MariaDB has no like of {'; '.join(losses)}.", table.id, kind="lost", severity="warning"
        )
    text = "\n".join((*shown.body, shown.options))
    if renamed := [f"{old} to {new}" for old, new in sorted(words.collations.items()) if old in text]:
        run.finding(
            "mysql-collation",
            f"Collations become the nearest of the target: {', '.join(renamed)}.",
            table.id,
            kind="converted",
            severity="warning",
            hint="Order and equality of rare characters may differ. Another choice: phases.mysql.collations.",
        )


def _make_table(target: Session, wanted: TableDefinition, table: Table) -> str:
    """Make one table; return why the target refuses it, or nothing."""
    target.run(f"USE {quoted(table.on_target.schema)}")
    try:
        target.run(wanted.create(indexed=table.bytes <= SMALL_BYTES))
    except SqlError as error:
        return f"  {table.id}: {error.message}"
    return ""


def existing(target: Session, table: Table) -> TableDefinition | None:
    """Return the definition of a table on the target, None when it is not there."""
    try:
        return catalog.definition(target, table)
    except SqlError as error:
        if error.code == UNKNOWN_TABLE:
            return None
        raise
