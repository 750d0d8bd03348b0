"""The small part of the query language that the double answers; anything else is refused with 400.

SELECT * | c.a, c.b.d [AS x] | VALUE c.a | VALUE COUNT(1)   FROM c   [WHERE c.a = literal|@parameter [AND ...]]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from wkms_migrate.lab.cosmos_double.message import RefusalError

Path: TypeAlias = tuple[str, ...]

_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_PATH = rf"{_WORD}(?:\.{_WORD}|\[\"[^\"]+\"\])+"
_LITERAL = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|@\w+"
_QUERY: Final = re.compile(
    rf"\s*SELECT\s+(?P<select>.+?)\s+FROM\s+(?P<alias>{_WORD})(?:\s+WHERE\s+(?P<where>.+?))?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION: Final = re.compile(rf"\s*(?P<path>{_PATH})\s*=\s*(?P<literal>{_LITERAL})\s*", re.IGNORECASE)
_COLUMN: Final = re.compile(rf"\s*(?P<path>{_PATH})(?:\s+AS\s+(?P<name>{_WORD}))?\s*", re.IGNORECASE)
_STEP: Final = re.compile(rf"\.({_WORD})|\[\"([^\"]+)\"\]")
_COUNT: Final = re.compile(r"VALUE\s+COUNT\s*\(\s*1\s*\)", re.IGNORECASE)
_PARTIAL_COUNT: Final = 'VALUE [{"item": COUNT(1)}]'
_MISSING: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed query.

    `columns` None selects whole items; `value` selects the bare value of the one column; `count` counts; `partial` is
    one range's share of a count, in the shape that the client adds up.
    """

    columns: tuple[tuple[str, Path], ...] | None = None
    value: bool = False
    count: bool = False
    partial: bool = False
    where: tuple[tuple[Path, Any], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether every item goes out as it is."""
        return self.columns is None and not self.where and not self.count

    def matches(self, document: Mapping[str, Any]) -> bool:
        """Say whether a document meets every condition; a missing property meets none."""
        return all(_equal(_at(document, path), wanted) for path, wanted in self.where)

    def project(self, document: Mapping[str, Any]) -> Iterator[Any]:
        """Yield what is selected of a document: one value, or none when a bare value is missing."""
        if self.columns is None:
            yield document
            return
        found = {name: _at(document, path) for name, path in self.columns}
        present = {name: value for name, value in found.items() if value is not _MISSING}
        if not self.value:
            yield present
        elif present:
            yield from present.values()


def parse(text: str, parameters: Mapping[str, Any]) -> Query:
    """Parse a query with its parameters, or refuse it."""
    match = _QUERY.fullmatch(text)
    if match is None:
        raise _unsupported(text)
    alias, where = match["alias"], match["where"]
    conditions = tuple(_condition(part, alias, parameters) for part in _and_parts(where)) if where else ()
    select = " ".join(match["select"].split())
    if select == "*":
        return Query(where=conditions)
    if _COUNT.fullmatch(select) or select == _PARTIAL_COUNT:
        return Query(count=True, partial=select == _PARTIAL_COUNT, where=conditions)
    if bare := re.fullmatch(r"VALUE\s+(.+)", select, re.IGNORECASE):
        return Query(columns=(_column(bare[1], alias),), value=True, where=conditions)
    return Query(columns=tuple(_column(part, alias) for part in select.split(",")), where=conditions)


def partial_of(text: str) -> str:
    """Return the query that each range is to be asked in place of a count over all of them."""
    return _COUNT.sub(lambda _: _PARTIAL_COUNT, text, count=1)


def _and_parts(where: str) -> list[str]:
    """Cut at AND, but not inside quotes."""
    pieces = re.findall(rf"{_PATH}\s*=\s*(?:{_LITERAL})|\S+", where, re.IGNORECASE)
    if len(pieces) % 2 == 0 or any(word.upper() != "AND" for word in pieces[1::2]):
        raise _unsupported(where)
    return pieces[::2]


def _condition(text: str, alias: str, parameters: Mapping[str, Any]) -> tuple[Path, Any]:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise _unsupported(text)
    return _steps(match["path"], alias), _literal(match["literal"], parameters)


def _column(text: str, alias: str) -> tuple[str, Path]:
    match = _COLUMN.fullmatch(text)
    if match is None:
        raise _unsupported(text)
    path = _steps(match["path"], alias)
    return match["name"] or path[-1], path


def _steps(path: str, alias: str) -> Path:
    if not path.startswith((f"{alias}.", f"{alias}[")):
        raise _unsupported(path)
    return tuple(word or quoted for word, quoted in _STEP.findall(path[len(alias) :]))


def _literal(text: str, parameters: Mapping[str, Any]) -> Any:
    if text.startswith("@"):
        if text not in parameters:
            raise RefusalError(400, "BadRequest", f"The query uses {text}, which has no value.")
        return parameters[text]
    if text.startswith("'"):
        text = '"' + text[1:-1].replace('"', '\\"').replace("\\'", "'") + '"'
    return orjson.loads(text if text.startswith('"') else text.lower())


def _at(document: Mapping[str, Any], path: Path) -> Any:
    value: Any = document
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return _MISSING
        value = value[step]
    return value


def _equal(left: object, right: object) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _unsupported(text: str) -> RefusalError:
    return RefusalError(400, "BadRequest", f"The double does not know this part of the query language: {text.strip()}")
