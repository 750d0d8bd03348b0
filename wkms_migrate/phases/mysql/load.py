"""`mysql load`: brings a dump into the target, exactly, and proves it against the dump's own digests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wkms_migrate.clients import target_database
from wkms_migrate.clients.mysql import Session
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import (
    backup,
    catalog,
    dump_file,
    dump_manifest,
    dump_store,
    load_definitions,
    load_users,
    load_verify,
    servers,
)
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.dump_manifest import DumpedChunk, Manifest
from wkms_migrate.phases.mysql.load_job import Load
from wkms_migrate.phases.mysql.load_rows import RowsLoad
from wkms_migrate.phases.mysql.load_verify import Before
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.patience import Work, patient, patient_once_met
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import Context, Phase, Step, StepRun, digest_of

NAME = "mysql-load"

StepWork = Work[Mapping[str, Json]]


def phase(place: str, schemas: Sequence[str] = ()) -> Phase:
    """Return the phase that loads the dump in a folder or under an S3 prefix; `schemas` limits it to some."""

    def plan(context: Context) -> Iterator[Step]:
        with dump_store.opened(place, context) as store:
            manifest = dump_manifest.read(store)
        names = _names(place, manifest, schemas)
        settings = context.section(MysqlSettings).model_copy(update={"schemas": names, "where": {}})
        yield from _steps(context, Load(place, manifest, settings))

    return Phase(
        name=NAME, summary="Load a dump into the target", plan=plan, settings=MysqlSettings, needs=("provision",)
    )


def _names(place: str, manifest: Manifest, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the schemas to take as the dump calls them, all of it when none is chosen."""
    there = {one.name.lower(): one.name for one in manifest.schemas}
    if missing := [name for name in chosen if name.lower() not in there]:
        raise Refused(f"The dump in {place} has no schema {missing[0]}.", hint=f"It has: {', '.join(there.values())}.")
    return tuple(there[name.lower()] for name in chosen) or tuple(there.values())


def _steps(context: Context, load: Load) -> Iterator[Step]:
    settings = load.settings
    digest = digest_of(
        load.manifest.id,
        settings.schemas,
        settings.include,
        settings.exclude,
        settings.rename,
        settings.on_existing,
        target_database.name(context),
    )
    rows = sum(table.rows for table in load.tables)
    where = load.place
    work: list[tuple[str, str, StepWork]] = [
        ("check", f"Check {where} and the target", patient_once_met(lambda run: _check(run, load), servers.target)),
        (
            "tables",
            f"Make {counted(len(load.tables), 'table')}",
            _waiting(lambda run: load_definitions.tables(run, load)),
        ),
        ("rows", f"Load {counted(rows, 'row')} from {where}", lambda run: _rows(run, load)),
        ("indexes", "Add indexes and foreign keys", _waiting(lambda run: load_definitions.additions(run, load))),
        (
            "objects",
            f"Make {counted(len(load.objects), 'object')}",
            _waiting(lambda run: load_definitions.stored_objects(run, load)),
        ),
        ("verify", "Compare the target with the dump", _waiting(lambda run: _verify(run, load))),
    ]
    if load.has_users:
        work.insert(
            5, ("grants", "Grant accounts and roles what they had", _waiting(lambda run: load_users.grant(run, load)))
        )
        work.insert(4, ("users", "Make accounts and roles", _waiting(lambda run: load_users.make(run, load))))
    if settings.on_existing == "replace":
        names = [load.target_schema(one.name) for one in load.schemas]
        work.insert(1, ("backup", "Back up what the target has", _waiting(lambda run: backup.back_up(run, names))))
    for stage, (what, summary, run) in enumerate(work):
        yield Step(id=f"{NAME}/{what}", summary=summary, run=run, digest=digest, stage=stage)


def _waiting(work: StepWork) -> StepWork:
    return patient(work, servers.target)


def _check(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Raise `Refused` for what stands in the way: files that are not there, a target that holds something."""
    chunks = [chunk for table in load.tables for chunk in table.chunks]

    def check_file(chunk: DumpedChunk) -> None:
        size = store.size(chunk.file)
        if size != chunk.size:
            raise dump_file.damaged(chunk.file, "it is not there" if size is None else f"it has {size:,} bytes")

    with servers.target(run.context) as target:
        _check_target(target, load)
    with dump_store.opened(load.place, run.context) as store:
        each(run, workers_of(run, load.settings.workers), check_file, chunks)
    return {"dump_id": load.manifest.id, "files": len(chunks)}


def _check_target(target: Session, load: Load) -> None:
    if not int(target.value("SELECT @@GLOBAL.local_infile")):
        raise Refused(
            f"{target.name} takes no LOAD DATA LOCAL.",
            hint="Set local_infile to 1 in its parameter group: aws rds modify-db-parameter-group …",
        )
    if load.settings.on_existing != "refuse":
        return
    names = catalog.literals(target, [load.target_schema(one.name) for one in load.schemas])
    for what, many in (("table", "tables and views"), ("routine", "routines"), ("event", "events")):
        column = f"{what}_schema"
        found = (
            target.rows(
                f"SELECT {column}, COUNT(*) FROM information_schema.{what}s WHERE {column} IN ({names})"
                f" GROUP BY {column}"
            )
            if names
            else []
        )
        if found:
            raise Refused(
                f"Schema {found[0][0]} on the target has {counted(found[0][1], what, many)} already.",
                hint="Load with --on-existing append or replace, or under another name with --rename OLD=NEW.",
            )


def _rows(run: StepRun, load: Load) -> Mapping[str, Json]:
    jobs = list(load.jobs())
    with (
        dump_store.opened(load.place, run.context) as store,
        servers.Pool(lambda: servers.target(run.context)) as targets,
    ):
        rows = RowsLoad(run, store, targets, load)
        bases = each(run, workers_of(run, load.settings.workers), rows.chunk, jobs)
    before = dict.fromkeys((dump_manifest.stem(job.table) for job in jobs), Digest())
    for job, base in zip(jobs, bases, strict=True):
        before[dump_manifest.stem(job.table)] += base
    return {
        "rows": sum(job.chunk.rows for job in jobs),
        "before": {k: d.to_json() for k, d in before.items() if d.rows},
    }


def _verify(run: StepRun, load: Load) -> Mapping[str, Json]:
    before = Before(run.context.output(NAME, "before"), run.context.output(NAME, "objects_left"))
    if load.has_users:
        with servers.target(run.context) as target:
            load_users.compare(run, target, load, run.context.output(NAME, "grants_refused"))
    return load_verify.compare(run, load, before)
