"""A first mapping for a container, with the reasons and doubts that people should read beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from wkms_migrate.counted import counted
from wkms_migrate.phases.cosmos.inspect import Inspected
from wkms_migrate.phases.cosmos.keys import KeyAttribute, Path, path_of, written
from wkms_migrate.phases.cosmos.mapping_file import (
    MAX_INDEX_PARTS,
    MAX_INDEXES,
    ContainerRules,
    IndexKey,
    IndexRule,
    KeyRule,
    KeyRules,
    VectorIndexRule,
    VectorRule,
)
from wkms_migrate.phases.cosmos.settings import LargeItems

FEW_VALUES: Final = 10  # an index whose HASH has fewer is a hot one
EXPIRY_NAMES: Final = ("expireAt", "expiresAt", "wkmsExpireAt")
DISTANCES: Final = {"cosine": "COSINE", "euclidean": "EUCLIDEAN", "dotproduct": "DOT_PRODUCT"}
KINDS: Final = {"string": "S", "number": "N"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """The rules proposed for a container, and remarks on them."""

    rules: ContainerRules
    remarks: list[str]


def propose(found: Inspected) -> Proposal:
    """Return a mapping that loses nothing which the container's own policies do not give up."""
    remarks: list[str] = []
    indexes = list(_indexes(found, remarks))
    rules = ContainerRules(
        table=found.container.name,
        keys=_keys(found, remarks),
        expiry_attribute=_expiry(found, remarks),
        large_items=_large_items(found, remarks),
        vectors=list(_vectors(found, remarks)),
        indexes=indexes[:MAX_INDEXES],
    )
    if len(indexes) > MAX_INDEXES:
        remarks.append(
            f"{counted(len(indexes) - MAX_INDEXES, 'index is', 'indexes are')} left out: a table has"
            f" {MAX_INDEXES} at most"
        )
    if indexes:
        remarks.append(f"each index is written with every item: {1 + len(rules.indexes)} times the write units in all")
    if not found.whole:
        remarks.append(f"{found.survey.items:,} of {counted(found.total, 'item')} looked at; `--sample 0` looks at all")
    return Proposal(rules, remarks)


def _keys(found: Inspected, remarks: list[str]) -> KeyRules:
    keys = found.mapping.keys
    hash_rule = _rule(keys.hash)
    types = [found.survey.key_types[path] for path in keys.hash.sources]
    if found.whole and len(types) == 1 and set(types[0]) == {"number"}:
        hash_rule = hash_rule.model_copy(update={"type": "N"})
        remarks.append(f"every {hash_rule.name} is a number, so it stays one in the key")
    elif any(set(one) - {"string"} for one in types):
        told = ", ".join(f"{count:,} {name}" for one in types for name, count in sorted(one.items()))
        remarks.append(f"the partition key is {told}: what is no string becomes a text that begins with ~")
    if len(keys.paths) > 1:
        remarks.append("the levels of the partition key are joined; to query by a prefix of them, add an index")
    return KeyRules(hash=hash_rule, range=None if keys.range is None else _rule(keys.range))


def _rule(attribute: KeyAttribute) -> KeyRule:
    return KeyRule(name=attribute.name, type=attribute.kind, paths=[written(path) for path in attribute.sources])


def _expiry(found: Inspected, remarks: list[str]) -> str | None:
    if found.container.default_ttl is None:
        if found.survey.own_ttl:
            remarks.append(
                f"{counted(found.survey.own_ttl, 'item has', 'items have')} a ttl, and expiry is off: it stays off"
            )
        return None
    if found.survey.expired:
        remarks.append(
            f"{counted(found.survey.expired, 'item has', 'items have')} expired, perhaps gone before being read"
        )
    return next((name for name in EXPIRY_NAMES if name not in found.survey.types), EXPIRY_NAMES[-1])


def _large_items(found: Inspected, remarks: list[str]) -> LargeItems | None:
    if not found.survey.over_limit:
        return None
    first = ", ".join(found.survey.examples["over 400 KB"])
    remarks.append(
        f"{counted(found.survey.over_limit, 'item is', 'items are')} over 400 KB, first {first}: the application"
        " reads them anew"
    )
    return "split" if found.survey.dead["too-large"] or not found.whole else "compress"


def _vectors(found: Inspected, remarks: list[str]) -> Iterator[VectorRule]:
    policy = {
        path_of(one["path"]): one
        for one in found.container.properties.get("vectorEmbeddingPolicy", {}).get("vectorEmbeddings", ())
    }
    for path in sorted({*policy, *found.survey.vectors}):
        seen = found.survey.vectors.get(path)
        told = policy.get(path, {})
        exact = seen is not None and seen.as_float32 == seen.count
        short = exact or told.get("dataType") == "float32"
        if seen is not None:
            saved = seen.bytes["exact"] - seen.bytes["float32"]
            loss = "without a loss" if exact else "as 32-bit floats, which is what the container's policy says"
            if short:
                remarks.append(
                    f"{written(path)} is written {loss}, in {saved * 100 // seen.bytes['exact']} % fewer bytes"
                )
        yield VectorRule(
            path=written(path), form="float32" if short else "exact", index=_vector_index(path, told, remarks)
        )


def _vector_index(path: Path, told: dict[str, Any], remarks: list[str]) -> VectorIndexRule | None:
    distance = DISTANCES.get(told.get("distanceFunction", ""))
    if distance is None:
        return None
    if len(path) > 1:
        remarks.append(f"{written(path)} is not at the top of the item, so no vector index reads it")
        return None
    return VectorIndexRule.model_validate({"dimensions": told["dimensions"], "distance": distance})


def _indexes(found: Inspected, remarks: list[str]) -> Iterator[IndexRule]:
    composite = found.container.properties.get("indexingPolicy", {}).get("compositeIndexes", ())
    for number, parts in enumerate(composite, 1):
        name = f"composite-{number}"
        paths = [part["path"] for part in parts]
        if any(len(path_of(path)) > 1 for path in paths):
            remarks.append(f"{', '.join(paths)} cannot be an index: it has a property inside of another")
            continue
        keys = [_index_key(found, path_of(path)[0], remarks) for path in paths]
        if None in keys:
            remarks.append(f"{', '.join(paths)} cannot be an index: one of them is neither a string nor a number")
            continue
        first, *rest = (key for key in keys if key is not None)
        if len(rest) > MAX_INDEX_PARTS:
            remarks.append(f"{name} has its first {1 + MAX_INDEX_PARTS} properties only: no more fit into an index")
        if len({part.get("order", "ascending") for part in parts[1:]}) > 1:
            remarks.append(f"{name} sorts in both directions at once; an index is read in one")
        if len(found.survey.distinct.get(first.name, ())) < FEW_VALUES:
            remarks.append(f"{name} has few different values of {first.name}: all writes go to few partitions")
        yield IndexRule(name=name, hash=[first], range=rest[:MAX_INDEX_PARTS])


def _index_key(found: Inspected, name: str, remarks: list[str]) -> IndexKey | None:
    types = found.survey.types.get(name) or Counter[str]()
    usable = {kind: count for kind, count in types.items() if kind in KINDS}
    if not usable:
        return None
    kind = max(usable, key=usable.__getitem__)
    others = found.survey.items - usable[kind]
    if others:
        remarks.append(
            f"{counted(others, 'item has', 'items have')} no {kind} in {name}: an index on it leaves them out"
        )
    return IndexKey.model_validate({"name": name, "type": KINDS[kind]})
