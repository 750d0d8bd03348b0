"""The target compared with the manifest: digests, definitions and objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, digest, fidelity, objects, servers, shape
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.dump_manifest import stem
from wkms_migrate.phases.mysql.load_job import ChunkJob, Load
from wkms_migrate.phases.mysql.objects import DEFINER, EVENT_STATE, StoredObject
from wkms_migrate.phases.mysql.parallel import each, workers_of
from wkms_migrate.phases.mysql.translation import Translation
from wkms_migrate.plan import StepRun


@dataclass(frozen=True, slots=True)
class Before:
    """What earlier steps said: digests of tables that had rows, by stem, and objects that were not made, by id."""

    rows: Mapping[str, Json]
    left: Mapping[str, Json]


def compare(run: StepRun, load: Load, before: Before) -> Mapping[str, Json]:
    """State a comparison for every table and object."""
    with servers.Pool(lambda: servers.target(run.context)) as targets:
        with targets.session() as target:
            words = load.words(target)
            _compare_definitions(run, target, load, words)
            _compare_objects(run, target, load, words, before.left)
        found = _digests(run, targets, load)
    for dumped in load.tables:
        table = load.table(dumped)
        base = before.rows.get(stem(table))
        added = found[table.on_target.id] - (Digest.from_json(base) if base else Digest())
        run.verified(table.on_target.id, "rows", dumped.rows, added.rows)
        wanted = digest.total(chunk.landed(json_is_text=words.to_mariadb) for chunk in dumped.chunks)
        run.verified(table.on_target.id, "digest", wanted, added)
    return {"verified_tables": len(load.tables)}


def _digests(run: StepRun, targets: servers.Pool, load: Load) -> dict[str, Digest]:
    """Return the digest of each table on the target, computed by the dump's own ranges."""

    def read(job: ChunkJob) -> Digest:
        with targets.session() as target:
            return digest.read(target, job.table, job.where)

    jobs = list(load.jobs())
    found = dict.fromkeys((job.table.id for job in jobs), Digest())
    for job, part in zip(jobs, each(run, workers_of(run, load.settings.workers), read, jobs), strict=True):
        found[job.table.id] += part
    return found


def _compare_definitions(run: StepRun, target: Session, load: Load, words: Translation) -> None:
    if not words.same_words:
        run.finding(
            "mysql-definitions-unlike",
            "The target prints definitions in other words than the dumped server: their text was not compared.",
            hint="`wkms-migrate mysql diff` compares them while both servers are there.",
        )
        return
    known, shown = shape.there(target), load.shown()
    tables = [load.table(dumped) for dumped in load.tables]
    there = [table.on_target for table in tables if shape.name(table.on_target) in known]
    found = catalog.definitions(target, there)
    for table in tables:
        run.check_stop()
        meant = words.table(shown[table.id], table.schema)
        wanted = shape.with_parents(meant, table.on_target.schema, known).comparable()
        present = found[table.on_target.id].comparable() if table.on_target.id in found else "(not there)"
        run.verified(table.on_target.id, "definition", *fidelity.difference(wanted, present))


def _compare_objects(run: StepRun, target: Session, load: Load, words: Translation, left: Mapping[str, Json]) -> None:
    """Compare names, and texts where both servers print alike. With `append` the target may hold more."""
    wanted = {_place(one): one for one in (objects.words_of(one, words) for one in load.objects if one.id not in left)}
    schemas = sorted({words.schema(one.name) for one in load.schemas})
    found = {_place(one): one for one in objects.read(target, schemas, full_names=True)}
    for place in sorted(wanted.keys() | found.keys()):
        if place in wanted or not load.is_append:
            here = [_text(ones.get(place), words) for ones in (wanted, found)]
            run.verified(" ".join(place), "definition", *fidelity.difference(*here))


def _place(one: StoredObject) -> tuple[str, str]:
    return one.kind.lower(), f"{one.schema}.{one.name}".lower()


def _text(one: StoredObject | None, words: Translation) -> str:
    """Return what two objects must have in common: all but whose they are and whether an event sleeps."""
    if one is None:
        return "(not there)"
    if not words.same_version:
        return "there"
    return EVENT_STATE.sub(r"\1", DEFINER.sub("", one.create, count=1), count=1) + f"\n(sql_mode {one.sql_mode})"
