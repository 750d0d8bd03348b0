"""From one total to another, area by area, as plain geometry; templates/charts.html draws it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from wkms_migrate.report.charts import LABELS, PLOT, TOP, WIDTH, Tick, round_values, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

THICKNESS = 16
GAP = 8

Tone = Literal["before", "after", "good", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One bar to draw: a total when `change` is False, else how much the total moves."""

    label: str
    amount: Decimal
    text: str
    tone: Tone
    change: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A drawn bar, in the units of the view box; `link` is where the next one begins."""

    x: int
    y: int
    width: int
    height: int
    link: int
    stage: Stage

    @property
    def short_label(self) -> str:
        """The name as far as there is room for it."""
        return shortened(self.stage.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """A chart of blocks, one under the other."""

    title: str
    description: str
    height: int
    blocks: tuple[Block, ...]
    ticks: tuple[Tick, ...]
    left: int = LABELS
    width: int = WIDTH


def waterfall(title: str, description: str, stages: Sequence[Stage]) -> Waterfall:
    """Lay out stages; each change begins where the one before it ended."""
    ends = _ends(stages)
    scale = max((*ends, Decimal(1)))
    blocks, before = [], Decimal(0)
    for number, (stage, after) in enumerate(zip(stages, ends, strict=True)):
        begin = before if stage.change else Decimal(0)
        low, high = sorted((_x(begin, scale), _x(after, scale)))
        y = TOP + number * (THICKNESS + GAP)
        link = LABELS + _x(after, scale)
        blocks.append(Block(x=LABELS + low, y=y, width=max(high - low, 1), height=THICKNESS, link=link, stage=stage))
        before = after
    height = TOP + len(stages) * (THICKNESS + GAP) + 18
    ticks = tuple(Tick(x=LABELS + _x(value, scale), value=value) for value in round_values(scale))
    return Waterfall(title=title, description=description, height=height, blocks=tuple(blocks), ticks=ticks)


def _ends(stages: Sequence[Stage]) -> list[Decimal]:
    ends, total = [], Decimal(0)
    for stage in stages:
        total = total + stage.amount if stage.change else stage.amount
        ends.append(total)
    return ends


def _x(value: Decimal, scale: Decimal) -> int:
    return int(max(value, Decimal(0)) * PLOT / scale)
