"""Looks at containers before anything is copied: what they hold, and what they have beside their items."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from wkms_migrate.clients import cosmos_lookup
from wkms_migrate.clients.azure_cosmos import Container, Database, Page
from wkms_migrate.clients.cosmos_lookup import Script
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.cosmos import choice, job, paths
from wkms_migrate.phases.cosmos.items import ItemMap
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.paths import Estimate, Size
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.phases.cosmos.survey import Survey
from wkms_migrate.phases.cosmos.weights import Weights
from wkms_migrate.plan import Context, Step, StepRun

ALL: Final = 0  # as a number of items to read: every one


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A container, what was seen of its items, and its programs. `total` is the number of its items.

    `costs` is what reading it and each way to write it takes.
    """

    container: Container
    mapping: ItemMap
    total: int
    survey: Survey
    scripts: list[Script]
    costs: list[Estimate]

    @property
    def whole(self) -> bool:
        """Whether every item was seen."""
        return self.survey.items >= self.total

    def estimate(self, seen: float) -> int:
        """Return what was summed up over the items seen, for all of them."""
        return round(seen * self.total / self.survey.items) if self.survey.items else 0


def inspected(run: StepRun, names: Sequence[str], most: int) -> Iterator[Inspected]:
    """Yield each chosen container with at most so many of its items seen, spread over its ranges."""
    with job.source(run) as database:
        for work in chosen(run.context, database, names):
            total = database.count(work.name)
            survey = _survey(run, database, work, most)
            yield Inspected(
                container=work.container,
                mapping=work.mapping,
                total=total,
                survey=survey,
                scripts=cosmos_lookup.scripts(database, work.name),
                costs=_costs(run, database, work, survey.weights.size(total)),
            )


def _survey(run: StepRun, database: Database, work: Job, most: int) -> Survey:
    survey = Survey(Weights(work.mapping.keys.names, work.rules))
    now = time.time()
    for page in pages(run, database, work, most):
        survey.weights.charge += page.charge
        for document in page.items:
            survey.add(document, work.mapping, now)
    return survey


def _costs(run: StepRun, database: Database, work: Job, size: Size) -> list[Estimate]:
    """Return what reading and each way to write takes; whether there is a table nobody has looked."""
    staged = run.context.section(CosmosSettings).staging_bucket is not None
    table = paths.Table(is_there=None, staged=staged, rate=job.planned_rate(run))
    return [paths.reading(size, job.reading_rate(run, database, work.name)), *paths.estimates(size, table)]


def chosen(context: Context, database: Database, names: Sequence[str]) -> list[Job]:
    """Return the work on the containers of these names; on all that are configured where none is named."""
    works = list(choice.jobs(context, database.containers()))
    known = {work.name for work in works}
    if unknown := sorted(set(names) - known):
        raise ConfigError(
            f"There is no container {', '.join(unknown)} to work on.",
            hint=f"The database has, and the configuration takes: {', '.join(sorted(known)) or 'none'}.",
        )
    return [work for work in works if not names or work.name in names]


def pages(run: StepRun, database: Database, work: Job, most: int) -> Iterator[Page]:
    """Yield pages from the beginning of each range, until each has given its share of so many."""
    budget = job.reading_budget(run, database, work.name)
    ranges = database.feed_ranges(work.name)
    quota = -(-most // len(ranges))
    for feed_range in ranges:
        feed = work.feed(run, feed_range)
        feed = replace(feed, page_size=min(feed.page_size, quota)) if quota else feed
        given = 0
        for page in database.changes(feed, None, run.stopping):
            run.check_stop()
            yield page
            budget.spend(page.charge)
            given += len(page.documents)
            if quota and given >= quota:
                break


def looking(context: Context) -> StepRun:
    """Return what a step sees, for a command that looks and states nothing."""
    step = Step(id="cosmos/look", summary="Look", run=lambda _: None)
    return StepRun(context, step, lambda _: None, threading.Event(), {})


def indexing(container: Container) -> Mapping[str, Any]:
    """Return the container's policies that have no counterpart by themselves, by what they are, where there are any."""
    properties = container.properties
    policy = properties.get("indexingPolicy", {})
    found = {
        "unique keys": [one["paths"] for one in properties.get("uniqueKeyPolicy", {}).get("uniqueKeys", ())],
        "composite indexes": [
            [f"{part['path']} {part.get('order', 'ascending')}" for part in one]
            for one in policy.get("compositeIndexes", ())
        ],
        "spatial indexes": [one["path"] for one in policy.get("spatialIndexes", ())],
        "full-text paths": [one["path"] for one in properties.get("fullTextPolicy", {}).get("fullTextPaths", ())],
        "vectors": [
            f"{one['path']} {one.get('dataType', 'float32')} {one['dimensions']} {one.get('distanceFunction', '')}"
            for one in properties.get("vectorEmbeddingPolicy", {}).get("vectorEmbeddings", ())
        ],
        "encrypted paths": [
            one["path"] for one in properties.get("clientEncryptionPolicy", {}).get("includedPaths", ())
        ],
    }
    return {name: held for name, held in found.items() if held}
