"""What one `mysql load` is to bring in: a dump, and how the settings want it on the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import catalog, ddl, translation
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.ddl import TableDefinition
from wkms_migrate.phases.mysql.dump_manifest import DumpedChunk, DumpedSchema, DumpedTable, Manifest
from wkms_migrate.phases.mysql.objects import StoredObject
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.translation import Translation


@dataclass(frozen=True, slots=True)
class ChunkJob:
    """A file and the table on the target that its rows go to."""

    table: Table
    chunk: DumpedChunk

    @property
    def where(self) -> str:
        """The WHERE clause of the chunk's range on the target."""
        return self.chunk.range.where(self.table)


@dataclass(frozen=True, slots=True)
class Load:
    """The dump in `place` on its way to the target; `settings` name the schemas to take as the dump calls them."""

    place: str
    manifest: Manifest
    settings: MysqlSettings

    @property
    def schemas(self) -> list[DumpedSchema]:
        """The schemas to take."""
        return [one for one in self.manifest.schemas if one.name in self.settings.schemas]

    @property
    def tables(self) -> list[DumpedTable]:
        """The tables to take, the biggest first."""
        names = {schema.name for schema in self.schemas}
        return [
            one
            for one in self.manifest.tables
            if one.schema in names and catalog.is_selected(self.settings, f"{one.schema}.{one.name}")
        ]

    @property
    def objects(self) -> list[StoredObject]:
        """The objects to take."""
        names = {schema.name for schema in self.schemas}
        return [one for one in self.manifest.objects if one.schema in names]

    @property
    def has_users(self) -> bool:
        """Whether accounts are to be made."""
        return self.settings.users and bool(self.manifest.roster.accounts)

    @property
    def is_append(self) -> bool:
        """Whether rows are added to those that are there."""
        return self.settings.on_existing == "append"

    def target_schema(self, name: str) -> str:
        """Return what a schema is called on the target."""
        return catalog.on_target(self.settings, name)

    def table(self, dumped: DumpedTable) -> Table:
        """Return a table for the catalog."""
        return dumped.table(self.target_schema(dumped.schema))

    def shown(self) -> dict[str, TableDefinition]:
        """Return the tables' definitions on the source by id."""
        return {self.table(dumped).id: ddl.parse(dumped.definition) for dumped in self.tables}

    def words(self, target: Session) -> Translation:
        """Return what the definitions read like on the target."""
        return translation.onto(target, self.manifest.version, self.manifest.collations, self.settings)

    def jobs(self) -> Iterator[ChunkJob]:
        """Yield every chunk of every table."""
        for dumped in self.tables:
            table = self.table(dumped).on_target
            for chunk in dumped.chunks:
                yield ChunkJob(table, chunk)
