"""Takes the text of SHOW CREATE TABLE apart and puts it together again. No server is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wkms_migrate.errors import WkmsError

NAME = r"`(?:[^`]|``)+`"
STRING = r"'(?:[^'\\]|\\.|'')*'"
INDEX = re.compile(r"(?:(UNIQUE|FULLTEXT|SPATIAL) )?KEY ", re.ASCII)
FOREIGN_KEY = re.compile(r"CONSTRAINT `(?:[^`]|``)+` FOREIGN KEY ")
AUTO_INCREMENT = re.compile(r" AUTO_INCREMENT=(\d+)")
# Where a table's files are is the old server's own affair; RDS refuses or ignores these (Shell strips the same ones).
PLACEMENT = re.compile(
    r" (?:DATA|INDEX) DIRECTORY='(?:[^'\\]|\\.|'')*'"
    r"| ENCRYPTION='[YNyn]'"
    r"| /\*!50100 TABLESPACE `(?:[^`]|``)+` \*/",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A CREATE TABLE in parts: columns, checks and the primary key in `body`, the rest apart."""

    head: str
    body: tuple[str, ...]
    indexes: tuple[str, ...]
    foreign_keys: tuple[str, ...]
    options: str

    @property
    def deferrable(self) -> tuple[str, ...]:
        """The indexes that may be made after the rows are in: all but the one an AUTO_INCREMENT column needs."""
        needed = self._index_of_counter()
        return tuple(index for index in self.indexes if index != needed)

    def _index_of_counter(self) -> str | None:
        counter = next((part for part in self.body if part.startswith("`") and _is_counter(part)), None)
        if counter is None:
            return None
        name = identifier_at(counter)
        if any(part.startswith(f"PRIMARY KEY ({name}") for part in self.body):
            return None
        return next((index for index in self.indexes if f"({name}" in index), None)

    def create(self, *, indexed: bool = False) -> str:
        """Return a CREATE TABLE without foreign keys, and without the indexes that may wait unless `indexed`."""
        kept = [index for index in self.indexes if indexed or index not in self.deferrable]
        body = ",\n  ".join((*self.body, *kept))
        return f"{self.head}(\n  {body}\n){PLACEMENT.sub('', self.options)}"

    def placement(self) -> tuple[str, ...]:
        """Return the clauses about files and tablespaces, which do not go along."""
        return tuple(clause.strip() for clause in PLACEMENT.findall(self.options))

    @property
    def next_value(self) -> int:
        """The next value of the AUTO_INCREMENT column; 0 where the server shows none, which is 1 or no such column."""
        match = AUTO_INCREMENT.search(bare(self.options))
        return int(match[1]) if match else 0

    def comparable(self) -> str:
        """Return a text that is equal for two tables of equal definition."""
        options = AUTO_INCREMENT.sub("", PLACEMENT.sub("", self.options), count=1)
        return "\n".join((*self.body, *sorted(self.indexes), *sorted(self.foreign_keys), options.strip()))

    def columns_text(self) -> str:
        """Return the part that must be equal before rows are added: columns, primary key and options."""
        return "\n".join((*self.body, AUTO_INCREMENT.sub("", PLACEMENT.sub("", self.options), count=1).strip()))


def parse(create: str) -> TableDefinition:
    """Take a SHOW CREATE TABLE apart. Raises `WkmsError` for a text of another shape."""
    found = brackets(create)
    if found is None:
        raise WkmsError(f"This is not a CREATE TABLE: {create[:80]}", hint="Is it a view, or a temporary table?")
    opening, closing = found
    parts = tuple(part.strip() for part in _split(create[opening + 1 : closing]))
    indexes = tuple(part for part in parts if INDEX.match(part))
    foreign_keys = tuple(part for part in parts if FOREIGN_KEY.match(part))
    body = tuple(part for part in parts if part not in indexes and part not in foreign_keys)
    return TableDefinition(create[:opening], body, indexes, foreign_keys, create[closing + 1 :])


def brackets(text: str) -> tuple[int, int] | None:
    """Return where the first parenthesis outside quotes opens and where it closes."""
    opening = next((at for at, depth in _depths(text) if depth == 1), None)
    closing = next((at for at, depth in _depths(text) if depth == 0 and at > (opening or 0)), None)
    return None if opening is None or closing is None else (opening, closing)


def additions(wanted: TableDefinition, there: TableDefinition) -> tuple[list[str], list[str], list[str]]:
    """Return what `there` lacks: indexes to add at once, FULLTEXT indexes to add one by one, foreign keys."""
    missing = [index for index in wanted.indexes if index not in there.indexes]
    fulltext = [index for index in missing if index.startswith("FULLTEXT ")]
    plain = [index for index in missing if index not in fulltext]
    return plain, fulltext, [key for key in wanted.foreign_keys if key not in there.foreign_keys]


def quoted(name: str) -> str:
    """Return an identifier in backticks."""
    return "`" + name.replace("`", "``") + "`"


def identifier_at(text: str, start: int = 0) -> str:
    """Return the quoted identifier that begins at `start`, backticks included."""
    match = re.compile(r"`(?:[^`]|``)*`").match(text, start)
    if match is None:
        raise WkmsError(f"No identifier at: {text[start : start + 40]}")
    return match.group()


def _is_counter(column: str) -> bool:
    return any(word == "AUTO_INCREMENT" for word in bare(column).split())


def bare(text: str) -> str:
    """Return the text with what is quoted taken out."""
    return "".join(character for character, quoted_at in _quoting(text) if not quoted_at)


def outside_quotes(pattern: str, words: str, text: str) -> str:
    """Replace a pattern as `re.sub` does, but not inside of strings and identifiers that it does not begin before."""

    def replaced(match: re.Match[str]) -> str:
        return re.sub(pattern, words, match[0], count=1) if match["found"] else match[0]

    return re.sub(rf"(?P<found>{pattern})|{STRING}|{NAME}", replaced, text, flags=re.DOTALL)


def _quoting(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each character and whether it is in quotes: '' and backslash escapes in strings, `` in identifiers."""
    quote = ""
    skip = False
    for character in text:
        inside = bool(quote) or character in "'\"`"
        yield character, inside
        if skip:
            skip = False
        elif quote in {"'", '"'} and character == "\\":
            skip = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"`":
            quote = character


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """Yield the position of every parenthesis outside quotes and the depth behind it."""
    depth = 0
    for at, (character, inside) in enumerate(_quoting(text)):
        if not inside and character in "()":
            depth += 1 if character == "(" else -1
            yield at, depth


def _split(body: str) -> Iterable[str]:
    """Yield the elements between the commas that are in no quotes and no parentheses."""
    depth = start = 0
    for at, (character, inside) in enumerate(_quoting(body)):
        if inside:
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            yield body[start:at]
            start = at + 1
    yield body[start:]
