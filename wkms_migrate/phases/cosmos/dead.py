"""Dead letters: what could not be brought over, with the reason, in the run's folder as gzipped JSON lines."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from wkms_migrate.phases.cosmos import values
from wkms_migrate.phases.cosmos.items import Document, UnmappableError


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The file of one container. It may hold an item twice when a copy was interrupted, never not at all."""

    path: Path
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Begin anew."""
        self.path.unlink(missing_ok=True)

    def add(self, letters: Sequence[tuple[Document, UnmappableError]]) -> None:
        """Append items with their reasons; they are on the disk when this returns."""
        if not letters:
            return
        lines = b"".join(_line(document, reason) + b"\n" for document, reason in letters)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._writing, self.path.open("ab", buffering=0) as file:
            file.write(gzip.compress(lines))  # a whole gzip member in one write, so a crash cannot leave half of one
            os.fsync(file.fileno())


def _line(document: Document, reason: UnmappableError) -> bytes:
    facts: dict[str, Any] = {"reason": reason.code, "message": str(reason), "id": document.get("id")}
    try:
        return values.canonical({**facts, "item": document})
    except orjson.JSONEncodeError:
        return json.dumps({**facts, "item": document}, default=str).encode("ascii")
