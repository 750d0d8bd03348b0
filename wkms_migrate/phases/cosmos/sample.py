"""How much a container will be in its table, by the first page of one of its ranges."""

from __future__ import annotations

import orjson

from wkms_migrate.clients.azure_cosmos import Database, Page
from wkms_migrate.phases.cosmos.items import UnmappableError
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.pack import Packer
from wkms_migrate.phases.cosmos.paths import UNIT_BYTES, Size
from wkms_migrate.phases.cosmos.size import item_bytes
from wkms_migrate.plan import StepRun


def size(run: StepRun, work: Job, database: Database) -> Size:
    """Return the number of items, and their bytes and write units as those of the first page have them."""
    total = database.count(work.name)
    packer = Packer(work.mapping)
    sizes: list[int] = []
    for feed_range in database.feed_ranges(work.name):
        for page in database.changes(work.feed(run, feed_range), None, run.stopping):
            sizes += _sizes(packer, page)
            break
        if sizes:
            break
    seen = max(1, len(sizes))
    return Size(
        items=total,
        bytes=total * sum(sizes) // seen,
        units=total * sum(-(-one // UNIT_BYTES) for one in sizes) // seen,
        indexes=len(work.rules.indexes) if work.rules else 0,
    )


def _sizes(packer: Packer, page: Page) -> list[int]:
    found: list[int] = []
    for document in page.documents:
        try:
            found.append(item_bytes(orjson.loads(packer.pack(document).json)))
        except UnmappableError:
            continue
    return found
