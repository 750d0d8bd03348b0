"""Bar charts as plain geometry; templates/charts.html draws them as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal
from unicodedata import east_asian_width

from wkms_migrate.cost.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 720
LABELS = 180  # for the names of rows, left of the bars
VALUES = 160  # for the figures, right of the longest bar
LABEL_CELLS = 27  # what fits into LABELS; a Korean syllable takes two cells
PLOT = WIDTH - LABELS - VALUES
TOP = 8
TICKS = 5

Tone = Literal["before", "after", "plain", "good", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One bar to draw: its value, the text of the figure, its tone; `partial` marks a value that is not complete."""

    value: Range
    text: str
    tone: Tone
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A drawn bar, in the units of the view box. `low` and `high` are the ends of the whisker."""

    y: int
    height: int
    width: int
    low: int
    high: int
    item: Item

    @property
    def text_x(self) -> int:
        """Where the figure begins."""
        return LABELS + max(self.width, self.high) + 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A named group of bars."""

    label: str
    y: int
    bars: tuple[Bar, ...]

    @property
    def short_label(self) -> str:
        """The name as far as there is room for it."""
        return shortened(self.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A grid line at a round value."""

    x: int
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A horizontal bar chart: view box `WIDTH` x `height`, bars begin at x = `LABELS`."""

    title: str
    description: str
    height: int
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    left: int = LABELS
    width: int = WIDTH


def chart(title: str, description: str, rows: Sequence[tuple[str, Sequence[Item]]], thickness: int = 16) -> Chart:
    """Lay out groups of bars, one under the other, on a common scale that begins at 0."""
    top_value = max((item.value.high for _, items in rows for item in items), default=Decimal(0))
    scale = max(top_value, Decimal(1))
    laid, y = [], TOP
    for label, items in rows:
        bars = tuple(_bar(item, y + index * (thickness + 4), thickness, scale) for index, item in enumerate(items))
        laid.append(Row(label=label, y=y + len(items) * (thickness + 4) // 2, bars=bars))
        y += len(items) * (thickness + 4) + 10
    ticks = tuple(Tick(x=LABELS + _x(value, scale), value=value) for value in round_values(scale))
    return Chart(title=title, description=description, height=y + 18, rows=tuple(laid), ticks=ticks)


def round_values(top: Decimal) -> list[Decimal]:
    """Return round values from 0, at steps of 1, 2 or 5 times a power of ten, none above `top`."""
    magnitude = Decimal(10) ** (top.adjusted() - 1)
    step = next(step for factor in (1, 2, 5, 10, 20, 50) if top / (step := factor * magnitude) <= TICKS)
    return [step * index for index in range(int(top / step) + 1)]


def shortened(label: str, cells: int = LABEL_CELLS) -> str:
    """Return a name as far as there is room for it."""
    taken, kept = 0, ""
    for letter in label:
        taken += 2 if east_asian_width(letter) in "WF" else 1
        if taken > cells:
            return f"{kept[:-1].rstrip()}…"
        kept += letter
    return kept


def _bar(item: Item, y: int, thickness: int, scale: Decimal) -> Bar:
    return Bar(
        y=y,
        height=thickness,
        width=_x(item.value.base, scale),
        low=_x(item.value.low, scale),
        high=_x(item.value.high, scale),
        item=item,
    )


def _x(value: Decimal, scale: Decimal) -> int:
    return int(max(value, Decimal(0)) * PLOT / scale)
