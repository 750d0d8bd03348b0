"""Makes the table what the container is: deletes what is extra, writes what is missing or different, compares again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from wkms_migrate.clients.dynamodb import Item
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import compare, digest, job, single, verify
from wkms_migrate.phases.cosmos.dead import DeadLetters
from wkms_migrate.phases.cosmos.ends import Ends
from wkms_migrate.phases.cosmos.items import Document, UnmappableError, stripped
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.large import BODY
from wkms_migrate.plan import StepRun


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """Repair one table. Returns what was done under `repaired/<container>`."""
    letters = DeadLetters.of(run.context.run_dir, work.name)
    with compare.opened(run, work) as ends, ThreadPoolExecutor(job.workers_of(run), "repair") as pool:
        found = compare.compare(ends, whole=True)
        extra = [] if found.appended else list(found.extra.values())
        for _ in pool.map(lambda key: single.delete(ends, key), extra):  # first: an unreadable item is extra as well
            run.check_stop()
        written = dead = 0
        for documents in _wanted(ends, {*found.missing, *found.different}):
            refused = [one for one in pool.map(lambda document: _write(ends, document), documents) if one is not None]
            letters.add(refused)
            dead += len(refused)
            written += len(documents) - len(refused)
            run.progress(written, len(found.missing) + len(found.different), "items", errors=dead, item=work.name)
        orphans = _orphans(ends) if found.target.parts or work.mapping.large_items == "split" else []
        for key in orphans:
            single.delete(ends, key)
    verify.run(run, work)
    counts = {"deleted": len(extra), "written": written, "dead": dead, "orphaned_parts": len(orphans)}
    return {f"repaired/{work.name}": counts}


def _wanted(ends: Ends, names: set[bytes]) -> Iterator[list[Document]]:
    """Yield from the source, page by page, the documents of these names."""
    if not names:
        return
    for documents in ends.documents():
        found = [one for one in documents if digest.identity_of(stripped(one), ends.work.mapping) in names]
        if found:
            yield found


def _write(ends: Ends, document: Document) -> tuple[Document, UnmappableError] | None:
    try:
        single.write(ends, document)
    except UnmappableError as reason:
        return document, reason
    return None


def _orphans(ends: Ends) -> list[dict[str, str]]:
    """Return the keys of parts that no item claims: what is left of a large item that is small or gone now."""
    keys = ends.work.mapping.keys
    parts: dict[tuple[str, ...], dict[str, str]] = {}
    claimed: set[tuple[str, ...]] = set()
    for item in _large(ends):
        texts = ends.work.mapping.key_texts(item)
        if keys.is_part(item):
            parts[tuple(texts.values())] = texts
            continue
        count = int(item[BODY].get("M", {}).get("parts", {}).get("N", 0))
        claimed |= {tuple(keys.part(texts, number).values()) for number in range(count)}
    return [texts for key, texts in parts.items() if key not in claimed]


def _large(ends: Ends) -> Iterator[Item]:
    """Yield the items that have a body, or are a part of one."""
    for items in ends.dynamo.scan(ends.work.table(ends.run.context), 0, 1):
        ends.run.check_stop()
        yield from (item for item in items if BODY in item)
