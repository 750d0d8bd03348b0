"""Saves how far each piece of a container has landed: page by page in the order they were read, by a thread of its own.

Lanes land pages in any order. A page's token is saved once all of it and all before it in its piece has landed, and its
dead letters are on the disk; where several are due, the last one is saved for all.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, Self

from wkms_migrate.phases.cosmos import tally
from wkms_migrate.phases.cosmos.dead import DeadLetters
from wkms_migrate.phases.cosmos.items import UnmappableError
from wkms_migrate.phases.cosmos.lanes import Load
from wkms_migrate.phases.cosmos.pack import document_of
from wkms_migrate.phases.cosmos.read import Part
from wkms_migrate.phases.cosmos.tally import Tally
from wkms_migrate.plan import StepRun


class Reader(Protocol):
    """Whoever wants to know that what it read has landed."""

    def landed(self, part: Part) -> None:
        """Take note that a part has landed and its place is saved."""


@dataclass(slots=True, eq=False)
class _Page:
    part: Part
    done: Tally  # what was done to it
    load: Load | None = None
    landed: bool = False


@dataclass(slots=True)
class Landing:
    """The pages under way. A context manager: at its end every page that has landed is saved.

    `tallies` are those saved before, by piece. `failed` is called with what saving has failed with.
    """

    run: StepRun
    reader: Reader
    letters: DeadLetters
    tallies: dict[str, Tally]
    saved: Callable[[Tally], None]
    failed: Callable[[BaseException], None]
    _pages: dict[str, deque[_Page]] = field(default_factory=dict)
    _due: queue.SimpleQueue[_Page | None] = field(default_factory=queue.SimpleQueue)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._guarded, name="landing")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._due.put(None)
        self._thread.join()

    def expect(self, part: Part, done: Tally, requests: int) -> Load:
        """Take note of a page in the order it was read; return the load of so many requests that it makes."""
        page = _Page(part, done)
        page.load = Load(partial(self._due.put, page), left=requests)
        self._pages.setdefault(part.piece, deque()).append(page)
        if not requests:
            self._due.put(page)
        return page.load

    @property
    def whole(self) -> Tally:
        """What was done to all pieces."""
        return tally.merged(list(self.tallies.values()))

    def _guarded(self) -> None:
        try:
            while (page := self._due.get()) is not None:
                page.landed = True
                self._save(page.part.piece)
        except BaseException as error:  # noqa: BLE001 # it ends the copy, which raises it
            self.failed(error)

    def _save(self, piece: str) -> None:
        """Save the place after the last page of a piece up to which all have landed."""
        waiting = self._pages[piece]
        due: list[_Page] = []
        while waiting and waiting[0].landed:
            due.append(waiting.popleft())
        if not due:
            return
        for page in due:
            self._bury(page)
        known = tally.merged([self.tallies.get(piece, Tally()), *(page.done for page in due)])
        self.run.checkpoint({"token": due[-1].part.token, "tally": known.as_json()}, key=piece)
        self.tallies[piece] = known
        for page in due:
            self.reader.landed(page.part)
        self.saved(self.whole)

    def _bury(self, page: _Page) -> None:
        """Keep what the service refused as dead letters."""
        refused = page.load.refused if page.load else []
        letters = [
            (document_of(bytes(entry.document)), UnmappableError("refused", error.message)) for entry, error in refused
        ]
        self.letters.add(letters)
        page.done.items -= len(letters)
        page.done.dead += len(letters)
