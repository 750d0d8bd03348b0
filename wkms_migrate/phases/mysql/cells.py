"""One value of a column as a person can read it, and two of them at the place where they differ."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from wkms_migrate.phases.mysql.catalog import BINARIES, GEOMETRIES, TEXTS, Column
from wkms_migrate.phases.mysql.ddl import quoted

READ = 1000  # characters or bytes of a value that are read to be shown
SHOWN = 60
BEFORE = 20  # characters that are shown before the first difference

Value = tuple[str, str | None, int | None]  # hash of the whole, its beginning as text, its length in bytes


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a row that differs, with both values, shortened."""

    column: str
    source: str
    target: str


def expressions(column: Column) -> tuple[str, str]:
    """Return what reads a value's beginning, as text, and its length in bytes; both are NULL for NULL."""
    name = quoted(column.name)
    if column.type in TEXTS:
        value = f"LEFT(CONVERT({name} USING utf8mb4), {READ})"
    elif column.type in BINARIES:
        value = f"CONCAT('0x', HEX(LEFT({name}, {READ})))"
    elif column.type in GEOMETRIES:
        value = f"CONCAT('0x', HEX(LEFT(CAST({name} AS BINARY), {READ})))"
    elif column.type == "bit":
        value = f"CONCAT('0x', HEX({name}))"
    elif column.type == "float":
        value = f"CAST(CAST({name} AS DOUBLE) AS CHAR)"
    else:
        value = f"LEFT(CAST({name} AS CHAR CHARACTER SET utf8mb4), {READ})"
    return value, f"LENGTH({name})"


def cell(source: Column, target: Column, one: Value, other: Value) -> Cell:
    """Return two values that differ as a person sees the difference."""
    texts = [_marked(source, one[1]), _marked(target, other[1])]
    if None not in (one[1], other[1]) and one[1] != other[1] and _alike(str(one[1]), str(other[1])):
        texts = [ascii(one[1]), ascii(other[1])]
    start = max(0, _first_difference(*texts) - BEFORE)
    shown = [_cut(text, start) for text in texts]
    if shown[0] == shown[1]:  # the difference is further on, or in what text does not show
        shown = [
            f"{_cut(text, 0)} ({hashed[:8]}, {size:,} bytes)"
            for text, (hashed, _, size) in zip(texts, (one, other), strict=True)
        ]
    return Cell(source.name, shown[0], shown[1])


def plain(column: Column, beginning: str | None) -> str:
    """Return one value on its own."""
    return _cut(_marked(column, beginning), 0)


def _marked(column: Column, text: str | None) -> str:
    """Return a text in quotes, so that blanks and what does not print are seen; other values as they are."""
    if text is None:
        return "NULL"
    return repr(text) if column.type in TEXTS | {"json", "enum", "set"} else text


def _alike(one: str, other: str) -> bool:
    return unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other)


def _first_difference(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _cut(text: str, start: int) -> str:
    end = start + SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
