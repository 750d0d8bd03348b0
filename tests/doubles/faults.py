"""Faults on demand: which requests they meet, how often, and what they do to them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "unavailable",
    "reset",
    "damage_in",
    "damage_out",
    "truncate",
    "pause",
    "late_error",
    "misstate",
    "denied",
    "expired",
    "token_ended",
    "elsewhere",
    "changed",
    "absent",
]


@dataclass(slots=True)
class Fault:
    """Do `kind` to the next `times` requests with this method whose path and query hold `where` and not `unless`.

    `reset` cuts the connection before an answer but after the work is done; `late_error` says 200 with an error
    in its body; `pause` sets `reached` and waits for `release`; `misstate` names a checksum that is not the content's;
    `denied`, `expired` and `token_ended` refuse the credentials, `changed` the condition, `elsewhere` the region;
    `absent` says that what is asked of is not there. `unavailable` wants to be left alone for `retry_after` seconds.
    """

    kind: Kind
    method: str
    where: str = ""
    times: int = 1
    every: int = 1
    unless: str | None = None
    retry_after: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    seen: int = 0


class Faults:
    """The faults that wait for their request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, target: str) -> Callable[[Kind], Fault | None]:
        """Return a function that says which fault of a kind meets this request."""
        with self._lock:
            met = {fault.kind: fault for fault in self._waiting if self._meets(fault, method, target)}
        return met.get

    @staticmethod
    def _meets(fault: Fault, method: str, target: str) -> bool:
        if fault.method != method or fault.where not in target or fault.times == 0:
            return False
        if fault.unless is not None and fault.unless in target:
            return False
        fault.seen += 1
        if fault.seen % fault.every:
            return False
        fault.times -= 1
        return True
