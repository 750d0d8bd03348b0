"""What the migration report reads: a run's journal, folded, with the time of every attempt and its own checksum."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from wkms_migrate import events, journal
from wkms_migrate.journal import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One time that a step ran: from `began` (seconds since 1970), for `seconds`."""

    phase: str
    step: str
    began: float
    seconds: float

    @property
    def ended(self) -> float:
        """When it ended, in seconds since 1970."""
        return self.began + self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A journal: its state, every attempt in order, how many commands wrote it, and which bytes it is made of."""

    state: RunState
    attempts: tuple[Attempt, ...]
    commands: int
    versions: tuple[str, ...]
    events: int
    sha256: str


def read(run_dir: Path) -> Recorded:
    """Read a run's journal, without a lock. A last line without its newline is not yet a fact."""
    path = run_dir / journal.JOURNAL
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    return fold(journal.replay(run_dir), sha256(whole).hexdigest())


def fold(stream: Iterable[events.Event], checksum: str = "") -> Recorded:
    """Fold events into what the report needs."""
    state, clock, count = RunState(), _Clock(), 0
    commands: list[events.RunStarted] = []
    for event in stream:
        count += 1
        state.apply(event)
        clock.take(event)
        if isinstance(event, events.RunStarted):
            commands.append(event)
    clock.close()
    return Recorded(
        state=state,
        attempts=tuple(clock.attempts),
        commands=len(commands),
        versions=tuple(sorted({command.version for command in commands})),
        events=count,
        sha256=checksum,
    )


def busy(attempts: Iterable[Attempt]) -> float:
    """Return for how many seconds at least one of the attempts was running."""
    total, until = 0.0, float("-inf")
    for one in sorted(attempts, key=lambda attempt: attempt.began):
        total += max(0.0, one.ended - max(one.began, until))
        until = max(until, one.ended)
    return total


class _Clock:
    """Collects attempts. One that a kill cut off lasts until the last fact that its process stated."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self._open: dict[str, events.StepStarted] = {}
        self._last = 0.0

    def take(self, event: events.Event) -> None:
        """Take one event in."""
        match event:
            case events.RunStarted():
                self.close()
            case events.StepStarted():
                self._open[event.step] = event
            case events.StepDone() | events.StepFailed():
                self._open.pop(event.step, None)
                began = event.at - event.seconds
                self.attempts.append(Attempt(phase=event.phase, step=event.step, began=began, seconds=event.seconds))
            case _:
                pass
        self._last = event.at

    def close(self) -> None:
        """End what is still open at the last time that is known."""
        for step, event in self._open.items():
            seconds = max(0.0, self._last - event.at)
            self.attempts.append(Attempt(phase=event.phase, step=step, began=event.at, seconds=seconds))
        self._open.clear()
