"""What preflight rules judge: both servers and what moves, read once, with few queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import moved, server_state
from wkms_migrate.phases.mysql.catalog import literals
from wkms_migrate.phases.mysql.moved import Moved
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.settings import MysqlSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everything the rules may look at. `target` is None while it cannot be reached.

    `connections` is how many the copy opens at each end; `present` counts objects in schemas of the target.
    """

    settings: MysqlSettings
    source: Server
    target: Server | None
    moved: Moved
    connections: int = 5
    present: Mapping[str, int] = field(default_factory=dict)
    target_triggers: int = 0

    def on_target(self, schema: str) -> str:
        """Return what a schema of the source is called on the target."""
        return self.settings.rename.get(schema, schema)

    @property
    def target_schemas(self) -> list[str]:
        """The names of the schemas on the target."""
        return [self.on_target(schema) for schema in self.settings.schemas]


def take(source: Session, target: Session | None, settings: MysqlSettings, *, connections: int = 5) -> Survey:
    """Read both servers, or the source alone. Changes nothing."""
    found = server_state.read(source)
    moving = moved.read(source, settings, is_mariadb=found.is_mariadb)
    partial = Survey(settings=settings, source=found, target=None, moved=moving, connections=connections)
    return partial if target is None else _with_target(partial, target)


def _with_target(survey: Survey, target: Session) -> Survey:
    names = literals(target, survey.target_schemas)
    return Survey(
        settings=survey.settings,
        source=survey.source,
        target=server_state.read(target, survey.moved.srids),
        moved=survey.moved,
        connections=survey.connections,
        present=_present(target, names),
        target_triggers=_triggers(target, names),
    )


def _present(session: Session, names: str) -> dict[str, int]:
    counted = session.rows(
        f"SELECT s, COUNT(*) FROM (SELECT table_schema AS s FROM information_schema.tables"
        f" WHERE table_schema IN ({names})"
        f" UNION ALL SELECT routine_schema FROM information_schema.routines WHERE routine_schema IN ({names})"
        f" UNION ALL SELECT event_schema FROM information_schema.events WHERE event_schema IN ({names})) t GROUP BY s"
    )
    return {str(schema): int(count) for schema, count in counted}


def _triggers(session: Session, names: str) -> int:
    return int(session.value(f"SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema IN ({names})"))
