"""A table in a terminal. By hand: a library that draws them takes longer to import than a short run takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TextIO
from unicodedata import east_asian_width

SGR = {"bold": "1", "green": "32", "red": "31", "yellow": "33"}  # ECMA-48, Select Graphic Rendition
Row = tuple[Sequence[str], str]  # the cells, and the name of a style, empty for none


def drawn(headings: Sequence[str], rows: Sequence[Row], left: int, *, coloured: bool = False) -> Iterator[str]:
    """Yield the lines of a table: the first `left` columns begin at the left of their cells, the others end right."""
    widths = [max(map(width, column)) for column in zip(headings, *(cells for cells, _ in rows), strict=True)]

    def line(cells: Sequence[str], edge: str, style: str) -> str:
        gaps = (" " * (column - width(cell)) for column, cell in zip(widths, cells, strict=True))
        padded = [
            f" {cell}{gap} " if number < left else f" {gap}{cell} "
            for number, (cell, gap) in enumerate(zip(cells, gaps, strict=True))
        ]
        return edge + edge.join(_styled(cell, style if coloured else "") for cell in padded) + edge

    yield _rule("┏━┳┓", widths)
    yield line(headings, "┃", "bold")
    yield _rule("┡━╇┩", widths)
    yield from (line(cells, "│", style) for cells, style in rows)
    yield _rule("└─┴┘", widths)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes; a Korean syllable takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def takes_colour(stream: TextIO) -> bool:
    """Say whether colours are wanted there (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _styled(text: str, style: str) -> str:
    return f"\x1b[{SGR[style]}m{text}\x1b[0m" if style else text


def _rule(corners: str, widths: Sequence[int]) -> str:
    left, rule, between, right = tuple(corners)
    return left + between.join(rule * (column + 2) for column in widths) + right
