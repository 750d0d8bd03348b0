"""Dead letters: what could not be brought over, with the reason, in the run's folder as gzipped JSON lines."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from wkms_migrate.phases.cosmos import values
from wkms_migrate.phases.cosmos.digest import identity_of
from wkms_migrate.phases.cosmos.items import Document, ItemMap, UnmappableError, stripped


@dataclass(frozen=True, slots=True)
class Letter:
    """An item that could not be brought over, and why: `code` in a word, `message` in full."""

    code: str
    message: str
    document: Document


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The file of one container. It may hold an item twice when a copy was interrupted, never not at all."""

    path: Path
    _writing: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, run_dir: Path, container: str) -> DeadLetters:
        """Return the dead letters of a container in a run."""
        return cls(run_dir / "dead-letter" / f"cosmos-{container}.ndjson.gz")

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

    def read(self) -> Iterator[Letter]:
        """Yield what is in the file, in the order in which it was written."""
        if not self.path.exists():
            return
        with gzip.open(self.path, "rb") as file:
            for line in file:
                letter = values.decoded(line)
                yield Letter(letter["reason"], letter["message"], letter["item"])

    def latest(self, mapping: ItemMap) -> dict[bytes, Letter]:
        """Return the last letter of each item, by what names it in its container."""
        return {identity_of(stripped(letter.document), mapping): letter for letter in self.read()}

    def replace(self, letters: Sequence[Letter]) -> None:
        """Let these be all letters; the file is the old one or the new one, whatever happens."""
        if not letters:
            self.clear()
            return
        part = self.path.with_name(self.path.name + ".part")
        lines = b"".join(_line(one.document, UnmappableError(one.code, one.message)) + b"\n" for one in letters)
        with part.open("wb") as file:
            file.write(gzip.compress(lines))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)


def _line(document: Document, reason: UnmappableError) -> bytes:
    facts: dict[str, Any] = {"reason": reason.code, "message": str(reason), "id": document.get("id")}
    try:
        return values.canonical({**facts, "item": document})
    except orjson.JSONEncodeError:
        return json.dumps({**facts, "item": document}, default=str).encode("ascii")
