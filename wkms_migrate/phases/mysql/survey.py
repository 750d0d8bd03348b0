"""What preflight rules judge: both servers and what moves, read once, with few queries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import catalog
from wkms_migrate.phases.mysql.catalog import Table, literals
from wkms_migrate.phases.mysql.grants import Grants, read_grants
from wkms_migrate.phases.mysql.settings import MysqlSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server: version as numbers, global variables by lower-case name, rights of our account."""

    version: tuple[int, ...]
    is_mariadb: bool
    variables: Mapping[str, str]
    grants: Grants
    collations: frozenset[str]

    def on(self, name: str) -> bool:
        """Whether a variable is switched on."""
        return self.variables.get(name, "").upper() in {"ON", "1", "YES", "TRUE"}

    def number(self, name: str) -> int:
        """Return a variable as a number, 0 when the server has none of that name."""
        text = self.variables.get(name, "0")
        return int(text) if text.isdigit() else 0

    def modes(self) -> set[str]:
        """Return the parts of the global sql_mode."""
        return {mode for mode in self.variables.get("sql_mode", "").split(",") if mode}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everything the rules may look at. `present` counts objects in target schemas; names are lower-case ids."""

    settings: MysqlSettings
    source: Server
    target: Server
    schemas: frozenset[str]
    tables: tuple[Table, ...]
    collations: frozenset[str]
    objects: Mapping[str, int] = field(default_factory=dict)
    present: Mapping[str, int] = field(default_factory=dict)
    target_triggers: int = 0


def take(source: Session, target: Session, settings: MysqlSettings) -> Survey:
    """Read both servers. Changes nothing."""
    names = literals(source, settings.schemas)
    found = source.rows(f"SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ({names})")
    return Survey(
        settings=settings,
        source=_server(source),
        target=_server(target),
        schemas=frozenset(str(row[0]) for row in found),
        tables=tuple(catalog.tables(source, settings.schemas)),
        collations=_collations(source, names),
        objects=_objects(source, names),
        present=_present(target, settings.schemas),
        target_triggers=_objects(target, names)["trigger"],
    )


def _server(session: Session) -> Server:
    text = str(session.value("SELECT VERSION()"))
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    variables = session.rows("SHOW GLOBAL VARIABLES")
    return Server(
        version=tuple(int(part) for part in numbers.groups()) if numbers else (),
        is_mariadb="mariadb" in text.lower(),
        variables={str(name).lower(): str(value) for name, value in variables},
        grants=read_grants(session),
        collations=frozenset(str(row[0]) for row in session.rows("SHOW COLLATION")),
    )


def _collations(session: Session, names: str) -> frozenset[str]:
    rows = session.rows(
        f"SELECT default_collation_name FROM information_schema.schemata WHERE schema_name IN ({names})"
        f" UNION SELECT table_collation FROM information_schema.tables WHERE table_schema IN ({names})"
        f" UNION SELECT collation_name FROM information_schema.columns WHERE table_schema IN ({names})"
    )
    return frozenset(str(row[0]) for row in rows if row[0])


def _objects(session: Session, names: str) -> dict[str, int]:
    counted = session.rows(
        f"SELECT 'routine', COUNT(*) FROM information_schema.routines WHERE routine_schema IN ({names})"
        f" UNION ALL SELECT 'view', COUNT(*) FROM information_schema.views WHERE table_schema IN ({names})"
        f" UNION ALL SELECT 'trigger', COUNT(*) FROM information_schema.triggers WHERE trigger_schema IN ({names})"
        f" UNION ALL SELECT 'event', COUNT(*) FROM information_schema.events WHERE event_schema IN ({names})"
    )
    return {str(kind): int(count) for kind, count in counted}


def _present(session: Session, schemas: Sequence[str]) -> dict[str, int]:
    names = literals(session, schemas)
    counted = session.rows(
        f"SELECT s, COUNT(*) FROM (SELECT table_schema AS s FROM information_schema.tables"
        f" WHERE table_schema IN ({names})"
        f" UNION ALL SELECT routine_schema FROM information_schema.routines WHERE routine_schema IN ({names})"
        f" UNION ALL SELECT event_schema FROM information_schema.events WHERE event_schema IN ({names})) t GROUP BY s"
    )
    return {str(schema): int(count) for schema, count in counted}
