"""`cosmos verify`: both ends of each container compared, in both directions."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wkms_migrate.cli.cosmos.selection import Containers, Limit, Mapping, session
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Mapping as Held

    from wkms_migrate.phases.cosmos.compare import Comparison
    from wkms_migrate.phases.cosmos.diff import Difference
    from wkms_migrate.phases.cosmos.ranges import Counterpart
    from wkms_migrate.session import Session


@shared
def verify(options: Options, container: Containers = None, mapping: Mapping = None, limit: Limit = 20) -> None:
    """Compare the items of both ends as they are now; exit 3 when any is missing, extra or different. Changes nothing.

    Each item of the table is mapped back to the document it was. What differs is told with its JSON path.
    """
    compared(options, session(options, mapping), container or [], limit)


def compared(options: Options, session: Session, names: list[str], limit: int) -> None:
    """Compare containers with their tables and tell what differs. Raises `VerificationFailed` when anything does."""
    from wkms_migrate.phases.cosmos import compare, inspect, job

    run = inspect.looking(session.context())
    told, wrong, items = [], [], 0
    with job.source(run) as database:
        works = inspect.chosen(run.context, database, names)
    for work in works:
        with compare.opened(run, work) as ends:
            found = compare.compare(ends)
            places = compare.explained(ends, found, limit)
        _say(options, found, places, limit)
        told.append(_as_data(found, places, limit))
        wrong += [] if found.equal else [work.name]
        items += found.source.digest.count
    error = None
    if wrong:
        error = VerificationFailed(
            f"{counted(len(wrong), 'container differs', 'containers differ')}: {', '.join(wrong)}.",
            hint="If the source went on being written, that is why; else `cosmos repair` makes them alike.",
        )
    options.data({"equal": not wrong, "containers": told}, error)
    if error:
        raise error
    options.say(f"{counted(len(told), 'container')}, {counted(items, 'item')}: equal.")


def _say(options: Options, found: Comparison, places: Held[bytes, list[Difference]], limit: int) -> None:
    source, target = found.source, found.target
    sign = "✔" if found.equal else "✘"
    options.say(
        f"{sign} {found.name}: {counted(source.digest.count, 'item')}, {target.digest.count:,} in {found.table}"
    )
    if found.appended:
        options.say(
            f"    {counted(len(found.extra), 'item was', 'items were')} in the table before the copy, not counted"
        )
    elif found.buckets:
        options.say(f"    {len(found.buckets)} of {len(source.digest.counts)} key buckets differ")
    _say_ranges(options, found)
    if target.parts != target.claimed:
        options.say(
            f"    {counted(target.parts, 'part')} of large items there, {target.claimed:,} of them with their item"
        )
    _say_items(options, found, places, limit)
    if source.expiring:
        options.say(f"    {counted(source.expiring, 'item expires', 'items expire')} within the hour: not compared")


def _say_ranges(options: Options, found: Comparison) -> None:
    """Tell what each feed range holds on both ends: those that differ, and all with `--verbose`."""
    equal = sum(one.equal for one in found.ranges)
    options.say(f"    {equal} of {len(found.ranges)} feed ranges hold the same on both ends")
    for one in found.ranges:
        if options.level > 0 or not (one.equal or found.appended):
            sign = "✔" if one.equal else "✘"
            options.say(
                f"    {sign} {one.name}: {counted(one.source.count, 'item')}, {one.target.count:,} in the table"
            )


def _say_items(options: Options, found: Comparison, places: Held[bytes, list[Difference]], limit: int) -> None:
    for kind, names in (("missing", found.missing), ("extra", [] if found.appended else list(found.extra))):
        for name in names[:limit]:
            options.say(f"    {kind}: {name.decode()}")
    for name in list(found.different)[:limit]:
        options.say(f"    different: {name.decode()}")
        for one in places.get(name, ()):
            options.say(f"        {one.path}: {one.source} became {one.target}")
    if found.more or max(len(found.missing), len(found.extra), len(found.different)) > limit:
        options.say("    and more")


def _range(one: Counterpart) -> dict[str, Any]:
    low, high = one.window
    return {
        "low": low,
        "high": high,
        "source": {"items": one.source.count, "digest": one.source.text},
        "target": {"items": one.target.count, "digest": one.target.text},
    }


def _as_data(found: Comparison, places: Held[bytes, list[Difference]], limit: int) -> dict[str, Any]:
    return {
        "container": found.name,
        "table": found.table,
        "equal": found.equal,
        "source": {"items": found.source.digest.count, "digest": found.source.digest.text},
        "target": {"items": found.target.digest.count, "digest": found.target.digest.text},
        "ranges": [_range(one) for one in found.ranges],
        "buckets": [{"bucket": bucket, "source": source, "target": target} for bucket, source, target in found.buckets],
        "missing": len(found.missing),
        "extra": len(found.extra),
        "different": len(found.different),
        "more": found.more,
        "expiring": found.source.expiring,
        "unreadable": found.target.unreadable,
        "parts": {"there": found.target.parts, "claimed": found.target.claimed},
        "items": [
            *({"kind": "missing", "item": name.decode()} for name in found.missing[:limit]),
            *({"kind": "extra", "item": name.decode()} for name in list(found.extra)[:limit]),
            *(
                {"kind": "different", "item": name.decode(), "places": [asdict(one) for one in places.get(name, ())]}
                for name in list(found.different)[:limit]
            ),
        ],
    }
