"""What a dump says of itself: `manifest.json`, written last, without which the files beside it are no dump."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from wkms_migrate.errors import Refused
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import digest
from wkms_migrate.phases.mysql.catalog import FLOATS, Column, Table
from wkms_migrate.phases.mysql.chunks import Bound, Chunk
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.objects import StoredObject
from wkms_migrate.phases.mysql.roster import Roster
from wkms_migrate.plan import digest_of

if TYPE_CHECKING:
    from wkms_migrate.phases.mysql.dump_store import Store

MANIFEST = "manifest.json"
FORMAT = 2
OLDEST = 1  # its digests of FLOAT and DOUBLE were of their text
STEM_CHARACTERS = 60  # of at most three bytes each: with what follows, below the 255 bytes of a file name


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpedChunk:
    """One file: the rows with `after` < key <= `until`, their digest at the snapshot, and the file's own sums.

    `bytes` is of the lines, `size` of the compressed file. `converted` rows hold JSON that its own text writes
    differently: `digest` is of the rows once they are loaded, `text_digest` where JSON stays the text that it is.
    """

    file: str
    number: int
    after: Bound | None
    until: Bound | None
    rows: int
    digest: str
    text_digest: str
    converted: int
    bytes: int
    size: int
    sha256: str
    crc64: str

    @property
    def content(self) -> Digest:
        """Number and digest of the rows."""
        return Digest.from_json([self.rows, self.digest])

    def landed(self, *, json_is_text: bool) -> Digest:
        """Return number and digest of the rows on a target."""
        return Digest.from_json([self.rows, self.text_digest if json_is_text else self.digest])

    @property
    def range(self) -> Chunk:
        """The range of the key."""
        return Chunk(self.number, self.after, self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpedTable:
    """A table with its SHOW CREATE TABLE. `rows` and `digest` are of all chunks together."""

    schema: str
    name: str
    definition: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    condition: str
    engine: str
    rows: int
    digest: str
    chunks: tuple[DumpedChunk, ...]

    @property
    def content(self) -> Digest:
        """Number and digest of the rows."""
        return Digest.from_json([self.rows, self.digest])

    def table(self, target_schema: str) -> Table:
        """Return the table for the catalog, to be in a schema of the target."""
        by_name = {column.name: column for column in self.columns}
        return Table(
            schema=self.schema,
            name=self.name,
            columns=self.columns,
            key=tuple(by_name[name] for name in self.key),
            rows=self.rows,
            bytes=sum(chunk.bytes for chunk in self.chunks),
            engine=self.engine,
            target_schema=target_schema,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpedSchema:
    """A schema and its defaults."""

    name: str
    charset: str
    collation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A whole dump. `made_at` is in UTC; `snapshot` is where the binary log stood; `settings` chose what is in it.

    `version` and `collations` are the server's: what a target of another version or family has to be told in its words.
    `roster` holds the accounts that go with the schemas, without hashes of passwords unless these were asked for.
    """

    format: int
    tool: str
    made_at: str
    version: str
    collations: tuple[str, ...]
    snapshot: dict[str, Json]
    settings: dict[str, Json]
    schemas: tuple[DumpedSchema, ...]
    tables: tuple[DumpedTable, ...]
    objects: tuple[StoredObject, ...]
    roster: Roster = field(default_factory=Roster)

    @property
    def id(self) -> str:
        """A digest of all of it: two dumps of one id hold the same."""
        return digest_of(msgspec.to_builtins(self))

    def encoded(self) -> bytes:
        """Return the file's bytes."""
        return msgspec.json.format(msgspec.json.encode(self)) + b"\n"


class _Head(msgspec.Struct):
    format: int


def read(store: Store) -> Manifest:
    """Read a dump's manifest. Raises `Refused` where there is none, or one that this version cannot trust."""
    found = store.get(MANIFEST)
    if found is None:
        raise Refused(
            f"{store.where} holds no {MANIFEST}: it is no dump, or one that is not complete.",
            hint="Run the same `mysql dump` again: it goes on, and writes the manifest last.",
        )
    try:
        head = msgspec.json.decode(found, type=_Head)
        if not OLDEST <= head.format <= FORMAT:
            raise _unreadable(store, f"has format {head.format}, and this version reads up to format {FORMAT}")
        manifest = msgspec.json.decode(found, type=Manifest)
    except msgspec.DecodeError as error:
        raise _damaged(store, str(error)) from error
    for table in manifest.tables:
        _check_table(store, table)
        if manifest.format == OLDEST and any(column.type in FLOATS for column in table.columns):
            raise _unreadable(store, f"has digests of FLOAT and DOUBLE in {table.name} as they were in format {OLDEST}")
    return manifest


def _unreadable(store: Store, why: str) -> Refused:
    return Refused(
        f"{store.where}/{MANIFEST} {why}.", hint="Load it with the version of wkms-migrate that the manifest names."
    )


def _check_table(store: Store, table: DumpedTable) -> None:
    """Raise `Refused` unless the chunks add up to the table: an entry that was lost or edited shows."""
    if digest.total(chunk.content for chunk in table.chunks) != table.content:
        raise _damaged(store, f"the chunks of {table.schema}.{table.name} do not add up to the table")
    edges = [None, *(chunk.until for chunk in table.chunks)]
    if (
        not table.chunks
        or edges[-1] is not None
        or any(chunk.after != edge for chunk, edge in zip(table.chunks, edges, strict=False))
    ):
        raise _damaged(store, f"the chunks of {table.schema}.{table.name} do not follow each other")


def _damaged(store: Store, why: str) -> Refused:
    return Refused(
        f"{store.where}/{MANIFEST} is damaged: {why}.", hint="It was edited or cut off. Take another copy of the dump."
    )


def stem(table: Table) -> str:
    """Return the name of a table's folder in a dump.

    Readable where the table's name is, and never two alike: names that differ in what is left out, or only in the
    case that a disk may not tell apart, have another digest.
    """
    readable = re.sub(r"\W+", "_", table.id)[:STEM_CHARACTERS]
    return f"{readable}-{digest_of(table.schema, table.name)[:8]}"


def file_of(table: Table, number: int) -> str:
    """Return the name of a chunk's file, with forward slashes, relative to the dump."""
    return f"rows/{stem(table)}/{number:06d}.tsv.zst"
