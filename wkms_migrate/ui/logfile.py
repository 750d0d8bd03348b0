"""The run's own log: `runs/<name>/logs/run.log`, every event but sampled progress, with its time."""

from __future__ import annotations

import time
from pathlib import Path

from wkms_migrate import events
from wkms_migrate.ui.plain import Plain


class LogFile:
    """Appends timed lines to a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._plain = Plain(_Timed(self._file), verbose=1)  # type: ignore[arg-type] # only write and flush are used

    def __call__(self, event: events.Event) -> None:
        """Write one event."""
        if not isinstance(event, events.Progress):
            self._plain(event)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Timed:
    """A text stream that begins each line with the UTC time."""

    def __init__(self, file: object) -> None:
        self._file = file

    def write(self, line: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._file.write(f"{stamp} {line}")  # type: ignore[attr-defined] # an open text file

    def flush(self) -> None:
        self._file.flush()  # type: ignore[attr-defined] # an open text file
