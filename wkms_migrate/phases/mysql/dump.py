"""`mysql dump`: schemas at one point in time as files, which `mysql load` brings back. Also every backup we make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from wkms_migrate import __version__
from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import Refused, WkmsError
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import (
    catalog,
    converted,
    ddl,
    digest,
    dump_accounts,
    dump_manifest,
    dump_store,
    objects,
    servers,
    snapshot,
    throttle,
    translation,
)
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.dump_manifest import DumpedChunk, DumpedSchema, DumpedTable, Manifest
from wkms_migrate.phases.mysql.dump_rows import MIB, RowsDump
from wkms_migrate.phases.mysql.dump_store import Store
from wkms_migrate.phases.mysql.objects import StoredObject
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.snapshot import Snapshot
from wkms_migrate.plan import Context, Phase, Step, StepRun, digest_of

Side = Literal["source", "target"]
NAME = "mysql-dump"
RECORDED = (
    "schemas",
    "include",
    "exclude",
    "where",
    "chunk_mib",
    "users",
    "password_hashes",
)  # settings that decide what a dump holds


def phase(place: str, side: Side) -> Phase:
    """Return the phase that dumps one side into a folder or under an S3 prefix."""

    def plan(context: Context) -> Iterator[Step]:
        settings = context.section(MysqlSettings)
        server = context.settings.azure.mysql if side == "source" else context.settings.aws.mysql
        step = Step(
            id=f"{NAME}/dump",
            summary=f"Dump {', '.join(settings.schemas)} from the {side} into {place}",
            run=lambda run: _run(run, place, side),
            digest=digest_of(place, side, server.host, server.port, _recorded(settings)),
        )
        _check_free(context, step, place)
        yield step

    return Phase(name=NAME, summary="Dump MySQL schemas into files", plan=plan, settings=MysqlSettings)


def is_gone(place: str, context: Context) -> bool:
    """Say whether the journal knows this dump as done but its manifest is no longer there: it is to be made again."""
    state = context.state.steps.get(f"{NAME}/dump")
    return state is not None and state.status == "done" and not _is_dump(place, context)


def _is_dump(place: str, context: Context) -> bool:
    with dump_store.opened(place, context) as store:
        return store.get(dump_manifest.MANIFEST) is not None


def _check_free(context: Context, step: Step, place: str) -> None:
    """Raise `Refused` for a place that holds a dump of someone else: its files must not be mixed with ours."""
    state = context.state.steps.get(step.id)
    ours = state is not None and state.digest == step.digest
    if not ours and _is_dump(place, context):
        raise Refused(
            f"{place} holds a dump already, and another one than this.", hint="Choose another place, or empty it."
        )


def _run(run: StepRun, place: str, side: Side) -> Mapping[str, Json]:
    settings = run.context.section(MysqlSettings)
    connect = servers.source if side == "source" else servers.target
    with connect(run.context) as session:
        there = {schema.name.lower() for schema in _schemas(session, settings)}
    if missing := [name for name in settings.schemas if name.lower() not in there]:
        raise Refused(f"The {side} has no schema {missing[0]}.", hint="Correct --schema or phases.mysql.schemas.")
    with dump_store.opened(place, run.context) as store:
        return write(run, lambda: connect(run.context), settings, store)


def write(run: StepRun, connect: Callable[[], Session], settings: MysqlSettings, store: Store) -> Mapping[str, Json]:
    """Dump what the settings select, the manifest last. Files of an earlier attempt are kept where they still hold.

    Raises `WkmsError` when a definition changed meanwhile: then rows and definitions would not be of one moment.
    """
    workers = workers_of(run, settings.workers)
    store.prepare()
    with connect() as session:
        before = _shape(session, settings)
    with (
        snapshot.taken(
            lambda: _reader(connect),
            before.tables,
            connections=workers,
            tries=settings.snapshot_tries,
            lock_wait_seconds=settings.lock_wait_seconds,
            inconsistent=settings.inconsistent,
        ) as taken,
        throttle.throttled(run, settings, workers, connect) as pace,
    ):
        snapshot.told(run, taken)
        rows = RowsDump(run, taken, store, pace, settings.chunk_mib * MIB)
        files = _files(run, workers, rows, before.tables)
    with connect() as session:
        _check_unchanged(before, _shape(session, settings))
        people = dump_accounts.read(run, session, settings)
        manifest = replace(_manifest(session, settings, taken, before, files), roster=people)
    store.write(dump_manifest.MANIFEST, [manifest.encoded()])
    for table, changed in sorted(rows.converted.items()):
        converted.tell(run, table, changed)
    return {
        "dump": store.where,
        "dump_id": manifest.id,
        "dump_rows": sum(table.rows for table in manifest.tables),
        "dump_bytes": sum(chunk.size for table in manifest.tables for chunk in table.chunks),
    }


@dataclass(frozen=True, slots=True)
class _Shape:
    """Everything but rows."""

    schemas: tuple[DumpedSchema, ...]
    tables: tuple[Table, ...]
    definitions: Mapping[Table, str]
    objects: tuple[StoredObject, ...]


def _shape(session: Session, settings: MysqlSettings) -> _Shape:
    schemas = _schemas(session, settings)
    tables = catalog.selected(session, settings)
    shown = session.batch([f"SHOW CREATE TABLE {table.quoted}" for table in tables])
    return _Shape(
        schemas,
        tuple(tables),
        {table: str(records[0]["create table"]) for table, records in zip(tables, shown, strict=True)},
        tuple(objects.read(session, [schema.name for schema in schemas], full_names=True)),
    )


def _schemas(session: Session, settings: MysqlSettings) -> tuple[DumpedSchema, ...]:
    rows = session.rows(
        "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata"
        f" WHERE schema_name IN ({catalog.literals(session, settings.schemas)}) ORDER BY 1"
    )
    return tuple(DumpedSchema(name=row[0], charset=row[1], collation=row[2]) for row in rows)


def _reader(connect: Callable[[], Session]) -> Session:
    """Open a session whose transactions have a snapshot, which the sessions for loading have not."""
    session = connect()
    session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    return session


def _files(run: StepRun, workers: int, rows: RowsDump, tables: Sequence[Table]) -> dict[Table, list[DumpedChunk]]:
    jobs = [job for found in each(run, workers, rows.jobs, tables) for job in found]
    files: dict[Table, list[DumpedChunk]] = {table: [] for table in tables}
    for job, dumped in zip(jobs, each(run, workers, rows.chunk, jobs), strict=True):
        files[job.table].append(dumped)
    return files


def _check_unchanged(before: _Shape, after: _Shape) -> None:
    was, now = _comparable(before), _comparable(after)
    changed = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    if changed:
        raise WkmsError(
            f"Definitions changed while they were dumped: {', '.join(changed[:5])}.",
            hint="Run the same command again when nobody changes them: files that still hold are kept.",
        )


def _comparable(shape: _Shape) -> dict[str, object]:
    tables: dict[str, object] = {t.id: ddl.parse(text).comparable() for t, text in shape.definitions.items()}
    return tables | {one.id: one for one in shape.objects} | {f"schema {one.name}": one for one in shape.schemas}


def _manifest(
    session: Session, settings: MysqlSettings, taken: Snapshot, shape: _Shape, files: Mapping[Table, list[DumpedChunk]]
) -> Manifest:
    return Manifest(
        format=dump_manifest.FORMAT,
        tool=f"wkms-migrate {__version__}",
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=str(session.value("SELECT VERSION()")),
        collations=tuple(sorted(translation.known_collations(session))),
        snapshot={**taken.position.to_json(), "method": taken.method, "tries": taken.tries},
        settings=_recorded(settings),
        schemas=shape.schemas,
        tables=tuple(_table(table, shape.definitions[table], files[table]) for table in shape.tables),
        objects=shape.objects,
    )


def _table(table: Table, definition: str, dumped: list[DumpedChunk]) -> DumpedTable:
    content = digest.total(chunk.content for chunk in dumped)
    return DumpedTable(
        schema=table.schema,
        name=table.name,
        definition=definition,
        columns=table.columns,
        key=tuple(column.name for column in table.key),
        condition=table.condition,
        engine=table.engine,
        rows=content.rows,
        digest=str(content),
        chunks=tuple(dumped),
    )


def _recorded(settings: MysqlSettings) -> dict[str, Json]:
    return {name: value for name, value in settings.model_dump(mode="json").items() if name in RECORDED}
