"""The goals of the guide (§8.1 enterprise, §11.1.2 small and mid-size) and what was measured against them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, fsum
from typing import Literal

from wkms_migrate.events import Json

Better = Literal["low", "high"]
SIGNS: Mapping[Better, str] = {"low": "≤", "high": "≥"}
PERCENT = 100.0
P95 = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What is asked of the system; None: the guide asks nothing there."""

    mean_seconds: float
    availability_percent: float
    error_percent: float | None
    at_once: int


GOALS: Mapping[str, Goals] = {
    "small": Goals(mean_seconds=3.0, availability_percent=99.5, error_percent=None, at_once=20),
    "enterprise": Goals(mean_seconds=2.0, availability_percent=99.9, error_percent=0.1, at_once=100),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Answers to a number of requests: seconds of each answer, how many answers said no, how many never came."""

    seconds: Sequence[float]
    refused: int
    unavailable: int
    at_once: int

    @property
    def asked(self) -> int:
        """Number of requests."""
        return len(self.seconds) + self.unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One figure. `value` None: nothing could be measured, which meets no goal; `goal` None: for information."""

    id: str
    name_ko: str
    name_en: str
    value: float | None
    unit: str
    goal: float | None
    better: Better

    @property
    def ok(self) -> bool:
        """Whether the goal is met."""
        if self.goal is None:
            return True
        if self.value is None:
            return False
        return self.value <= self.goal if self.better == "low" else self.value >= self.goal

    @property
    def goal_text(self) -> str:
        """The goal with its unit."""
        return "–" if self.goal is None else f"{SIGNS[self.better]} {self.goal:g} {self.unit}".rstrip()

    @property
    def value_text(self) -> str:
        """The value with its unit, never rounded across its goal."""
        return "–" if self.value is None else f"{self.value:.6g} {self.unit}".rstrip()

    def as_result(self) -> Json:
        """Return the KPI as a step's result holds it."""
        return {
            "id": self.id,
            "name_ko": self.name_ko,
            "name_en": self.name_en,
            "value": self.value,
            "unit": self.unit,
            "threshold": self.goal,
            "ok": self.ok,
            "goal": self.goal_text,
            "measured": self.value_text,
        }


def of_answers(measured: Measured, goals: Goals) -> list[Kpi]:
    """Return the KPIs of a measurement: times, availability, errors, requests at once."""
    seconds = sorted(measured.seconds)
    mean = fsum(seconds) / len(seconds) if seconds else None
    failed = measured.refused + measured.unavailable
    available = _percent(measured.asked - measured.unavailable, measured.asked)
    return [
        Kpi(
            id="response_mean", name_ko="평균 응답 시간", name_en="Mean response time",
            value=mean, unit="s", goal=goals.mean_seconds, better="low",
        ),
        Kpi(
            id="response_p95", name_ko="응답 시간 95백분위", name_en="95th percentile of response time",
            value=percentile(seconds, P95), unit="s", goal=None, better="low",
        ),
        Kpi(
            id="availability", name_ko="가용성", name_en="Availability",
            value=available, unit="%", goal=goals.availability_percent, better="high",
        ),
        Kpi(
            id="error_rate", name_ko="오류율", name_en="Error rate",
            value=_percent(failed, measured.asked), unit="%", goal=goals.error_percent, better="low",
        ),
        Kpi(
            id="at_once", name_ko="동시 요청", name_en="Requests at once",
            value=float(measured.at_once), unit="", goal=float(goals.at_once), better="high",
        ),
    ]  # fmt: skip


def of_data(matching: int, compared: int) -> Kpi:
    """Return the KPI of comparisons that match."""
    return Kpi(
        id="data_match",
        name_ko="데이터 일치율",
        name_en="Data match",
        value=_percent(matching, compared),
        unit="%",
        goal=PERCENT,
        better="high",
    )


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile of an ordered sequence; None of an empty one."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None


def _percent(part: int, whole: int) -> float | None:
    return PERCENT * part / whole if whole else None
