"""What the comparisons and findings of a run amount to: moved things, kinds of checks, findings by code. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wkms_migrate.events import Finding, FindingKind, Severity, Verified

COUNTED = ("rows", "objects", "items", "messages")  # checks whose target value is a number of moved things
SIZED = "bytes"
CHECKSUMS = ("digest", "CRC64NVME of all objects")
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One figure of the system: its goal and what was measured, as text with their unit.

    Without a `threshold` no goal is set, and the figure is for information.
    """

    name_ko: str
    name_en: str
    threshold: float | None
    goal: str
    measured: str
    ok: bool

    def name(self, lang: str) -> str:
        """Return the name in `lang`, "ko" or "en"."""
        return self.name_ko if lang == "ko" else self.name_en


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedObject:
    """One table, container or queue: how many on either end, the size and the checksum on the target; "" if unknown."""

    object: str
    unit: str
    source: str
    target: str
    bytes: str
    checksum: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a phase moved of one kind. Only what is alike on both ends counts; `bytes` is None where none are known."""

    phase: str
    unit: str
    count: int | None
    bytes: int | None
    seconds: float
    objects: tuple[MovedObject, ...]

    @property
    def per_second(self) -> float | None:
        """How many a second, over all the time that the phase ran, its verification included."""
        return self.count / self.seconds if self.count and self.seconds else None

    @property
    def bytes_per_second(self) -> float | None:
        """How many bytes a second, over the same time."""
        return self.bytes / self.seconds if self.bytes and self.seconds else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckGroup:
    """All comparisons of one kind in a phase."""

    phase: str
    check: str
    compared: int
    alike: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """All findings of one code and kind; `severity` is the gravest among them."""

    code: str
    kind: FindingKind
    severity: Severity
    findings: tuple[Finding, ...]


def phase_of(step: str) -> str:
    """Return the phase of a step's id."""
    return step.partition("/")[0]


def moved(checks: Iterable[Verified], seconds: Mapping[str, float]) -> tuple[Moved, ...]:
    """Say what was moved, in the order of `seconds`, which holds for how long each phase ran."""
    by_object: dict[tuple[str, str], dict[str, Verified]] = {}
    for check in sorted(checks, key=lambda check: check.object):
        by_object.setdefault((phase_of(check.step), check.object), {})[check.check] = check
    by_kind: dict[tuple[str, str], list[dict[str, Verified]]] = {}
    for (phase, _), found in by_object.items():
        unit = next((unit for unit in COUNTED if unit in found), None)
        if unit:
            by_kind.setdefault((phase, unit), []).append(found)
    order = list(seconds)
    kinds = sorted(by_kind, key=lambda kind: order.index(kind[0]) if kind[0] in order else len(order))
    return tuple(_moved(phase, unit, by_kind[phase, unit], seconds.get(phase, 0.0)) for phase, unit in kinds)


def check_groups(checks: Iterable[Verified]) -> tuple[CheckGroup, ...]:
    """Count comparisons by phase and kind."""
    tally: dict[tuple[str, str], list[bool]] = {}
    for check in checks:
        tally.setdefault((phase_of(check.step), check.check), []).append(check.ok)
    return tuple(
        CheckGroup(phase=phase, check=check, compared=len(found), alike=sum(found))
        for (phase, check), found in sorted(tally.items())
    )


def finding_groups(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """Put findings of one code together, the gravest first."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    groups = [
        FindingGroup(
            code=code,
            kind=found[0].kind,
            severity=min((one.severity for one in found), key=SEVERITIES.index),
            findings=tuple(found),
        )
        for code, found in by_code.items()
    ]
    return tuple(sorted(groups, key=lambda group: (SEVERITIES.index(group.severity), group.code)))


def _moved(phase: str, unit: str, found: list[dict[str, Verified]], seconds: float) -> Moved:
    sizes = [number for checks in found if (number := _alike(checks.get(SIZED))) is not None]
    counts = [number for checks in found if (number := _alike(checks[unit])) is not None]
    return Moved(
        phase=phase,
        unit=unit,
        count=sum(counts) if counts else None,
        bytes=sum(sizes) if sizes else None,
        seconds=seconds,
        objects=tuple(_object(unit, checks) for checks in found),
    )


def _object(unit: str, checks: Mapping[str, Verified]) -> MovedObject:
    size, count = checks.get(SIZED), checks[unit]
    return MovedObject(
        object=count.object,
        unit=unit,
        source=count.source,
        target=count.target,
        bytes=size.target if size else "",
        checksum=next((checks[name].target for name in CHECKSUMS if name in checks), ""),
        ok=all(check.ok for check in checks.values()),
    )


def _alike(check: Verified | None) -> int | None:
    return int(check.target) if check and check.ok and check.target.isdecimal() else None
