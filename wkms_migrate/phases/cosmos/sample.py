"""How much a container will be in its table, by the first page of one of its ranges."""

from __future__ import annotations

from wkms_migrate.clients.azure_cosmos import Database, Page
from wkms_migrate.phases.cosmos.items import UnmappableError
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.pack import Packer
from wkms_migrate.phases.cosmos.paths import Size
from wkms_migrate.phases.cosmos.weights import Weights
from wkms_migrate.plan import StepRun


def size(run: StepRun, work: Job, database: Database) -> Size:
    """Return what all items weigh, and what reading them takes, if all are as those of the first page."""
    weights = Weights(work.mapping.keys.names, work.rules)
    for feed_range in database.feed_ranges(work.name):
        for page in database.changes(work.feed(run, feed_range), None, run.stopping):
            _weigh(weights, Packer(work.mapping), page)
            break
        if weights.seen:
            break
    return weights.size(database.count(work.name))


def _weigh(weights: Weights, packer: Packer, page: Page) -> None:
    weights.charge += page.charge
    for document in page.documents:
        weights.seen += 1
        try:
            packed = packer.pack(document)
        except UnmappableError:
            continue
        weights.add([*(packed.mapped.parts if packed.mapped else ()), packed.json])
