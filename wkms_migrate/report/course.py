"""What has been paid month by month on either way, as plain geometry; templates/charts.html draws it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from wkms_migrate.report.charts import WIDTH, Tick, round_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wkms_migrate.cost.ranges import Range
    from wkms_migrate.cost.result import Month

HEIGHT = 280
LEFT, RIGHT, TOP, BOTTOM = 74, 14, 12, 30
MONTHS_APART = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way: its line in the base case and the band around it, as the points of SVG."""

    line: str
    band: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Two lines over months; `mark` is the x of the break-even month, with its y, None when there is none."""

    title: str
    description: str
    before: Way
    after: Way
    months: tuple[Tick, ...]
    amounts: tuple[Tick, ...]
    mark: tuple[int, int] | None
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM
    top: int = TOP
    right: int = WIDTH - RIGHT
    width: int = WIDTH
    height: int = HEIGHT


def course(title: str, description: str, months: Sequence[Month], break_even: int | None) -> Course:
    """Lay out the months from 0 on, on a scale that begins at 0."""
    last = months[-1]
    scale = max(last.baseline.high, last.target.high, Decimal(1))

    def x(number: int) -> int:
        return LEFT + number * (WIDTH - LEFT - RIGHT) // last.number

    def y(amount: Decimal) -> int:
        return HEIGHT - BOTTOM - int(amount * (HEIGHT - TOP - BOTTOM) / scale)

    def way(of: Callable[[Month], Range]) -> Way:
        line = [(x(month.number), y(of(month).base)) for month in months]
        upper = [(x(month.number), y(of(month).high)) for month in months]
        lower = [(x(month.number), y(of(month).low)) for month in reversed(months)]
        return Way(line=_points(line), band=_points([*upper, *lower]))

    mark = None if break_even is None else (x(break_even), y(months[break_even].target.base))
    return Course(
        title=title,
        description=description,
        before=way(lambda month: month.baseline),
        after=way(lambda month: month.target),
        months=tuple(Tick(x=x(number), value=Decimal(number)) for number in range(0, last.number + 1, MONTHS_APART)),
        amounts=tuple(Tick(x=y(value), value=value) for value in round_values(scale)),
        mark=mark,
    )


def _points(points: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
