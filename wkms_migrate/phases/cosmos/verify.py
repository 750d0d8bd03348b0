"""The step that compares both ends of one container: everything is read again, and what differs is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wkms_migrate.counted import counted
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import compare
from wkms_migrate.phases.cosmos.compare import Comparison
from wkms_migrate.phases.cosmos.dead import DeadLetters
from wkms_migrate.phases.cosmos.diff import Difference
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.plan import StepRun

EXAMPLES: Final = 10
PLACES: Final = 3


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """State the comparison of a container with its table. Returns the count and digest of the source."""
    with compare.opened(run, work) as ends:
        found = compare.compare(ends)
        if work.container.default_ttl is None:  # else some may have expired between the two
            number = ends.database.count(work.name)
            run.verified(work.name, "items on the source, by query and by feed", number, found.source.digest.count)
        explained = compare.explained(ends, found, EXAMPLES)
    source, target = found.source.digest, found.target.digest
    if not found.appended:
        run.verified(work.name, "items", source.count, target.count)
        run.verified(work.name, "digest", source.text, target.text)
        run.verified(work.name, "key buckets that differ", 0, len(found.buckets))
        run.verified(work.name, "parts of large items", found.target.claimed, found.target.parts)
    _state(run, found, explained)
    letters = DeadLetters.of(run.context.run_dir, work.name).latest(work.mapping)
    run.verified(work.name, "dead letters", 0, len(letters))
    for one in [] if found.appended else found.ranges:
        place = f"{work.name} {one.name}"
        run.verified(place, "items and digest of a feed range", one.source.told, one.target.told)
    if found.source.expiring:
        run.finding(
            "expiring",
            f"{counted(found.source.expiring, 'item expires', 'items expire')} within the hour: not compared.",
            work.name,
        )
    return {f"verified/{work.name}": {"items": source.count, "digest": source.text}}


def _state(run: StepRun, found: Comparison, explained: Mapping[bytes, list[Difference]]) -> None:
    """State which items are missing, extra or different, by name, and where they differ."""
    shown = {
        "missing": [named(one) for one in found.missing],
        "extra": [] if found.appended else [named(one) for one in found.extra],
        "different": [described(one, explained.get(one, [])) for one in found.different],
    }
    for kind, items in shown.items():
        run.verified(found.name, f"{kind} items", 0, len(items))
        if items:
            text = f"{kind} on the target, among others: {', '.join(items[:EXAMPLES])}"
            hint = "`wkms-migrate cosmos repair` makes them alike."
            run.finding(f"{kind}-items", text, found.name, severity="error", hint=hint)
    if found.appended and found.extra:
        run.finding(
            "kept-items",
            f"{counted(len(found.extra), 'item was', 'items were')} in the table before the copy.",
            found.name,
        )


def named(identity: bytes) -> str:
    """Write what names an item: its partition key and id, as JSON."""
    return identity.decode("utf-8", "replace")


def described(identity: bytes, places: list[Difference]) -> str:
    """Write an item and the first places in which it differs."""
    told = "; ".join(f"{one.path}: {one.source} became {one.target}" for one in places[:PLACES])
    more = f"; and {len(places) - PLACES} more" if len(places) > PLACES else ""
    return f"{named(identity)} ({told}{more})" if told else named(identity)
