"""One value of a column as a person can read it, and two of them at the place where they differ."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from wkms_migrate.phases.mysql.catalog import BINARIES, GEOMETRIES, TEXTS, Column
from wkms_migrate.phases.mysql.ddl import quoted

READ = 1000  # characters or bytes of a value that are read to be shown
SHOWN = 60
BEFORE = 20  # characters that are shown before the first difference

Value = tuple[str | None, int | None]  # its beginning as text, its whole length in bytes; None for NULL


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a row that differs, with both values, shortened."""

    column: str
    source: str
    target: str


def expressions(column: Column) -> tuple[str, str]:
    """Return what reads a `Value`: the beginning as text, the length."""
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
    texts = [_marked(source, one[0]), _marked(target, other[0])]
    if None not in (one[0], other[0]) and one[0] != other[0] and _alike(str(one[0]), str(other[0])):
        texts = [ascii(one[0]), ascii(other[0])]
    start = max(0, _first_difference(*texts) - BEFORE)
    shown = [_cut(text, start) for text in texts]
    if shown[0] == shown[1]:
        shown = [f"{text} ({value[1]:,} bytes)" for text, value in zip(shown, (one, other), strict=True)]
    if shown[0] == shown[1]:
        shown = [f"{text}, the same for the first {READ:,}" for text in shown]
    return Cell(source.name, shown[0], shown[1])


def plain(column: Column, value: Value) -> str:
    """Return one value on its own."""
    return _cut(_marked(column, value[0]), 0)


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
