"""Many exchanges of small messages on one thread, each waiting until its connection is ready.

With a thread for each small object, changing places among the threads costs more than the object's own work. Here a
talk asks, is sent the answer, and asks again. What takes more than a good answer on an open connection ends the talk,
and is for its caller to begin anew on a thread, which can connect, wait and try again (http_origin.py).
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Generic, Self, TypeAlias, TypeVar

from wkms_migrate.clients.http_origin import TIMEOUT_SECONDS, Origin, Request
from wkms_migrate.clients.http_wire import Broken, Connection, Response
from wkms_migrate.errors import TransientError, WkmsError

K = TypeVar("K")
LOOK_SECONDS = 1.0  # between two looks for what is overdue
NOTHING = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request and who is asked. Its answer has to say its length, and to fit into `http_wire.BUFFER_BYTES`."""

    origin: Origin
    request: Request


Talk: TypeAlias = Generator[Ask, Response, None]  # reads an answer whole before it asks again or ends


class NoneOpen(TransientError):
    """There is no open connection to ask on."""


@dataclass(slots=True)
class Ended(Generic[K]):
    """A talk that is over; `error` says why it is before its time."""

    key: K
    error: WkmsError | OSError | None = None


@dataclass(slots=True, eq=False)
class _Line(Generic[K]):
    """An open connection and, while an answer is awaited, who awaits it, to what, and until when."""

    origin: Origin
    connection: Connection
    talk: tuple[K, Talk] | None = None
    request: Request | None = None
    unsent: memoryview = NOTHING
    crowded: bool = False  # waits for room to send
    until: float = 0.0


class Exchanges(Generic[K]):
    """Talks under way, each with a key of its caller. For one thread, but for `wake`."""

    def __init__(self, seconds: float = TIMEOUT_SECONDS) -> None:
        self._seconds = seconds
        self._busy: set[_Line[K]] = set()
        self._idle: defaultdict[Origin, list[_Line[K]]] = defaultdict(list)
        self._open: Counter[Origin] = Counter()
        self._ended: list[Ended[K]] = []
        self._next_look = 0.0
        self._woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)

    def __len__(self) -> int:
        """Return how many talks are under way, or over and not yet returned by `turn`."""
        return len(self._busy) + len(self._ended)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def has_room(self, *origins: Origin) -> bool:
        """Say whether one talk more would find an open connection to each of these whenever it asks there."""
        return all(self._open[origin] > len(self._busy) or self._borrow(origin) for origin in origins)

    def begin(self, key: K, talk: Talk) -> None:
        """Begin a talk. How it ends, a later `turn` returns."""
        self._ask(key, talk, lambda: next(talk))

    def turn(self, seconds: float) -> list[Ended[K]]:
        """Wait for answers, `seconds` at most, and go on with the talks they are for; return those that are over."""
        for ready, _ in self._selector.select(0 if self._ended else seconds):
            if ready.data is None:
                self._woken.recv(4096)
            else:
                self._serve(ready.data)
        self._break_overdue()
        ended, self._ended = self._ended, []
        return ended

    def wake(self) -> None:
        """End the wait of `turn`, from any thread."""
        self._waker.send(b"!")

    def close(self) -> None:
        """Break off what is under way, and give the idle connections back."""
        for line in list(self._busy):
            self._break(line, ConnectionAbortedError("closed"))
        for line in [line for lines in self._idle.values() for line in lines]:
            self._selector.unregister(line.connection)
            line.connection.wait(allowed=True)
            line.origin.give_back(line.connection)
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def _ask(self, key: K, talk: Talk, next_question: Callable[[], Ask]) -> None:
        """Go on with a talk: ask what it asks next, or note how it ended."""
        try:
            asked = next_question()
            message = memoryview(asked.origin.message(asked.request))
            line = self._line(asked.origin)
        except StopIteration:
            self._ended.append(Ended(key))
        except (WkmsError, OSError) as error:
            talk.close()
            self._ended.append(Ended(key, error))
        else:
            line.talk, line.request, line.unsent = (key, talk), asked.request, message
            line.until = time.monotonic() + self._seconds
            self._busy.add(line)
            self._serve(line)

    def _line(self, origin: Origin) -> _Line[K]:
        """Return an idle connection."""
        if not self._idle[origin] and not self._borrow(origin):
            raise NoneOpen("There is no open connection.")
        return self._idle[origin].pop()

    def _borrow(self, origin: Origin) -> bool:
        """Take over an idle connection of the origin, if it has one."""
        connection = origin.lend()
        if connection is None:
            return False
        connection.wait(allowed=False)
        line: _Line[K] = _Line(origin, connection)
        self._selector.register(connection, selectors.EVENT_READ, line)
        self._idle[origin].append(line)
        self._open[origin] += 1
        return True

    def _serve(self, line: _Line[K]) -> None:
        """Do what a connection is ready for."""
        try:
            if line.unsent:
                self._send(line)
            elif line.connection.gather():
                self._hear(line)
        except OSError as error:
            self._break(line, error)

    def _send(self, line: _Line[K]) -> None:
        """Send what goes out at once, and wait for room only while something is left."""
        line.unsent = line.unsent[line.connection.offer(line.unsent) :]
        if line.crowded != bool(line.unsent):
            line.crowded = bool(line.unsent)
            events = selectors.EVENT_WRITE if line.crowded else selectors.EVENT_READ
            self._selector.modify(line.connection, events, line)

    def _hear(self, line: _Line[K]) -> None:
        """Give the answer that is here to the talk that awaits it."""
        if line.talk is None or line.request is None:
            raise Broken("an answer came that nobody had asked for")
        (key, talk), request = line.talk, line.request
        response = line.connection.answer(request.method)

        def take() -> Ask:
            try:
                line.origin.check(request, response)
                return talk.send(response)
            finally:
                self._release(line, response)

        self._ask(key, talk, take)

    def _release(self, line: _Line[K], response: Response) -> None:
        """Keep a connection for the next question when its answer was read to the end."""
        line.talk = line.request = None
        if response.reusable:
            self._busy.discard(line)
            self._idle[line.origin].append(line)
        else:
            self._drop(line)

    def _break(self, line: _Line[K], error: OSError) -> None:
        """Close a connection, and end the talk on it."""
        self._drop(line)
        if line.talk:
            key, talk = line.talk
            talk.close()
            self._ended.append(Ended(key, error))

    def _drop(self, line: _Line[K]) -> None:
        self._open[line.origin] -= 1
        self._busy.discard(line)
        if line in self._idle[line.origin]:
            self._idle[line.origin].remove(line)
        self._selector.unregister(line.connection)
        line.connection.close()

    def _break_overdue(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        for line in [line for line in self._busy if line.until < now]:
            self._break(line, TimeoutError("no answer in time"))
