"""The files of a dump: what is written is what is read, and nothing else passes for it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.errors import Refused, UsageError, WkmsError
from wkms_migrate.phases.mysql import dump_manifest, dump_store
from wkms_migrate.phases.mysql.catalog import Column, Table
from wkms_migrate.phases.mysql.dump_file import BLOCK_BYTES, Sums, compressed, decompressed
from wkms_migrate.phases.mysql.dump_manifest import DumpedChunk, DumpedSchema, DumpedTable, Manifest
from wkms_migrate.phases.mysql.dump_store import Folder, _parts

ID = Column(name="id", type="bigint", charset=None)


def table(schema: str = "wkms", name: str = "t") -> Table:
    return Table(schema=schema, name=name, columns=(ID,), key=(ID,), rows=0, bytes=0)


def chunk(number: int, after: str | None, until: str | None) -> DumpedChunk:
    return DumpedChunk(
        file=dump_manifest.file_of(table(), number),
        number=number,
        after=(after,) if after else None,
        until=(until,) if until else None,
        rows=2,
        digest="ffffffffffffffff",
        text_digest="ffffffffffffffff",
        converted=0,
        bytes=9,
        size=20,
        sha256="00",
        crc64="AAAAAAAAAAA=",
    )


CHUNKS = (chunk(0, None, "5"), chunk(1, "5", "9"), chunk(2, "9", None))
TABLE = DumpedTable(
    schema="wkms",
    name="t",
    definition="CREATE TABLE `t` (\n  `id` bigint NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB",
    columns=(ID,),
    key=("id",),
    condition="",
    engine="InnoDB",
    rows=6,
    digest="fffffffffffffffd",
    chunks=CHUNKS,
)
MANIFEST = Manifest(
    format=2,
    tool="wkms-migrate 0",
    made_at="2025-07-01T00:00:00+00:00",
    version="8.0.36",
    collations=("utf8mb4_bin",),
    snapshot={"gtid_executed": "a:1-5"},
    settings={"schemas": ["wkms"]},
    schemas=(DumpedSchema(name="wkms", charset="utf8mb4", collation="utf8mb4_bin"),),
    tables=(TABLE,),
    objects=(),
)


def stored(folder: Path, manifest: Manifest) -> Folder:
    store = Folder(folder)
    store.prepare()
    store.write("manifest.json", [manifest.encoded()])
    return store


def test_a_manifest_reads_as_it_was_written(tmp_path):
    found = dump_manifest.read(stored(tmp_path, MANIFEST))
    assert found == MANIFEST
    assert found.id == MANIFEST.id
    again = found.tables[0].table("other")
    assert (again.key, again.on_target.id) == ((ID,), "other.t")


def test_format_2_stays_readable(tmp_path):
    """Field names are a promise: dumps are read by later versions."""
    written = json.loads(MANIFEST.encoded())
    assert set(written) >= {"format", "tool", "version", "collations", "snapshot", "schemas", "tables", "objects"}
    assert set(written["tables"][0]) >= {"schema", "name", "definition", "columns", "key", "rows", "digest", "chunks"}
    wanted = {"name": "id", "type": "bigint", "charset": None, "generated": False, "by_number": False}
    assert written["tables"][0]["columns"][0] == wanted
    names = "file number after until rows digest text_digest converted bytes size sha256 crc64"
    assert list(written["tables"][0]["chunks"][0]) == names.split()
    written["of_a_later_version"] = 1
    (tmp_path / "manifest.json").write_text(json.dumps(written), encoding="utf-8")
    assert dump_manifest.read(Folder(tmp_path)) == MANIFEST


@pytest.mark.parametrize(("kind", "told"), [("bigint", ""), ("double", "FLOAT and DOUBLE in t"), ("float", "in t")])
def test_format_1_is_read_unless_its_digests_are_of_another_kind(tmp_path, kind, told):
    column = Column(name="id", type=kind, charset=None)
    written = json.loads(replace(MANIFEST, format=1, tables=(replace(TABLE, columns=(column,)),)).encoded())
    del written["tables"][0]["columns"][0]["by_number"]  # which format 1 had not
    (tmp_path / "manifest.json").write_text(json.dumps(written), encoding="utf-8")
    if told:
        with pytest.raises(Refused, match=told):
            dump_manifest.read(Folder(tmp_path))
    else:
        assert dump_manifest.read(Folder(tmp_path)).tables[0].columns == (column,)


@pytest.mark.parametrize(
    ("chunks", "why"),
    [
        (CHUNKS[:2], "add up"),
        ((*CHUNKS[:2], replace(CHUNKS[2], rows=1)), "add up"),
        ((*CHUNKS[:2], replace(CHUNKS[2], digest="0000000000000000")), "add up"),
        ((CHUNKS[0], replace(CHUNKS[1], after=("6",)), CHUNKS[2]), "follow each other"),
        ((CHUNKS[1], CHUNKS[0], CHUNKS[2]), "follow each other"),
        ((*CHUNKS[:2], replace(CHUNKS[2], until=("20",))), "follow each other"),
    ],
    ids=["lost", "rows", "digest", "gap", "order", "end"],
)
def test_chunks_that_are_no_whole_table_are_refused(tmp_path, chunks, why):
    with pytest.raises(Refused, match=why):
        dump_manifest.read(stored(tmp_path, replace(MANIFEST, tables=(replace(TABLE, chunks=chunks),))))


def test_a_manifest_of_another_format_is_refused(tmp_path):
    with pytest.raises(Refused, match="format 3"):
        dump_manifest.read(stored(tmp_path, replace(MANIFEST, format=3)))


@given(st.tuples(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64)))
def test_any_name_makes_one_safe_folder(names):
    file = dump_manifest.file_of(table(*names), 123456)
    folder, part = file.removeprefix("rows/").split("/")
    assert part == "123456.tsv.zst"
    assert len(os.fsencode(folder)) <= 255
    assert folder not in {".", ".."}
    assert not set(folder) & set("\\\0\n:*?\"<>|%'` ")


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), unique=True, max_size=20))
def test_no_two_tables_share_a_folder(names):
    folders = [dump_manifest.stem(table(*pair)).lower() for pair in names]
    assert len(set(folders)) == len(folders)


@given(st.lists(st.binary(max_size=5000)))
def test_lines_come_out_as_they_went_in(blocks):
    sums = Sums()
    packed = list(compressed(blocks))
    for piece in packed:
        sums.add(piece)
    assert b"".join(decompressed("f", packed, sums.written())) == b"".join(blocks)
    whole = b"".join(packed)
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    assert b"".join(decompressed("f", pieces, sums.written())) == b"".join(blocks)


def test_a_small_file_of_much_is_given_in_small_blocks():
    packed = b"".join(compressed([b"x" * (64 << 20)]))
    sums = Sums()
    sums.add(packed)
    assert max(len(block) for block in decompressed("f", [packed], sums.written())) <= BLOCK_BYTES


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_no_change_of_a_file_passes(content, data):
    whole = b"".join(compressed([content]))
    sums = Sums()
    sums.add(whole)
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    kind = data.draw(st.sampled_from(["flip", "cut", "more", "twice"]))
    damaged = {
        "flip": whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :],
        "cut": whole[:at],
        "more": whole + b"\0",
        "twice": whole * 2,
    }[kind]
    with pytest.raises(WkmsError, match="f is not the file"):
        list(decompressed("f", [damaged], sums.written()))


def test_the_frame_is_plain_zstd():
    packed = b"".join(compressed([b"1\t\\N\n", b"2\tx\n"]))
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == b"1\t\\N\n2\tx\n"


@given(st.lists(st.binary(max_size=30)), st.integers(1, 20))
def test_parts_are_of_their_size(blocks, size):
    parts = list(_parts(blocks, iter([size] * 1000)))
    assert b"".join(parts) == b"".join(blocks)
    assert all(len(part) == size for part in parts[:-1])
    assert len(parts[-1]) > 0 or len(parts) == 1


def test_a_file_that_fails_half_way_is_not_there(tmp_path):
    def blocks():
        yield b"half"
        raise WkmsError("the source went away")

    store = Folder(tmp_path / "new")
    with pytest.raises(WkmsError, match="went away"):
        store.write("rows/t/0.tsv.zst", blocks())
    assert store.size("rows/t/0.tsv.zst") is None
    assert list((tmp_path / "new" / "rows" / "t").iterdir()) == []
    written = store.write("rows/t/0.tsv.zst", [b"who", b"le"])
    assert store.holds("rows/t/0.tsv.zst", written)
    assert [path.name for path in (tmp_path / "new" / "rows" / "t").iterdir()] == ["0.tsv.zst"]
    assert (tmp_path / "new" / "rows" / "t" / "0.tsv.zst").stat().st_mode & 0o077 == 0


def test_a_kept_file_is_compared_byte_by_byte(tmp_path):
    store = Folder(tmp_path)
    written = store.write("f", [b"abc"])
    (tmp_path / "f").write_bytes(b"abd")
    assert not store.holds("f", written)


def test_a_place_without_a_bucket_is_refused():
    with pytest.raises(UsageError, match="no bucket"), dump_store.opened("s3:///x", None):
        pass
