"""Tries a mapping on every item of a container: no two may get the same key, and every conversion is counted."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import orjson

from wkms_migrate.clients.azure_cosmos import Database
from wkms_migrate.phases.cosmos import digest, inspect
from wkms_migrate.phases.cosmos.items import Document, UnmappableError, stripped
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.plan import StepRun

COLLISIONS_SHOWN: Final = 20
EXAMPLES: Final = 3


@dataclass(slots=True)
class Trial:
    """What came of it. `collisions` are pairs of items, by partition key and id, that would get the same key."""

    name: str
    items: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    collisions: list[tuple[bytes, bytes]] = field(default_factory=list)


def tried(run: StepRun, database: Database, work: Job) -> Trial:
    """Map every item of a container and write nothing. Keys are held on the disk, so memory stays small."""
    found = Trial(work.name)
    with closing(_Keys()) as keys:
        for page in inspect.pages(run, database, work, inspect.ALL):
            for document in page.items:
                found.items += 1
                key = _key(found, document, work)
                if key is not None:
                    found.collisions += keys.add(key, digest.identity_of(stripped(document), work.mapping))
            if len(found.collisions) > COLLISIONS_SHOWN:
                break
    return found


def _key(found: Trial, document: Document, work: Job) -> tuple[str, ...] | None:
    try:
        mapped = work.mapping.to_item(document)
    except UnmappableError as reason:
        found.dead[reason.code] += 1
        if len(found.examples[reason.code]) < EXAMPLES:
            found.examples[reason.code].append(document["id"])
        return None
    found.notes += mapped.notes
    return mapped.key


class _Keys:
    """The keys seen so far, each with what has it, in a file that ends with this object."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")
        self._file.execute("CREATE TABLE keys (key BLOB PRIMARY KEY, identity BLOB NOT NULL) WITHOUT ROWID")

    def add(self, key: tuple[str, ...], identity: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Take a key in; yield both items when another one has it."""
        name = blake2b(orjson.dumps(key), digest_size=20).digest()
        if self._file.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (name, identity)).rowcount:
            return
        (other,) = self._file.execute("SELECT identity FROM keys WHERE key = ?", (name,)).fetchone()
        if other != identity:  # the same item comes twice when it changes while it is read
            yield other, identity

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
