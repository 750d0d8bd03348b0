"""A live view for a terminal: one bar per running step, with rate, bytes, time left and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from wkms_migrate import events
from wkms_migrate.ui.plain import fact_line, level_of
from wkms_migrate.ui.text import size

if TYPE_CHECKING:
    from rich.progress import TaskID


class Live:
    """Draws with rich; finished steps stay as lines above the bars."""

    def __init__(self, stream: TextIO, *, verbose: int = 0) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._verbose = verbose
        self._console = Console(file=stream, highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._progress.start()

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.StepStarted():
                self._tasks[event.step] = self._progress.add_task(event.summary, total=None, counts="")
            case events.Progress():
                self._update(event)
            case _:
                if isinstance(event, (events.StepDone, events.StepFailed)):
                    self._remove(event.step)
                self._say(event)

    def close(self) -> None:
        """Give the terminal back."""
        self._progress.stop()

    def _update(self, event: events.Progress) -> None:
        task = self._tasks.get(event.step)
        if task is None:
            return
        elapsed = next((known.elapsed or 0.0 for known in self._progress.tasks if known.id == task), 0.0)
        total = f"/{event.total:,}" if event.total else ""
        counts = [f"{event.done:,}{total} {event.unit}"]
        if event.bytes:
            counts.append(f"{size(event.bytes)} {size(event.bytes / max(elapsed, 0.1))}/s")
        if event.errors:
            counts.append(f"{event.errors} errors")
        self._progress.update(task, completed=event.done, total=event.total, counts="  ".join(counts))

    def _remove(self, step: str) -> None:
        if (task := self._tasks.pop(step, None)) is not None:
            self._progress.remove_task(task)

    def _say(self, event: events.Event) -> None:
        line = fact_line(event)
        if line and self._verbose >= level_of(event):
            self._console.print(line, style=_style(event), markup=False)


def _style(event: events.Event) -> str:
    match event:
        case events.StepDone():
            return "green"
        case events.StepFailed():
            return "bold red"
        case events.Verified() if not event.ok:
            return "bold red"
        case events.StepSkipped() | events.Finding():
            return "yellow"
        case _:
            return "dim"
