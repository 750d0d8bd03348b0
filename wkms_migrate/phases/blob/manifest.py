"""The manifest of one container: both listings, and what this run has written, in one SQLite file.

Comparing is a join, so memory stays small however many objects there are. The file outlives a kill (write-ahead
log); losing it costs one HEAD per object, never a second copy.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.clients.s3 import Listed, Part
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.blob.listing import Row
from wkms_migrate.phases.blob.mapping import CONTROL, Left

Md5 = Literal["match", "missing", "wrong", "unread"]
PAGE = 500
UNSAVED = 200  # records that are saved at once

SCHEMA = """
CREATE TABLE IF NOT EXISTS source (
    key TEXT PRIMARY KEY, name TEXT, fingerprint TEXT, size INTEGER, reason TEXT, blob BLOB
);
CREATE INDEX IF NOT EXISTS by_size ON source (size DESC, key);
CREATE TABLE IF NOT EXISTS target (key TEXT PRIMARY KEY, size INTEGER, etag TEXT);
CREATE TABLE IF NOT EXISTS landed (
    key TEXT PRIMARY KEY, fingerprint TEXT, etag TEXT, crc64 INTEGER, md5 TEXT, confirmed INTEGER
);
CREATE TABLE IF NOT EXISTS uploads (upload_id TEXT PRIMARY KEY, key TEXT, fingerprint TEXT, part_size INTEGER);
CREATE TABLE IF NOT EXISTS parts (
    upload_id TEXT, number INTEGER, etag TEXT, crc64 TEXT, size INTEGER, PRIMARY KEY (upload_id, number)
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A blob to copy; `replaces` is the ETag of the object that is there now, empty when none is."""

    key: str
    blob: Blob
    fingerprint: str
    replaces: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An object that this run vouches for. `fingerprint` is of the blob it was made from.

    `crc64` is of what was read, `confirmed` what the service says of the object with this ETag.
    """

    key: str
    fingerprint: str
    etag: str
    crc64: int | None
    md5: Md5
    confirmed: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun; `part_size` in bytes."""

    upload_id: str
    key: str
    fingerprint: str
    part_size: int


class Manifest:
    """An open manifest. Thread-safe: one statement at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._unsaved: list[tuple[Written, Blob | None, bool]] = []
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {SCHEMA}")

    def close(self) -> None:
        """Save what is recorded and close the file."""
        with self._lock:
            self.save()
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def list_source(self, rows: Iterable[Row]) -> None:
        """Take in the source's listing."""
        try:
            self._refill("source", rows, "?, ?, ?, ?, ?, ?")
        except sqlite3.IntegrityError as error:
            raise ConfigError(
                f"Two blobs would get the same key ({error}).", hint="Correct the file that phases.blob.renames names."
            ) from error

    def list_target(self, objects: Iterable[Listed]) -> None:
        """Take in the target's listing, without this tool's own objects."""
        rows = ((one.key, one.size, one.etag) for one in objects if not one.key.startswith(CONTROL))
        self._refill("target", rows, "?, ?, ?")

    def pending(self, at_most: int = 1 << 62) -> Iterator[Pending]:
        """Yield what is to be copied, of blobs of `at_most` so many bytes, largest first.

        What is recorded meanwhile does not disturb it.
        """
        at: tuple[int, str] = (at_most, "")
        while True:
            rows = self._rows(
                "SELECT s.size, s.key, s.blob, s.fingerprint, coalesce(t.etag, '')"
                " FROM source s LEFT JOIN target t USING (key)"
                " LEFT JOIN landed w ON w.key = s.key AND w.fingerprint = s.fingerprint AND w.etag = t.etag"
                " WHERE s.reason = '' AND w.key IS NULL AND (s.size < ? OR (s.size = ? AND s.key > ?))"
                " ORDER BY s.size DESC, s.key LIMIT ?",
                (at[0], at[0], at[1], PAGE),
            )
            decode = msgspec.msgpack.Decoder(Blob).decode
            for _, key, blob, print_, etag in rows:
                yield Pending(key=key, blob=decode(blob), fingerprint=print_, replaces=etag)
            if len(rows) < PAGE:
                return
            at = (rows[-1][0], rows[-1][1])

    def totals(self, *, due: bool = False) -> tuple[int, int]:
        """Return number and bytes of the blobs that can be copied; with `due` only of those still to be."""
        if not due:
            return self._pair("SELECT count(*), coalesce(sum(size), 0) FROM source WHERE reason = ''")
        return self._pair(
            "SELECT count(*), coalesce(sum(s.size), 0) FROM source s LEFT JOIN target t USING (key)"
            " LEFT JOIN landed w ON w.key = s.key AND w.fingerprint = s.fingerprint AND w.etag = t.etag"
            " WHERE s.reason = '' AND w.key IS NULL"
        )

    def left(self) -> list[tuple[str, str, str]]:
        """Return (name, key, reason) of every blob that was to be taken and is left behind."""
        query = "SELECT name, key, reason FROM source WHERE reason NOT IN ('', 'unselected') ORDER BY key"
        return [tuple(row) for row in self._rows(query)]

    def leave(self, keys: Iterable[str], reason: Left) -> None:
        """Leave these behind."""
        with self._lock:
            self.save()
            self._db.executemany("UPDATE source SET reason = ? WHERE key = ?", [(reason, key) for key in keys])

    def unknown_objects(self) -> Iterator[tuple[Listed, Blob | None]]:
        """Yield the objects that this run has not written as they are, each with the blob of the same key."""
        at = ""
        while True:
            rows = self._rows(
                "SELECT t.key, t.size, t.etag, s.blob FROM target t LEFT JOIN source s USING (key)"
                " LEFT JOIN landed w ON w.key = t.key AND w.etag = t.etag WHERE w.key IS NULL AND t.key > ?"
                " ORDER BY t.key LIMIT ?",
                (at, PAGE),
            )
            for key, size, etag, blob in rows:
                yield Listed(key, size, etag), msgspec.msgpack.decode(blob, type=Blob) if blob else None
            if len(rows) < PAGE:
                return
            at = rows[-1][0]

    def extra(self) -> list[str]:
        """Return the keys of objects that no blob stands for."""
        return self._column(
            "SELECT t.key FROM target t LEFT JOIN source s USING (key) WHERE s.key IS NULL ORDER BY t.key"
        )

    def objects(self) -> int:
        """Return how many objects the target's listing has."""
        return int(self._rows("SELECT count(*) FROM target")[0][0])

    def has_blobs(self) -> bool:
        """Say whether the source's listing has any blob."""
        return bool(self._rows("SELECT 1 FROM source LIMIT 1"))

    def has_source(self, key: str) -> bool:
        """Say whether a blob stands for this key."""
        return bool(self._rows("SELECT 1 FROM source WHERE key = ?", (key,)))

    def forget_target(self, key: str) -> None:
        """Note that an object is no more."""
        self._run("DELETE FROM target WHERE key = ?", (key,))
        self._run("DELETE FROM landed WHERE key = ?", (key,))

    def target_is(self, key: str, size: int, etag: str) -> None:
        """Note what object is there now."""
        self._run("INSERT OR REPLACE INTO target VALUES (?, ?, ?)", (key, size, etag))

    def record(self, written: Written, blob: Blob | None = None, *, changed: bool = False) -> None:
        """Note that an object is there; `blob` when this run has made it, `changed` when that is not the listed one.

        Saved with others soon after; what a kill loses of it costs one HEAD each.
        """
        with self._lock:
            self._unsaved.append((written, blob, changed))
            if len(self._unsaved) >= UNSAVED:
                self.save()

    def checksum(self, key: str, print_: str) -> int | None:
        """Return the CRC64 of what was read for this version of the blob, None when it was never read here."""
        rows = self._rows("SELECT crc64 FROM landed WHERE key = ? AND fingerprint = ?", (key, print_))
        return _unsigned(rows[0][0]) if rows else None

    def written(self) -> Iterator[tuple[str, Written]]:
        """Yield what was written and is still current on both sides, with the blob's name, in the order of keys."""
        at = ""
        while True:
            rows = self._rows(
                "SELECT s.name, w.key, w.fingerprint, w.etag, w.crc64, w.md5, w.confirmed FROM source s"
                " JOIN landed w ON w.key = s.key AND w.fingerprint = s.fingerprint"
                " JOIN target t ON t.key = s.key AND t.etag = w.etag WHERE s.reason = '' AND s.key > ?"
                " ORDER BY s.key LIMIT ?",
                (at, PAGE),
            )
            for name, key, print_, etag, crc, md5, confirmed in rows:
                read, held = _unsigned(crc), _unsigned(confirmed)
                yield name, Written(key=key, fingerprint=print_, etag=etag, crc64=read, md5=md5, confirmed=held)
            if len(rows) < PAGE:
                return
            at = rows[-1][1]

    def blob(self, key: str) -> Blob:
        """Return the blob that stands for a key. Raises `IndexError` when none does."""
        return msgspec.msgpack.decode(self._rows("SELECT blob FROM source WHERE key = ?", (key,))[0][0], type=Blob)

    def compare(self) -> Comparison:
        """Compare both listings name by name."""
        return Comparison(
            source=self.totals(),
            target=self._pair(
                "SELECT count(*), coalesce(sum(t.size), 0) FROM source s JOIN target t USING (key) WHERE s.reason = ''"
            ),
            missing=self._column(
                "SELECT s.name FROM source s LEFT JOIN target t USING (key)"
                " WHERE s.reason = '' AND t.key IS NULL ORDER BY s.key"
            ),
            extra=self.extra(),
            sizes=self._column(
                "SELECT s.name FROM source s JOIN target t USING (key)"
                " WHERE s.reason = '' AND s.size <> t.size ORDER BY s.key"
            ),
            changed=self._column(
                "SELECT s.name FROM source s JOIN target t USING (key) LEFT JOIN landed w"
                " ON w.key = s.key AND w.fingerprint = s.fingerprint AND w.etag = t.etag"
                " WHERE s.reason = '' AND w.key IS NULL ORDER BY s.key"
            ),
        )

    def save_upload(self, upload: Upload) -> None:
        """Note that an upload was begun."""
        self._run(
            "INSERT INTO uploads VALUES (?, ?, ?, ?)",
            (upload.upload_id, upload.key, upload.fingerprint, upload.part_size),
        )

    def uploads(self) -> list[tuple[Upload, bool]]:
        """Return every upload that was begun and not ended, and whether its blob is still to be copied as it was."""
        return [
            (Upload(*row[:4]), bool(row[4]))
            for row in self._rows(
                "SELECT u.upload_id, u.key, u.fingerprint, u.part_size, s.key IS NOT NULL FROM uploads u"
                " LEFT JOIN source s ON s.key = u.key AND s.fingerprint = u.fingerprint AND s.reason = ''"
            )
        ]

    def upload_of(self, key: str, print_: str) -> Upload | None:
        """Return the upload of exactly this version of the blob."""
        rows = self._rows("SELECT * FROM uploads WHERE key = ? AND fingerprint = ?", (key, print_))
        return Upload(*rows[0]) if rows else None

    def save_part(self, upload_id: str, part: Part) -> None:
        """Note that a part has landed."""
        row = (upload_id, part.number, part.etag, f"{part.crc64:016x}", part.size)
        self._run("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?)", row)

    def parts(self, upload_id: str) -> list[Part]:
        """Return the parts that have landed."""
        rows = self._rows("SELECT number, etag, crc64, size FROM parts WHERE upload_id = ?", (upload_id,))
        return [Part(number, etag, int(crc, 16), size) for number, etag, crc, size in rows]

    def forget_upload(self, upload_id: str) -> None:
        """Note that an upload is no more."""
        self._run("DELETE FROM parts WHERE upload_id = ?", (upload_id,))
        self._run("DELETE FROM uploads WHERE upload_id = ?", (upload_id,))

    def _refill(self, table: str, rows: Iterable[Sequence[Any]], places: str) -> None:
        self.save()
        with self._lock, self._transaction():
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            self._db.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608

    def _transaction(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db  # commits or rolls back as a context manager

    def save(self) -> None:
        """Write what was recorded, all of it or nothing."""
        with self._lock:
            if self._unsaved:
                self._write_recorded()

    def _write_recorded(self) -> None:
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO landed VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (one.key, one.fingerprint, one.etag, _signed(one.crc64), one.md5, _signed(one.confirmed))
                    for one, _, _ in self._unsaved
                ],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO target VALUES (?, ?, ?)",
                [(one.key, blob.size, one.etag) for one, blob, _ in self._unsaved if blob],
            )
            self._db.executemany(
                "UPDATE source SET fingerprint = ?, size = ?, blob = ? WHERE key = ?",
                [
                    (one.fingerprint, blob.size, msgspec.msgpack.encode(blob), one.key)
                    for one, blob, changed in self._unsaved
                    if blob and changed
                ],
            )
        self._unsaved.clear()

    def _run(self, statement: str, values: Sequence[Any]) -> None:
        with self._lock:
            self.save()
            self._db.execute(statement, values)

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            self.save()
            return self._db.execute(statement, values).fetchall()

    def _column(self, statement: str) -> list[str]:
        return [row[0] for row in self._rows(statement)]

    def _pair(self, statement: str) -> tuple[int, int]:
        first, second = self._rows(statement)[0]
        return int(first), int(second)


def _signed(checksum: int | None) -> int | None:
    """Return a checksum as SQLite can hold it: its integers have a sign."""
    return None if checksum is None else checksum - (1 << 64) if checksum >> 63 else checksum


def _unsigned(stored: int | None) -> int | None:
    return None if stored is None else stored % (1 << 64)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both listings say: (number, bytes) on each side, and the names that differ."""

    source: tuple[int, int]
    target: tuple[int, int]
    missing: list[str]
    extra: list[str]
    sizes: list[str]
    changed: list[str]
