"""The target compared with the manifest: digests, definitions and objects."""

from __future__ import annotations

from collections.abc import Mapping

from wkms_migrate.clients.mysql import Session
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import digest, objects, schema, servers, verify
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.dump_manifest import stem
from wkms_migrate.phases.mysql.load_definitions import wanted_definition
from wkms_migrate.phases.mysql.load_job import ChunkJob, Load
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.plan import StepRun


def compare(run: StepRun, load: Load, before: Mapping[str, Json]) -> Mapping[str, Json]:
    """State a comparison for every table and kind of object. `before` has the digest of tables that had rows."""
    with servers.Pool(lambda: servers.target(run.context)) as targets:
        with targets.session() as target:
            _compare_definitions(run, target, load)
            _compare_objects(run, target, load)

        def read(job: ChunkJob) -> Digest:
            with targets.session() as target:
                return digest.read(target, job.table, job.where)

        jobs = list(load.jobs())
        found = dict.fromkeys((job.table.id for job in jobs), Digest())
        for job, part in zip(jobs, each(run, workers_of(run, load.settings.workers), read, jobs), strict=True):
            found[job.table.id] += part
    for dumped in load.tables:
        table = load.on_target(dumped)
        base = before.get(stem(table))
        added = found[table.id] - (Digest.from_json(base) if base else Digest())
        run.verified(table.id, "rows", dumped.rows, added.rows)
        run.verified(table.id, "digest", dumped.content, added)
    return {"verified_tables": len(load.tables)}


def _compare_definitions(run: StepRun, target: Session, load: Load) -> None:
    for dumped in load.tables:
        run.check_stop()
        table = load.on_target(dumped)
        there = schema.existing(target, table)
        wanted = wanted_definition(load, dumped).comparable()
        found = there.comparable() if there else "(not there)"
        run.verified(table.id, "definition", *verify.difference(wanted, found))


def _compare_objects(run: StepRun, target: Session, load: Load) -> None:
    """Compare by name. With `append` the target may hold more than the dump."""
    for one in load.schemas:
        name = load.target_schema(one.name)
        for kind in objects.KINDS:
            ours = {found.name for found in load.objects if (found.kind, found.schema) == (kind, one.name)}
            theirs = set(objects.names(target, kind, name))
            present = theirs & ours if load.is_append else theirs
            if ours or present:
                run.verified(name, f"{kind.lower()}s", ", ".join(sorted(ours)), ", ".join(sorted(present)))
