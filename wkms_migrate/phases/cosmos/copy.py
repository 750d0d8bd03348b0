"""Copies one container: its ranges at the same time, each page landed before its place in the feed is saved."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wkms_migrate import transfer
from wkms_migrate.clients.azure_cosmos import Database
from wkms_migrate.clients.dynamodb import Writer
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import existing, job, policies, tally
from wkms_migrate.phases.cosmos.dead import DeadLetters
from wkms_migrate.phases.cosmos.items import Document, Mapped, UnmappableError
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.phases.cosmos.tally import Tally
from wkms_migrate.plan import StepRun
from wkms_migrate.transfer import Batch, Budget

BEGUN: Final = "begun"  # the cursor that says: the table was looked at, and these are the ranges


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """Copy a container to its table. Returns what was done under `copied/<container>`."""
    settings = run.context.section(CosmosSettings)
    table = work.table(run.context)
    workers = job.workers_of(run)
    letters = DeadLetters(run.context.run_dir / "dead-letter" / f"cosmos-{work.name}.ndjson.gz")
    with job.source(run) as database, job.target(run) as dynamo:
        existing.check(dynamo.define(table), work)
        writer = Writer(
            dynamo, table, workers=workers, budget=Budget(settings.wcu_budget, run.stopping), stop=run.stopping
        )
        try:
            if BEGUN not in run.cursors:
                existing.make_room(run, dynamo, writer, table, work)
                letters.clear()
            ranges = _ranges(run, database, work)
            total = database.count(work.name)
            copying = _Copying(run, work, writer, letters, Budget(settings.ru_budget, run.stopping), ranges, total)
            tokens = {part: saved["token"] for part, saved in run.cursors.items() if part in ranges}
            transfer.copy(
                list(ranges),
                copying.read,
                copying.land,
                cursors=tokens,
                workers=workers,
                check_stop=run.check_stop,
            )
        finally:
            writer.close()
    whole = copying.whole
    tally.state(run, work.name, whole)
    policies.state(run, work.container)
    return {f"copied/{work.name}": {"items": whole.items, "dead": whole.dead, "table": table}}


def _ranges(run: StepRun, database: Database, work: Job) -> dict[str, dict[str, Any]]:
    """Return the feed ranges by label: those of the first run, for the cursors are theirs."""
    if BEGUN in run.cursors:
        found: list[dict[str, Any]] = run.cursors[BEGUN]["ranges"]
    else:
        found = database.feed_ranges(work.name)
        run.checkpoint({"ranges": found}, key=BEGUN)
    return {job.label_of(one): one for one in found}


@dataclass(slots=True)
class _Copying:
    """A copy under way: reads pages of a range, lands them, keeps count."""

    run: StepRun
    work: Job
    writer: Writer
    letters: DeadLetters
    budget: Budget
    ranges: Mapping[str, Mapping[str, Any]]
    total: int
    _tallies: dict[str, Tally] = field(init=False)
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        saved = self.run.cursors
        self._tallies = {
            part: Tally.from_json(saved[part]["tally"]) if part in saved else Tally() for part in self.ranges
        }

    @property
    def whole(self) -> Tally:
        """What was done to all ranges."""
        return tally.merged(self._tallies.values())

    def read(self, part: str, token: Json | None) -> Generator[Batch[Document]]:
        """Yield the pages of a range, with a client of its own."""
        feed = self.work.feed(self.run, self.ranges[part])
        with job.source(self.run) as database:
            for page in database.changes(feed, token, self.run.stopping):
                yield Batch(records=page.items, cursor=page.token)
                self.budget.spend(page.charge)

    def land(self, part: str, batch: Batch[Document]) -> None:
        """Write a page and its dead letters; then save its place in the feed."""
        mapped, dead = self._mapped(batch)
        self.writer.put(item.json for item in mapped.values())
        self.letters.add(dead)
        counts = self._tallies[part]
        counts.items += len(mapped)
        counts.dead += len(dead)
        for item in mapped.values():
            counts.note(item)
        self.run.checkpoint({"token": batch.cursor, "tally": counts.as_json()}, key=part)
        self._tell()

    def _mapped(
        self, batch: Batch[Document]
    ) -> tuple[dict[tuple[str, ...], Mapped], list[tuple[Document, UnmappableError]]]:
        """Map a page. Of items with the same key the last stays: a batch may not hold a key twice."""
        mapped: dict[tuple[str, ...], Mapped] = {}
        dead: list[tuple[Document, UnmappableError]] = []
        for document in batch.records:
            try:
                item = self.work.mapping.to_item(document)
            except UnmappableError as reason:
                dead.append((document, reason))
                continue
            mapped.pop(item.key, None)
            mapped[item.key] = item
        return mapped, dead

    def _tell(self) -> None:
        with self._telling:
            done = sum(one.items for one in self._tallies.values())
            errors = sum(one.dead for one in self._tallies.values())
            self.run.progress(done, max(self.total, done), "items", errors=errors, item=self.work.name)
