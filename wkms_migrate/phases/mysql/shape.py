"""Definitions of tables on both ends, in forms that are equal when the tables are.

Two MySQL or two MariaDB servers print a definition alike, so its text is compared. Between MySQL and MariaDB, and
from a MySQL before 8.0, it is what the dictionary says of columns, keys and references.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import catalog, described, translation
from wkms_migrate.phases.mysql.catalog import Table, literals
from wkms_migrate.phases.mysql.ddl import TableDefinition
from wkms_migrate.phases.mysql.translation import Translation

Name = tuple[str, str]  # schema and table in lower case
Texts = dict[str, tuple[str, str]]  # of both ends, by the table's id


def columns(source: Session, target: Session, words: Translation, tables: Sequence[Table]) -> Texts:
    """Return what must be equal before rows are added: columns, primary key and options."""
    if not words.same_words:
        ours, theirs = _described(source, target, words, tables)
        return {
            table.id: ("\n".join(ours[name(table)].columns), "\n".join(theirs[name(table.on_target)].columns))
            for table in tables
        }
    return {
        table: (ours.columns_text(), theirs.columns_text())
        for table, (ours, theirs) in _shown(source, target, words, tables).items()
    }


def whole(source: Session, target: Session, words: Translation, tables: Sequence[Table]) -> Texts:
    """Return whole definitions. A foreign key is not expected where the target lacks the parent."""
    known = there(target)
    if not words.same_words:
        return _whole_described(source, target, words, tables, known)
    shown = _shown(source, target, words, tables)
    return {
        table.id: (
            with_parents(shown[table.id][0], table.on_target.schema, known).comparable(),
            shown[table.id][1].comparable(),
        )
        for table in tables
    }


def there(session: Session, tables: Sequence[Table] | None = None) -> set[Name]:
    """Return which of these base tables a server has, or all of its base tables."""
    if tables is not None and not tables:
        return set()
    schemas = sorted({table.schema for table in tables}) if tables else []
    chosen = f" AND table_schema IN ({literals(session, schemas)})" if schemas else ""
    rows = session.rows(
        "SELECT LOWER(table_schema), LOWER(table_name) FROM information_schema.tables"
        f" WHERE table_type = 'BASE TABLE'{chosen}"
    )
    return {(str(schema), str(table)) for schema, table in rows}


def name(table: Table) -> Name:
    """Return the table's name as `there` has it."""
    return table.schema.lower(), table.name.lower()


def with_parents(wanted: TableDefinition, schema: str, known: Iterable[Name]) -> TableDefinition:
    """Return a definition of a table in `schema` with those of its foreign keys whose parents are `known`."""
    return replace(wanted, foreign_keys=tuple(key for key in wanted.foreign_keys if parent(key, schema) in known))


def parent(foreign_key: str, schema: str) -> Name:
    """Return the table that a foreign key of a table in `schema` points to."""
    above, table = translation.parent_of(foreign_key, schema)
    return above.lower(), table.lower()


def _shown(
    source: Session, target: Session, words: Translation, tables: Sequence[Table]
) -> dict[str, tuple[TableDefinition, TableDefinition]]:
    ours = catalog.definitions(source, tables)
    theirs = catalog.definitions(target, [table.on_target for table in tables])
    return {table.id: (words.table(ours[table.id], table.schema), theirs[table.on_target.id]) for table in tables}


Descriptions = dict[Name, described.Description]


def _described(
    source: Session, target: Session, words: Translation, tables: Sequence[Table]
) -> tuple[Descriptions, Descriptions]:
    return (
        described.read(source, sorted({table.schema for table in tables}), words),
        described.read(target, sorted({table.on_target.schema for table in tables}), None),
    )


def _whole_described(
    source: Session, target: Session, words: Translation, tables: Sequence[Table], known: set[Name]
) -> Texts:
    ours, theirs = _described(source, target, words, tables)

    def text(one: described.Description) -> str:
        return "\n".join([*one.columns, *one.keys, *(line for above, line in one.references if above in known)])

    return {table.id: (text(ours[name(table)]), text(theirs[name(table.on_target)])) for table in tables}
