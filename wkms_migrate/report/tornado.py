"""How far the result moves with each input alone, as plain geometry; templates/charts.html draws it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from wkms_migrate.report.charts import TOP, WIDTH, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

LEFT = 180  # for names
EDGE = 96  # for the figures at either end of a bar
THICKNESS = 16
GAP = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """One input: the result when it is at its lowest and at its highest, each with its text."""

    label: str
    at_low: Decimal
    at_high: Decimal
    low_text: str
    high_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A drawn bar from `x` to `x` + `width`, with the texts of its left and right end."""

    y: int
    x: int
    width: int
    left_text: str
    right_text: str
    swing: Swing

    @property
    def short_label(self) -> str:
        """The name as far as there is room for it."""
        return shortened(self.swing.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tornado:
    """Bars by falling width around `centre`; `zero` is where the result is 0, None when that is not in sight."""

    title: str
    description: str
    height: int
    centre: int
    zero: int | None
    arms: tuple[Arm, ...]
    left: int = LEFT
    width: int = WIDTH


def tornado(title: str, description: str, base: Decimal, swings: Sequence[Swing]) -> Tornado:
    """Lay out swings around the result in the base case."""
    ends = [base, *(end for swing in swings for end in (swing.at_low, swing.at_high))]
    lowest, highest = min(ends), max(ends)
    room = WIDTH - LEFT - 2 * EDGE

    def x(value: Decimal) -> int:
        return LEFT + EDGE + int((value - lowest) * room / (highest - lowest or Decimal(1)))

    arms = []
    for number, swing in enumerate(swings):
        (left, left_text), (right, right_text) = sorted(
            ((swing.at_low, swing.low_text), (swing.at_high, swing.high_text))
        )
        arms.append(
            Arm(
                y=TOP + number * (THICKNESS + GAP),
                x=x(left),
                width=max(x(right) - x(left), 1),
                left_text=left_text,
                right_text=right_text,
                swing=swing,
            )
        )
    return Tornado(
        title=title,
        description=description,
        height=TOP + len(swings) * (THICKNESS + GAP) + 4,
        centre=x(base),
        zero=x(Decimal(0)) if lowest <= 0 <= highest else None,
        arms=tuple(arms),
    )
