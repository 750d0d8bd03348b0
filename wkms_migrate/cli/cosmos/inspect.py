"""`cosmos inspect`: what the containers hold, and what they have beside their items."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wkms_migrate.cli.cosmos.selection import Containers, Mapping, session
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted

if TYPE_CHECKING:
    from wkms_migrate.phases.cosmos.inspect import Inspected
    from wkms_migrate.phases.cosmos.paths import Estimate
    from wkms_migrate.phases.cosmos.survey import Vector

SAMPLE = 10_000
Sample = Annotated[int, typer.Option(min=0, help="Items to look at of each container; 0 looks at all.")]
Scripts = Annotated[
    Path | None, typer.Option(help="Folder to write the source of procedures, triggers and functions to.")
]


@shared
def inspect(
    options: Options,
    container: Containers = None,
    mapping: Mapping = None,
    sample: Sample = SAMPLE,
    scripts: Scripts = None,
) -> None:
    """Look at containers: keys, types, sizes, depth, TTL, policies, programs, vectors, and what writing them takes.

    Reads the source only. Sums over a sample are told for all items.
    """
    from wkms_migrate.phases.cosmos import inspect as looking

    context = session(options, mapping).context()
    told = []
    for found in looking.inspected(looking.looking(context), container or [], sample):
        data = _as_data(found)
        _say(options, data)
        told.append(data)
        if scripts is not None:
            _export(found, scripts)
    options.data({"containers": told})


def _as_data(found: Inspected) -> dict[str, Any]:
    from wkms_migrate.phases.cosmos import existing, inspect, programs
    from wkms_migrate.phases.cosmos.keys import written

    survey = found.survey
    return {
        "container": found.container.name,
        "items": found.total,
        "looked_at": survey.items,
        "partition_key": {
            written(path): {"types": dict(types), "longest_bytes": survey.key_bytes[path]}
            for path, types in survey.key_types.items()
        },
        "table_keys": existing.described(found.mapping.keys),
        "types": {name: dict(types) for name, types in survey.types.items()},
        "json_bytes": found.estimate(survey.json_bytes),
        "item_bytes": found.estimate(survey.item_bytes),
        "largest_bytes": survey.largest,
        "sizes_up_to_kib": {str(limit): survey.sizes[limit] for limit in sorted(survey.sizes)},
        "over_400_kb": survey.over_limit,
        "depth": survey.deepest,
        "ttl": {"default": found.container.default_ttl, "own": survey.own_ttl, "expired": survey.expired},
        "vectors": {written(path): _vectors(one) for path, one in survey.vectors.items()},
        "policies": dict(inspect.indexing(found.container)),
        "programs": [
            {"kind": one.kind, "name": one.name, "for": programs.purpose(one), "instead": programs.counterpart(one)}
            for one in found.scripts
        ],
        "conversions": dict(survey.notes),
        "dead_letters": dict(survey.dead),
        "examples": dict(survey.examples),
        "reading": _cost(found.costs[0]),
        "writing": [_cost(one) for one in found.costs[1:]],
    }


def _cost(one: Estimate) -> dict[str, Any]:
    from wkms_migrate.phases.cosmos.paths import NAMES

    return {
        "path": NAMES[one.way],
        "quantity": f"{one.quantity:.6f}",
        "unit": one.unit,
        "seconds": one.seconds,
        "cost": None if one.cost is None else f"{one.cost:.2f}",
        "currency": one.currency,
        "price": one.sku,
        "why_not": one.why_not,
        "text": one.text,
    }


def _vectors(found: Vector) -> dict[str, Any]:
    return {
        "count": found.count,
        "dimensions": {str(wide): count for wide, count in found.dimensions.items()},
        "as_float32": found.as_float32,
        "bytes": found.bytes,
    }


def _say(options: Options, data: dict[str, Any]) -> None:
    options.say(f"{data['container']}: {counted(data['items'], 'item')}, {data['looked_at']:,} looked at")
    for path, key in data["partition_key"].items():
        options.say(f"    key {path}: {_counts(key['types'])}; up to {key['longest_bytes']:,} bytes")
    options.say(f"    keys of the table: {data['table_keys']}")
    options.say(f"    {data['json_bytes']:,} bytes of JSON, {data['item_bytes']:,} as items; depth {data['depth']}")
    sizes = ", ".join(f"≤ {limit} KiB {count:,}" for limit, count in data["sizes_up_to_kib"].items())
    options.say(f"    sizes: {sizes}; over 400 KB {data['over_400_kb']:,}")
    options.say(f"    TTL: {_ttl(data['ttl'])}")
    _say_policies(options, data)
    for code, count in (data["conversions"] | data["dead_letters"]).items():
        dead = " as dead letters" if code in data["dead_letters"] else ""
        options.say(f"    {code}: {count:,}{dead}, first {', '.join(data['examples'][code])}")
    for one in (data["reading"], *data["writing"]):
        options.say(f"    {one['text']}")
    if options.level > 0:
        for name, types in data["types"].items():
            options.say(f"    {name}: {_counts(types)}")


def _say_policies(options: Options, data: dict[str, Any]) -> None:
    for name, held in data["policies"].items():
        options.say(f"    {name}: {'; '.join(one if isinstance(one, str) else ', '.join(one) for one in held)}")
    for path, vector in data["vectors"].items():
        sizes = ", ".join(f"{form} {size:,}" for form, size in vector["bytes"].items())
        options.say(f"    vectors at {path}: {vector['count']:,}, {_counts(vector['dimensions'])} wide; bytes: {sizes}")
    for one in data["programs"]:
        options.say(f"    {one['kind']} {one['name']} ({one['for']}): {one['instead']}")


def _ttl(ttl: dict[str, Any]) -> str:
    default = {None: "off", -1: "on, without a default"}.get(ttl["default"], f"{ttl['default']} s")
    return f"{default}; {counted(ttl['own'], 'item has its', 'items have their')} own, {ttl['expired']:,} expired"


def _counts(counts: dict[Any, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda one: -one[1]))


def _export(found: Inspected, folder: Path) -> None:
    for script in found.scripts:
        name = re.sub(r"[^\w.-]", "_", script.name)
        path = folder / found.container.name / f"{script.kind.replace(' ', '-')}-{name}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script.body, encoding="utf-8")
