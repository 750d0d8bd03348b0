"""What is to be moved, as preflight sees it: tables, keys and objects of the source, read in whole schemas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import catalog
from wkms_migrate.phases.mysql.catalog import Table, literals
from wkms_migrate.phases.mysql.server_state import readable
from wkms_migrate.phases.mysql.settings import MysqlSettings

VIEW_PROBLEM = "%references invalid%"  # what the server writes in place of a broken view's comment


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A routine, view, trigger or event, with what its text depends on where it has one."""

    kind: str
    schema: str
    name: str
    definer: str = ""
    sql_mode: str = ""
    time_zone: str = ""

    @property
    def id(self) -> str:
        """Kind, schema and name, for messages."""
        return f"{self.kind} {self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key: `child` and `parent` are `schema.table`; `to_unique` says whether it refers to a unique key."""

    name: str
    child: str
    parent: str
    to_unique: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Names are `schema.table`. `tables` are those that the settings choose, `every` all of the schemas.

    `options` are what CREATE TABLE said beyond columns and keys; `broken` are views that the server cannot read.
    """

    schemas: frozenset[str]
    tables: tuple[Table, ...] = ()
    every: frozenset[str] = frozenset()
    options: Mapping[str, str] = field(default_factory=dict)
    collations: frozenset[str] = frozenset()
    stored: tuple[Stored, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    keyless: frozenset[str] = frozenset()
    fulltext: frozenset[str] = frozenset()
    broken: tuple[str, ...] = ()
    srids: Mapping[int, str] = field(default_factory=dict)
    functions: tuple[str, ...] = ()

    def count(self, *kinds: str) -> int:
        """Return how many stored objects are of one of these kinds."""
        return sum(one.kind in kinds for one in self.stored)


def read(session: Session, settings: MysqlSettings, *, is_mariadb: bool) -> Moved:
    """Read what the settings choose of the source."""
    names = literals(session, settings.schemas)
    found = session.rows(f"SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ({names})")
    described = session.rows(
        "SELECT CONCAT(table_schema, '.', table_name), table_type, COALESCE(create_options, ''), table_comment LIKE"
        f" '{VIEW_PROBLEM}' FROM information_schema.tables WHERE table_schema IN ({names}) ORDER BY 1"
    )
    bases = {str(name): str(options) for name, kind, options, _ in described if kind != "VIEW"}
    keyed, fulltext = _indexed(session, names)
    return Moved(
        schemas=frozenset(str(row[0]) for row in found),
        tables=tuple(catalog.selected(session, settings)),
        every=frozenset(bases),
        options=bases,
        collations=_collations(session, names),
        stored=_stored(session, names),
        foreign_keys=_foreign_keys(session, names),
        keyless=frozenset(bases) - keyed,
        fulltext=fulltext,
        broken=tuple(str(name) for name, kind, _, broken in described if kind == "VIEW" and broken),
        srids={} if is_mariadb else _srids(session, names),
        functions=_functions(session),
    )


def stored_names(names: str) -> str:
    """Return the query of all stored objects: kind, schema, name, definer, sql_mode, time zone."""
    return (
        "SELECT 'routine', routine_schema, routine_name, definer, sql_mode, '' FROM information_schema.routines"
        f" WHERE routine_schema IN ({names})"
        " UNION ALL SELECT 'view', table_schema, table_name, definer, '', '' FROM information_schema.views"
        f" WHERE table_schema IN ({names})"
        " UNION ALL SELECT 'trigger', trigger_schema, trigger_name, definer, sql_mode, ''"
        f" FROM information_schema.triggers WHERE trigger_schema IN ({names})"
        " UNION ALL SELECT 'event', event_schema, event_name, definer, sql_mode, time_zone"
        f" FROM information_schema.events WHERE event_schema IN ({names})"
    )


def _stored(session: Session, names: str) -> tuple[Stored, ...]:
    return tuple(
        Stored(kind=kind, schema=schema, name=name, definer=definer, sql_mode=mode, time_zone=zone)
        for kind, schema, name, definer, mode, zone in (
            tuple(str(value) for value in row) for row in session.rows(stored_names(names))
        )
    )


def _indexed(session: Session, names: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the tables with a primary key, and those with a FULLTEXT index."""
    rows = session.rows(
        "SELECT DISTINCT CONCAT(table_schema, '.', table_name), index_name = 'PRIMARY', index_type = 'FULLTEXT'"
        f" FROM information_schema.statistics WHERE table_schema IN ({names})"
    )
    return (
        frozenset(str(name) for name, primary, _ in rows if primary),
        frozenset(str(name) for name, _, fulltext in rows if fulltext),
    )


def _foreign_keys(session: Session, names: str) -> tuple[ForeignKey, ...]:
    rows = session.rows(
        "SELECT constraint_name, CONCAT(constraint_schema, '.', table_name),"
        " CONCAT(unique_constraint_schema, '.', referenced_table_name), unique_constraint_name IS NOT NULL"
        f" FROM information_schema.referential_constraints WHERE constraint_schema IN ({names})"
    )
    return tuple(
        ForeignKey(name=str(name), child=str(child), parent=str(parent), to_unique=bool(unique))
        for name, child, parent, unique in rows
    )


def _collations(session: Session, names: str) -> frozenset[str]:
    rows = session.rows(
        f"SELECT default_collation_name FROM information_schema.schemata WHERE schema_name IN ({names})"
        f" UNION SELECT table_collation FROM information_schema.tables WHERE table_schema IN ({names})"
        f" UNION SELECT collation_name FROM information_schema.columns WHERE table_schema IN ({names})"
    )
    return frozenset(str(row[0]) for row in rows if row[0])


def _srids(session: Session, names: str) -> dict[int, str]:
    rows = session.rows(
        "SELECT srs_id, MIN(CONCAT(table_schema, '.', table_name)) FROM information_schema.st_geometry_columns"
        f" WHERE table_schema IN ({names}) AND srs_id IS NOT NULL GROUP BY srs_id"
    )
    return {int(srid): str(table) for srid, table in rows}


def _functions(session: Session) -> tuple[str, ...]:
    """Return the functions that were loaded from libraries; none where they may not be listed."""
    return tuple(str(row[0]) for row in readable(session, "SELECT name FROM mysql.func ORDER BY 1") or ())
