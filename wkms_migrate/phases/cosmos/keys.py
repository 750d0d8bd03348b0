"""Keys: what a container's partition key and id become in a table, injective and reversible.

    one path `/a`        HASH a, RANGE id
    path `/id`           HASH id
    several, or `/a/b`   HASH pk = the levels joined, RANGE sk = id; the properties stay beside them

A key attribute is a string. A string stands for itself, and every other value for a text that begins with `~`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from wkms_migrate.phases.cosmos import numbers
from wkms_migrate.phases.cosmos.numbers import Number

HASH_BYTES: Final = 2048
RANGE_BYTES: Final = 1024
ABSENT: Final = object()
_MARK: Final = "~"
_DIGEST: Final = "~h:"


class KeyTooLongError(Exception):
    """A key does not fit into a key attribute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The key map of one container: the paths of its partition key, and the names of the table's key attributes."""

    paths: tuple[tuple[str, ...], ...]
    hash_name: str
    range_name: str | None

    @property
    def is_joined(self) -> bool:
        """Whether the key attributes are made up, and the properties stay beside them."""
        return len(self.paths) > 1 or len(self.paths[0]) > 1

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the key attributes."""
        return (self.hash_name,) if self.range_name is None else (self.hash_name, self.range_name)

    def of(self, document: Mapping[str, Any]) -> dict[str, str]:
        """Return the key attributes of a document. Raises `KeyTooLongError`."""
        levels = [to_text(value_at(document, path)) for path in self.paths]
        hash_text = "#".join(map(_escaped, levels)) if self.is_joined else levels[0]
        found = {self.hash_name: _fitting(hash_text, HASH_BYTES, shorten=self.is_joined)}
        if self.range_name is not None:
            found[self.range_name] = _fitting(to_text(document["id"]), RANGE_BYTES, shorten=self.is_joined)
        return found

    def restore(self, attributes: Mapping[str, str], document: dict[str, Any]) -> None:
        """Put what the key attributes stand for back into a document."""
        if self.is_joined:
            return
        for name in self.names:
            value = from_text(attributes[name])
            if value is not ABSENT:
                document[name] = value


def keys_of(paths: tuple[str, ...]) -> Keys:
    """Return the key map for the paths of a container's partition key."""
    split = tuple(tuple(token.strip('"') for token in path.strip("/").split("/")) for path in paths)
    if split == (("id",),):
        return Keys(paths=split, hash_name="id", range_name=None)
    if len(split) == 1 and len(split[0]) == 1:
        return Keys(paths=split, hash_name=split[0][0], range_name="id")
    return Keys(paths=split, hash_name="pk", range_name="sk")


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


def value_at(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """Return the value at a path; `ABSENT` where there is none, and for objects and lists, as the service does."""
    value: Any = document
    for token in path:
        if not isinstance(value, dict) or token not in value:
            return ABSENT
        value = value[token]
    return ABSENT if isinstance(value, (dict, list)) else value


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
