"""The mapping file: what each container becomes, reviewed and changed by people, checked before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from wkms_migrate.config import Section
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.cosmos import keys as keymaps
from wkms_migrate.phases.cosmos.items import OutOfRange
from wkms_migrate.phases.cosmos.keys import KeyAttribute, Keys, Kind, path_of, written
from wkms_migrate.phases.cosmos.settings import LargeItems
from wkms_migrate.phases.cosmos.vectors import Form

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_cosmos import Container

MAX_INDEX_PARTS = 4  # attributes each of HASH and of RANGE in a global secondary index
MAX_INDEXES = 20


class KeyRule(Section):
    """A key attribute of the table."""

    name: str = Field(min_length=1, max_length=255)
    type: Kind = "S"
    paths: list[str] = Field(min_length=1)


class KeyRules(Section):
    """The key of the table."""

    hash: KeyRule
    range: KeyRule | None = None


class IndexKey(Section):
    """A key attribute of an index: a property at the top of the item."""

    name: str
    type: Kind = "S"


class IndexRule(Section):
    """A global secondary index."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")
    hash: list[IndexKey] = Field(min_length=1, max_length=MAX_INDEX_PARTS)
    range: list[IndexKey] = Field(default_factory=list, max_length=MAX_INDEX_PARTS)
    projection: Literal["ALL", "KEYS_ONLY"] = "ALL"


class VectorIndexRule(Section):
    """A vector index of the table."""

    dimensions: int = Field(ge=1, le=4096)
    distance: Literal["COSINE", "EUCLIDEAN", "DOT_PRODUCT"]


class VectorRule(Section):
    """How the vectors at a path are written."""

    path: str
    form: Form = "exact"
    index: VectorIndexRule | None = None


class ContainerRules(Section):
    """What one container becomes."""

    table: str
    keys: KeyRules
    ids_are_unique: bool = False
    expiry_attribute: str | None = None
    large_items: LargeItems | None = None
    out_of_range: OutOfRange = "text"
    vectors: list[VectorRule] = Field(default_factory=list)
    indexes: list[IndexRule] = Field(default_factory=list, max_length=MAX_INDEXES)


class MappingFile(Section):
    """A whole mapping file."""

    version: Literal[1]
    containers: dict[str, ContainerRules] = Field(min_length=1)


def load(path: Path) -> MappingFile:
    """Read a mapping file. Raises `ConfigError` with every problem at once."""
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"The mapping file {path} cannot be read: {error}", hint="`wkms-migrate cosmos map` writes one."
        ) from error
    return parsed(values, path)


def parsed(values: Any, path: Path) -> MappingFile:
    """Check the content of a mapping file. Raises `ConfigError` with every problem at once."""
    try:
        return MappingFile.model_validate(values)
    except ValidationError as error:
        problems = tuple(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise _refusal(path, problems) from error


def check(mapping: MappingFile, containers: list[Container], path: Path) -> None:
    """Refuse a mapping that does not fit its containers, or by which two documents may get the same key."""
    found = {container.name: container for container in containers}
    problems: list[str] = []
    for name, rules in mapping.containers.items():
        if name not in found:
            problems.append(f"containers.{name}: there is no such container; there are {', '.join(sorted(found))}")
            continue
        problems += (f"containers.{name}.{problem}" for problem in problems_of(rules, found[name].key_paths))
    if problems:
        raise _refusal(path, tuple(problems))


def problems_of(rules: ContainerRules, key_paths: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with the rules of a container with this partition key."""
    keys = keys_of(rules, key_paths)
    yield from _problems_of_keys(keys, rules)
    if "/" in rules.table:
        yield "table: a name from provision's output `tables`, without /"
    if rules.expiry_attribute in keys.names:
        yield f"expiry_attribute: {rules.expiry_attribute} is a key attribute"
    if rules.large_items == "split" and keys.attributes[-1].kind != "S":
        yield f"large_items: parts need the key attribute {keys.attributes[-1].name} to be of type S"
    yield from _problems_of_indexes(rules)


def _problems_of_indexes(rules: ContainerRules) -> Iterator[str]:
    for index in rules.indexes:
        names = [part.name for part in (*index.hash, *index.range)]
        if len(set(names)) != len(names):
            yield f"indexes.{index.name}: an attribute is named twice"
    if len({index.name for index in rules.indexes}) != len(rules.indexes):
        yield "indexes: two have the same name"
    for vector in rules.vectors:
        if vector.index is not None and vector.form == "packed":
            yield f"vectors.{vector.path}: a vector index reads lists, not packed vectors"
        if vector.index is not None and len(path_of(vector.path)) > 1:
            yield f"vectors.{vector.path}: a vector index reads an attribute at the top of the item"


def _problems_of_keys(keys: Keys, rules: ContainerRules) -> Iterator[str]:
    if len(set(keys.names)) != len(keys.names):
        yield "keys: HASH and RANGE have the same name"
    for attribute in keys.attributes:
        if attribute.kind == "N" and len(attribute.sources) > 1:
            yield f"keys.{attribute.name}: several paths make a text, which needs type S"
        if not attribute.stands_for_property and (attribute.name,) in attribute.sources:
            yield f"keys.{attribute.name}: is made of several paths, so it needs a name that no property has"
    left_out = keys.left_out - (set(keys.paths) if rules.ids_are_unique else set())
    if left_out:
        names = ", ".join(sorted(map(written, left_out)))
        yield (
            f"keys: two documents that differ in {names} alone would get the same key; put it into HASH or RANGE"
            + ("" if keymaps.ID in left_out else ", or state `ids_are_unique: true`, which `cosmos map --check` proves")
        )


def keys_of(rules: ContainerRules, key_paths: tuple[str, ...]) -> Keys:
    """Return the key map of a container with this partition key."""
    return Keys(
        paths=tuple(map(path_of, key_paths)),
        hash=_key(rules.keys.hash),
        range=None if rules.keys.range is None else _key(rules.keys.range),
    )


def index_keys(rules: ContainerRules) -> dict[str, Kind]:
    """Return the types of the properties that indexes have as keys, but for those of the table's own key."""
    own = {rules.keys.hash.name, *([rules.keys.range.name] if rules.keys.range else [])}
    parts = [part for index in rules.indexes for part in (*index.hash, *index.range)]
    return {part.name: part.type for part in parts if part.name not in own}


def forms(rules: ContainerRules) -> dict[keymaps.Path, Form]:
    """Return how vectors are written, by path."""
    return {path_of(vector.path): vector.form for vector in rules.vectors if vector.form != "exact"}


def _key(rule: KeyRule) -> KeyAttribute:
    return KeyAttribute(name=rule.name, kind=rule.type, sources=tuple(map(path_of, rule.paths)))


def _refusal(path: Path, problems: tuple[str, ...]) -> ConfigError:
    return ConfigError(
        f"The mapping file {path} has {len(problems)} problem{'s' if len(problems) > 1 else ''}:",
        problems=problems,
        hint="docs/cosmos.md has every key; `wkms-migrate cosmos map` writes a file to start from.",
    )
