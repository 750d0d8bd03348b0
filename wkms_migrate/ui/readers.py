"""Hands events to renderers on a thread of its own, so that none of them can slow or break the work."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from wkms_migrate import events

TICK_SECONDS = 0.25


class Reader(Protocol):
    """A renderer: takes each event once, in order; progress is sampled, not complete."""

    def __call__(self, event: events.Event) -> None:
        """Take an event."""

    def close(self) -> None:
        """Write what is left."""


class Readers:
    """Passes events on to several readers. A reader that fails is dropped and `on_failure` is told why."""

    def __init__(self, readers: Sequence[Reader], on_failure: Callable[[str], None]) -> None:
        self._readers = list(readers)
        self._on_failure = on_failure
        self._queue: queue.SimpleQueue[events.Event | None] = queue.SimpleQueue()
        self._progress: dict[str, events.Progress] = {}
        self._thread = threading.Thread(target=self._loop, name="readers", daemon=True)
        self._thread.start()

    def __call__(self, event: events.Event) -> None:
        """Take an event; returns at once."""
        if isinstance(event, events.Progress):
            self._progress[event.step] = event  # only the newest of a step matters
        else:
            self._queue.put(event)

    def close(self) -> None:
        """Hand on what is left, then close every reader."""
        self._queue.put(None)
        self._thread.join()
        for reader in self._readers:
            self._guarded(reader, reader.close)

    def _loop(self) -> None:
        while True:
            try:
                event = self._queue.get(timeout=TICK_SECONDS)
            except queue.Empty:
                self._flush_progress()
                continue
            if event is None:
                return
            if isinstance(event, (events.StepDone, events.StepFailed)):
                self._flush_progress()
            self._hand_on(event)

    def _flush_progress(self) -> None:
        for step in list(self._progress):
            self._hand_on(self._progress.pop(step))

    def _hand_on(self, event: events.Event) -> None:
        for reader in list(self._readers):
            self._guarded(reader, lambda reader=reader: reader(event))  # type: ignore[misc]

    def _guarded(self, reader: Reader, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the work must outlive its renderers; the failure is told
            if reader in self._readers:
                self._readers.remove(reader)
            self._on_failure(f"{type(reader).__name__} stopped: {type(error).__name__}: {error}")
