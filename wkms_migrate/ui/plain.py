"""One line per step, and per ten seconds of a long one: for pipes, CI and log files."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from wkms_migrate import events
from wkms_migrate.ui.text import duration, rate, share, short, size

EVERY_SECONDS = 10.0


class Plain:
    """Writes lines to a stream. `verbose` -1 shows only problems, 0 steps, 1 also log lines and every check."""

    def __init__(self, stream: TextIO, *, verbose: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._verbose = verbose
        self._clock = clock
        self._shown: dict[str, float] = {}
        self._begun: dict[str, float] = {}

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.StepStarted():
                self._begun[event.step] = self._shown[event.step] = self._clock()
                self._say(f"▸ {event.step}: {event.summary}")
            case events.Progress():
                self._progress(event)
            case _:
                if line := fact_line(event):
                    self._say(line, level=level_of(event))

    def close(self) -> None:
        """Leave nothing in the buffer."""
        self._stream.flush()

    def _progress(self, event: events.Progress) -> None:
        now = self._clock()
        if now - self._shown.setdefault(event.step, now) < EVERY_SECONDS:
            return
        self._shown[event.step] = now
        self._say(f"  {event.step}: {progress_line(event, now - self._begun.get(event.step, now))}")

    def _say(self, line: str, level: int = 0) -> None:
        if self._verbose >= level:
            self._stream.write(line + "\n")
            self._stream.flush()


def fact_line(event: events.Event) -> str:
    """Return the line for a fact that is not progress; empty for one that is not told."""
    match event:
        case events.StepDone():
            return f"✔ {event.step}: done in {duration(event.seconds)}"
        case events.StepSkipped():
            return f"– {event.step}: skipped: {event.reason}"
        case events.StepFailed():
            return f"✘ {event.step}: {event.message}"
        case events.Finding():
            about = f" [{short(event.object)}]" if event.object else ""
            return f"! {event.step}{about}: {event.text}"
        case events.Verified():
            return f"= {event.object}: {event.check} {event.source}" + ("" if event.ok else f" ≠ {event.target}")
        case events.Log():
            return f"  {event.step}: {event.text}"
        case _:
            return ""


def level_of(event: events.Event) -> int:
    """Return how verbose one must be to see a fact: -1 always, 0 normally, 1 with -v."""
    match event:
        case events.StepFailed() | events.StepSkipped():
            return -1
        case events.Verified():
            return 1 if event.ok else -1
        case events.Finding():
            return 1 if event.severity == "info" else 0
        case events.Log():
            return 1
        case _:
            return 0


def progress_line(event: events.Progress, elapsed: float) -> str:
    """Return count, rate, bytes, time left and errors of a step that has run for `elapsed` seconds."""
    parts = [f"{share(event.done, event.total)} {event.unit}"]
    if event.bytes:
        parts.append(f"{size(event.bytes)}, {size(event.bytes / max(elapsed, 0.001))}/s")
    elif elapsed > 0:
        parts.append(f"{rate(event.done, elapsed)} {event.unit}/s")
    if event.total and 0 < event.done < event.total:
        parts.append(f"{duration(elapsed * (event.total - event.done) / event.done)} left")
    if event.errors:
        parts.append(f"{event.errors} errors")
    if event.item:
        parts.append(short(event.item))
    return " · ".join(parts)
