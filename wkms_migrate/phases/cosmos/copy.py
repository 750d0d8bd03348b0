"""Copies one container: pages are read on lanes, packed, and written on other lanes, with no wait in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from wkms_migrate.clients.azure_cosmos import Database
from wkms_migrate.clients.dynamodb import Dynamo
from wkms_migrate.clients.dynamodb_tables import Tables
from wkms_migrate.clients.dynamodb_write import Sender, Writer
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import existing, feed, import_table, job, policies, read, tally
from wkms_migrate.phases.cosmos.bodies import Bodies
from wkms_migrate.phases.cosmos.budget import UnitBudget
from wkms_migrate.phases.cosmos.dead import DeadLetters
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.landing import Landing
from wkms_migrate.phases.cosmos.lanes import Key, Lanes
from wkms_migrate.phases.cosmos.paths import Way
from wkms_migrate.phases.cosmos.pipeline import Pipeline, Sink
from wkms_migrate.phases.cosmos.read import Reading, Source
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.phases.cosmos.tally import Tally
from wkms_migrate.plan import StepRun

OpenSink: TypeAlias = Callable[[Callable[[], None]], Sink]  # given what to call when it fails
BEGUN: Final = "begun"  # the cursor that says: the table was looked at, and these are the pieces


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """Copy a container to its table. Returns what was done under `copied/<container>`."""
    way: Way = run.context.output("cosmos", f"table/{work.name}")["path"]
    with ExitStack() as stack:
        target = _target(run, work, stack)
        if way != "import":
            existing.check(target.dynamo.define(target.table), work)
        if BEGUN not in run.cursors:
            if way != "import":
                existing.make_room(run, target.dynamo, target.writer, target.table, work)
            target.letters.clear()
        if way == "batch":
            whole = _copied(run, work, target, partial(_lanes, run, work, target), target.writer.put)
        else:
            staging = stack.enter_context(import_table.opened(run, work))
            whole = _copied(run, work, target, staging.opened, staging.put_parts)
            import_table.load(run, work, Tables(target.dynamo, run.stopping), staging, way)
    tally.state(run, work.name, whole)
    policies.state(run, work.container, work.rules)
    return {f"copied/{work.name}": {"items": whole.items, "dead": whole.dead, "table": target.table}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where items go. `writer` and `bodies` take what has to be there before them, `letters` what cannot be brought."""

    dynamo: Dynamo
    table: str
    meter: UnitBudget
    writer: Writer
    bodies: Bodies
    letters: DeadLetters


def _target(run: StepRun, work: Job, stack: ExitStack) -> _Target:
    table = work.table(run.context)
    dynamo = stack.enter_context(job.target(run))
    meter = job.writing_budget(run, dynamo, table)
    writer = Writer(dynamo, table, workers=job.workers_of(run), meter=meter, stop=run.stopping)
    return _Target(
        dynamo=dynamo,
        table=table,
        meter=meter,
        writer=stack.enter_context(closing(writer)),
        bodies=stack.enter_context(closing(Bodies(dynamo, table, run.context.settings.aws, run.stopping))),
        letters=DeadLetters.of(run.context.run_dir, work.name),
    )


def _lanes(run: StepRun, work: Job, target: _Target, failed: Callable[[], None]) -> Lanes:
    count = job.workers_of(run)
    sender = Sender(target.dynamo, target.table, lanes=count, meter=target.meter)
    return Lanes(sender, _key_of(work), lanes=count, stop=run.stopping, failed=failed)


def _copied(
    run: StepRun, work: Job, target: _Target, open_sink: OpenSink, put_parts: Callable[[Sequence[bytes]], None]
) -> Tally:
    """Read, pack and write everything from the saved places on. Returns what was done, earlier runs included."""
    workers = job.workers_of(run)
    with job.source(run) as database:
        begun = _begun(run, work, database)
        total = database.count(work.name)
        budget = job.reading_budget(run, database, work.name)
    saved = {piece: cursor for piece, cursor in run.cursors.items() if piece not in (BEGUN, import_table.LOAD)}
    known = {piece: Tally.from_json(cursor["tally"]) for piece, cursor in saved.items()}
    source = Source(container=work.container, page_size=run.context.section(CosmosSettings).page_size)
    reading = Reading(run, source, budget, read.saved(saved, begun))

    def tell(done: Tally) -> None:
        run.progress(done.items, max(total, done.items), "items", errors=done.dead, item=work.name)

    sink = open_sink(reading.stop)
    with Landing(run, reading, target.letters, known, tell, sink.fail) as landing, sink:
        pipeline = Pipeline(work.mapping, sink, landing, target.letters, target.bodies, put_parts)
        with ThreadPoolExecutor(workers, "read") as pool:
            readers = [pool.submit(pipeline.lane, reading) for _ in range(workers)]
        sink.check()
        for reader in readers:
            reader.result()
    sink.check()
    return landing.whole


def _begun(run: StepRun, work: Job, database: Database) -> dict[str, str | None]:
    """Return the pieces that the first run began with, for the saved places are theirs."""
    if BEGUN in run.cursors:
        return dict.fromkeys(run.cursors[BEGUN]["pieces"])
    origin = feed.origin(database, work.container)  # first of all: what is deleted from now on is found there
    found = read.pieces(database, work.container, job.workers_of(run))
    run.checkpoint({"pieces": list(found), "origin": origin}, key=BEGUN)
    return found


def _key_of(work: Job) -> Callable[[dict[str, Any]], Key]:
    """Return how the key of a request that came back is found."""
    attributes = work.mapping.keys.attributes

    def key_of(request: dict[str, Any]) -> Key:
        item = request["PutRequest"]["Item"]
        return tuple(item[one.name][one.kind] for one in attributes)

    return key_of
