"""Keys: what a container's partition key and id become in a table, injective and reversible.

Without a mapping file:

    one path `/a`        HASH a, RANGE id
    path `/id`           HASH id
    several, or `/a/b`   HASH pk = the levels joined, RANGE sk = id; the properties stay beside them

A key attribute of type S holds a text. A string stands for itself, and every other value for a text that begins with
`~`. One of type N holds numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

from wkms_migrate.phases.cosmos import numbers
from wkms_migrate.phases.cosmos.numbers import Number

Path: TypeAlias = tuple[str, ...]
Kind: TypeAlias = Literal["S", "N"]

HASH_BYTES: Final = 2048
RANGE_BYTES: Final = 1024
ABSENT: Final = object()
ID: Final[Path] = ("id",)
PART: Final = "~p:"
_MARK: Final = "~"
_DIGEST: Final = "~h:"


class KeyTooLongError(Exception):
    """A key does not fit into a key attribute."""


class KeyTypeError(Exception):
    """A key attribute of type N cannot hold this value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAttribute:
    """One key attribute of a table: the properties that make it up, by path, in order."""

    name: str
    sources: tuple[Path, ...]
    kind: Kind = "S"

    @property
    def stands_for_property(self) -> bool:
        """Whether it is the property of its own name, which is not stored a second time."""
        return self.sources == ((self.name,),)

    def text_of(self, document: Mapping[str, Any], most: int) -> str:
        """Return its value for a document, at most so many bytes. Raises `KeyTooLongError`, `KeyTypeError`."""
        found = [value_at(document, path) for path in self.sources]
        if self.kind == "N":
            return _number(self.name, found[0])
        if len(found) == 1:
            return _fitting(to_text(found[0]), most, shorten=not self.stands_for_property)
        return _fitting("#".join(_escaped(to_text(value)) for value in found), most, shorten=True)

    def value_of(self, text: str) -> Any:
        """Return the property that it stands for; `ABSENT` for the one that was not there."""
        return numbers.parse(text) if self.kind == "N" else from_text(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The key map of one container: the paths of its partition key, and the table's key attributes."""

    paths: tuple[Path, ...]
    hash: KeyAttribute
    range: KeyAttribute | None = None

    @property
    def hash_name(self) -> str:
        """The name of the HASH attribute."""
        return self.hash.name

    @property
    def range_name(self) -> str | None:
        """The name of the RANGE attribute, if the table has one."""
        return None if self.range is None else self.range.name

    @property
    def attributes(self) -> tuple[KeyAttribute, ...]:
        """The key attributes, HASH first."""
        return (self.hash,) if self.range is None else (self.hash, self.range)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the key attributes."""
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The types of the key attributes by name."""
        return {attribute.name: attribute.kind for attribute in self.attributes}

    @property
    def are_plain(self) -> bool:
        """Whether each key attribute is a property's own text."""
        return all(one.stands_for_property and one.kind == "S" for one in self.attributes)

    @property
    def are_texts(self) -> bool:
        """Whether each key attribute is a text made of properties of the document itself."""
        return all(one.kind == "S" and all(len(path) == 1 for path in one.sources) for one in self.attributes)

    @property
    def source_names(self) -> tuple[str, ...]:
        """The properties of the document itself that the key attributes are made of."""
        return tuple(dict.fromkeys(path[0] for one in self.attributes for path in one.sources))

    @property
    def left_out(self) -> frozenset[Path]:
        """What names a document in its container and is in no key attribute: not empty if two may get the same key."""
        held = {path for attribute in self.attributes for path in attribute.sources}
        return frozenset({*self.paths, ID} - held)

    def of(self, document: Mapping[str, Any]) -> dict[str, str]:
        """Return the values of the key attributes of a document. Raises `KeyTooLongError`, `KeyTypeError`."""
        found = {self.hash.name: self.hash.text_of(document, HASH_BYTES)}
        if self.range is not None:
            found[self.range.name] = self.range.text_of(document, RANGE_BYTES)
        return found

    def typed(self, texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Return key attributes as DynamoDB JSON, from what `of` returned."""
        return {attribute.name: {attribute.kind: texts[attribute.name]} for attribute in self.attributes}

    def part(self, texts: Mapping[str, str], number: int) -> dict[str, str]:
        """Return the key of a part of the item with this key: beside it where the table has a RANGE."""
        last = self.attributes[-1].name
        digest = sha256(texts[last].encode()).hexdigest()
        return {**texts, last: f"{PART}{digest}:{number:04d}"}

    def is_part(self, attributes: Mapping[str, Mapping[str, Any]]) -> bool:
        """Say whether an item of the table is a part of a large one."""
        return str(attributes[self.attributes[-1].name].get("S", "")).startswith(PART)

    def restore(self, texts: Mapping[str, str], document: dict[str, Any]) -> None:
        """Put what the key attributes stand for back into a document."""
        for attribute in self.attributes:
            if attribute.stands_for_property:
                value = attribute.value_of(texts[attribute.name])
                if value is not ABSENT:
                    document[attribute.name] = value


def path_of(written: str) -> Path:
    """Return the steps of a path as Cosmos DB writes it, e.g. `/a/b` or `/"name with spaces"`."""
    return tuple(token.strip('"') for token in written.strip("/").split("/"))


def written(path: Path) -> str:
    """Return a path as Cosmos DB writes it."""
    return "/" + "/".join(path)


def keys_of(paths: tuple[str, ...]) -> Keys:
    """Return the key map for the paths of a container's partition key when no mapping file says otherwise."""
    split = tuple(map(path_of, paths))
    if split == (ID,):
        return Keys(paths=split, hash=KeyAttribute(name="id", sources=split))
    if len(split) == 1 and len(split[0]) == 1:
        hash_part = KeyAttribute(name=split[0][0], sources=split)
        return Keys(paths=split, hash=hash_part, range=KeyAttribute(name="id", sources=(ID,)))
    return Keys(paths=split, hash=KeyAttribute(name="pk", sources=split), range=KeyAttribute(name="sk", sources=(ID,)))


def to_text(value: Any) -> str:
    """Return the key text of a value; different values have different texts, and no text is empty."""
    if isinstance(value, str):
        return f"{_MARK}s:{value}" if not value or value.startswith(_MARK) else value
    if isinstance(value, bool):
        return f"{_MARK}b:{'true' if value else 'false'}"
    if value is None:
        return f"{_MARK}z:"
    if isinstance(value, Number):
        return f"{_MARK}n:{numbers.canonical(value)}"
    return f"{_MARK}u:"


def from_text(text: str) -> Any:
    """Return the value of a key text; `ABSENT` for the value that was not there."""
    if not text.startswith(_MARK):
        return text
    kind, _, rest = text[1:].partition(":")
    match kind:
        case "b":
            return rest == "true"
        case "z":
            return None
        case "n":
            return numbers.parse(rest)
        case "u":
            return ABSENT
        case _:
            return rest


def value_at(document: Mapping[str, Any], path: Path) -> Any:
    """Return the value at a path; `ABSENT` where there is none, and for objects and lists, as the service does."""
    value: Any = document
    for token in path:
        if not isinstance(value, dict) or token not in value:
            return ABSENT
        value = value[token]
    return ABSENT if isinstance(value, (dict, list)) else value


def _number(name: str, value: Any) -> str:
    text = numbers.storable(value) if isinstance(value, Number) and not isinstance(value, bool) else None
    if text is None:
        raise KeyTypeError(f"{name} is of type N, and its value is no number that N can hold.")
    return numbers.canonical(numbers.parse(text))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("#", "%23")


def _fitting(text: str, most: int, *, shorten: bool) -> str:
    """Return the text, or a digest in its place where the properties beside it keep what it stands for."""
    data = text.encode()
    if len(data) <= most:
        return text
    if not shorten:
        raise KeyTooLongError(f"A key of {len(data)} bytes does not fit into the {most} bytes of a key attribute.")
    return _DIGEST + sha256(data).hexdigest()
