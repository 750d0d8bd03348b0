"""Copies one container: pages are read on lanes, packed, and written on other lanes, with no wait in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from wkms_migrate.clients.azure_cosmos import Database
from wkms_migrate.clients.dynamodb import Dynamo
from wkms_migrate.clients.dynamodb_write import Sender, Writer, put_request
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import existing, feed, job, policies, read, tally
from wkms_migrate.phases.cosmos.bodies import Bodies
from wkms_migrate.phases.cosmos.dead import DeadLetters
from wkms_migrate.phases.cosmos.items import UnmappableError
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.landing import Landing
from wkms_migrate.phases.cosmos.lanes import Entry, Key, Lanes
from wkms_migrate.phases.cosmos.pack import Packed, Packer, document_of
from wkms_migrate.phases.cosmos.read import Part, Reading, Source
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.phases.cosmos.tally import Tally
from wkms_migrate.plan import StepRun

BEGUN: Final = "begun"  # the cursor that says: the table was looked at, and these are the pieces


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """Copy a container to its table. Returns what was done under `copied/<container>`."""
    table = work.table(run.context)
    with ExitStack() as stack:
        dynamo = stack.enter_context(job.target(run))
        existing.check(dynamo.define(table), work)
        target = _target(run, work, dynamo, table, stack)
        if BEGUN not in run.cursors:
            existing.make_room(run, dynamo, target.writer, table, work)
            target.letters.clear()
        whole = _copied(run, work, target)
    tally.state(run, work.name, whole)
    policies.state(run, work.container, work.rules)
    return {f"copied/{work.name}": {"items": whole.items, "dead": whole.dead, "table": table}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where items go: to the lanes by `sender`; parts by `writer` and bodies, which come first; or to dead letters."""

    sender: Sender
    writer: Writer
    bodies: Bodies
    letters: DeadLetters


def _target(run: StepRun, work: Job, dynamo: Dynamo, table: str, stack: ExitStack) -> _Target:
    lanes = job.workers_of(run)
    meter = job.writing_budget(run, dynamo, table)
    return _Target(
        sender=Sender(dynamo, table, lanes=lanes, meter=meter),
        writer=stack.enter_context(closing(Writer(dynamo, table, workers=lanes, meter=meter, stop=run.stopping))),
        bodies=stack.enter_context(closing(Bodies(dynamo, table, run.context.settings.aws, run.stopping))),
        letters=DeadLetters.of(run.context.run_dir, work.name),
    )


def _copied(run: StepRun, work: Job, target: _Target) -> Tally:
    """Read, pack and write everything from the saved places on. Returns what was done, earlier runs included."""
    workers = job.workers_of(run)
    with job.source(run) as database:
        begun = _begun(run, work, database)
        total = database.count(work.name)
        budget = job.reading_budget(run, database, work.name)
    saved = {piece: cursor for piece, cursor in run.cursors.items() if piece != BEGUN}
    known = {piece: Tally.from_json(cursor["tally"]) for piece, cursor in saved.items()}
    source = Source(container=work.container, page_size=run.context.section(CosmosSettings).page_size)
    reading = Reading(run, source, budget, read.saved(saved, begun))

    def tell(done: Tally) -> None:
        run.progress(done.items, max(total, done.items), "items", errors=done.dead, item=work.name)

    lanes = Lanes(target.sender, _key_of(work), lanes=workers, stop=run.stopping, failed=reading.stop)
    with Landing(run, reading, target.letters, known, tell, lanes.fail) as landing, lanes:
        copying = _Copying(work, target, lanes, landing)
        with ThreadPoolExecutor(workers, "read") as pool:
            readers = [pool.submit(copying.lane, reading) for _ in range(workers)]
        lanes.check()
        for reader in readers:
            reader.result()
    lanes.check()
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


@dataclass(frozen=True, slots=True)
class _Copying:
    """A copy under way: packs what is read and hands it to the lanes."""

    work: Job
    target: _Target
    lanes: Lanes
    landing: Landing

    def lane(self, reading: Reading) -> None:
        """Copy pages until nothing is left to read."""
        packer = Packer(self.work.mapping)
        try:
            for part in reading.lane():
                self._hand_over(part, packer)
        except BaseException as error:
            self.lanes.fail(error)
            raise

    def _hand_over(self, part: Part, packer: Packer) -> None:
        """Give a page to the lanes. Of items with the same key the last stays."""
        done = Tally()
        packed: dict[Key, tuple[Packed, msgspec.Raw]] = {}
        for document in part.page.documents if part.page else ():
            one = self._packed(document, packer, done)
            if one is not None:
                packed.pop(one.key, None)
                packed[one.key] = (one, document)
        done.items = len(packed)
        load = self.landing.expect(part, done, len(packed))
        self.lanes.put([Entry(key, put_request(one.json), document, load) for key, (one, document) in packed.items()])

    def _packed(self, document: msgspec.Raw, packer: Packer, done: Tally) -> Packed | None:
        """Pack a document and write what has to be there before its item; None when it is a dead letter."""
        try:
            packed = packer.pack(document)
        except UnmappableError as reason:
            self.target.letters.add([(document_of(bytes(document)), reason)])
            done.dead += 1
            return None
        if packed.mapped is not None:
            done.note(packed.mapped)
            if packed.mapped.object is not None:
                self.target.bodies.keep(packed.mapped.object)
            if packed.mapped.parts:
                self.target.writer.put(packed.mapped.parts)
        return packed
