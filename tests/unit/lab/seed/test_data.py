"""The data set: the same bytes everywhere, believable, and with the traps that a move must survive."""

from __future__ import annotations

import ast
import io
import json
import struct
import subprocess
import sys
import unicodedata
import zipfile
import zlib
from collections import Counter
from gzip import decompress
from hashlib import sha256
from pathlib import Path

import pytest

from wkms_migrate.errors import UsageError
from wkms_migrate.lab import seed
from wkms_migrate.lab.seed import files, rows
from wkms_migrate.lab.seed.blobs import blobs
from wkms_migrate.lab.seed.draw import Draw
from wkms_migrate.lab.seed.fill_cosmos import canonical
from wkms_migrate.lab.seed.fill_mysql import line
from wkms_migrate.lab.seed.items import chat_items, chunk_items, settings_items
from wkms_migrate.lab.seed.letters import POISON, letters
from wkms_migrate.lab.seed.library import documents
from wkms_migrate.lab.seed.scale import Scale, scale
from wkms_migrate.lab.seed.tables import TABLES

# Small enough for a unit test; every planted trap is in it.
TINY = Scale(
    users=150,
    documents=110,
    attachments=12,
    large_files=0,
    sessions=20,
    feedback=30,
    audit_logs=60,
    cosmos_sessions=5,
    settings=20,
    indexing_messages=20,
    notifications=12,
    poison=3,
)
# Changes only on purpose: everyone who compares with a seeded source depends on these bytes.
GOLDEN = "d54c0732adae9121063236d255fe5ceed117d6a569c60468428c5d0c75cb0a8b"


def fingerprint() -> str:
    """Digest every row, blob, item and letter of the tiny data set."""
    hasher = sha256()
    for table in TABLES:
        for row in table.rows(TINY):
            hasher.update(line(row))
    for blob in blobs(TINY):
        facts = (blob.container, blob.name, blob.kind, blob.headers, blob.metadata, blob.tags, blob.tier)
        hasher.update(json.dumps(facts, ensure_ascii=False).encode() + sha256(blob.content).digest())
    for items in (chunk_items(TINY), chat_items(TINY), settings_items(TINY)):
        for item in items:
            hasher.update(canonical(item))
    for letter in letters(TINY):
        hasher.update(repr(letter).encode())
    return hasher.hexdigest()


def test_the_bytes_are_those_of_every_other_machine():
    assert fingerprint() == GOLDEN


def test_the_bytes_do_not_depend_on_the_hash_seed():
    folder = Path(__file__).parent
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import test_data; print(test_data.fingerprint())"
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(seed.__file__).parents[3])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == GOLDEN


def test_only_the_promised_method_of_random_is_used():
    """`shuffle`, `choices` and the like change between Python versions."""
    for path in Path(seed.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)) and "random" in ast.unparse(node):
                assert path.name == "draw.py"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"hash", "set"}


def test_streams_of_other_names_are_other_streams():
    assert [Draw(1, "a").below(1_000) for _ in range(3)] == [Draw(1, "a").below(1_000)] * 3
    assert Draw(1, "a").bytes(40) != Draw(1, "b").bytes(40)
    assert Draw(1, "a").bytes(40)[:20] == Draw(1, "a").bytes(20)


@pytest.mark.parametrize("name", ["s", "m", "l"])
def test_scales_grow_and_an_unknown_one_is_refused(name):
    factor = {"s": 1, "m": 5, "l": 20}[name]
    assert scale(name).audit_logs == 115_000 * factor
    with pytest.raises(UsageError, match="no scale"):
        scale("xl")


def test_every_row_has_a_value_for_every_column():
    for table in TABLES:
        assert {len(row) for row in table.rows(TINY)} == {len(table.columns)}, table.name


def test_every_document_has_its_blob_with_the_size_and_digest_of_its_row():
    held = {(blob.container, blob.name): blob.content for blob in blobs(TINY)}
    table = next(table for table in TABLES if table.name == "documents")
    at = {name: index for index, name in enumerate(table.columns)}
    for row in table.rows(TINY):
        content = held[row[at["blob_container"]], row[at["blob_name"]]]
        assert row[at["size_bytes"]] == len(content)
        assert row[at["@sha256"]] == sha256(content).digest()


def test_blob_names_are_unique_and_odd_ones_are_there():
    names = [(blob.container, blob.name) for blob in blobs(TINY)]
    assert len(set(names)) == len(names)
    plain = [name for _, name in names]
    assert any("//" in name for name in plain)
    assert any(name.startswith("/") for name in plain)
    assert any(name != unicodedata.normalize("NFC", name) for name in plain)
    assert any("🎉" in name for name in plain)
    assert any(len(name) <= 1_024 < len(name.encode()) for name in plain)
    assert max(map(len, plain)) <= 1_024


def test_blobs_have_what_azure_takes_and_nothing_else():
    for blob in blobs(TINY):
        assert all(key.isidentifier() and value.isascii() for key, value in blob.metadata.items())
        assert sum(len(key) + len(value) for key, value in blob.metadata.items()) <= 8_192
        assert len(blob.tags) <= 10
        assert all(value.isascii() and len(value) <= 256 for value in blob.tags.values())
        assert all(value.isascii() for value in blob.headers.values())
    kinds = Counter(blob.kind for blob in blobs(TINY))
    assert kinds["AppendBlob"] == kinds["PageBlob"] == 1
    assert {blob.tier for blob in blobs(TINY)} == {None, "Cool", "Cold", "Archive"}
    assert any(not blob.content for blob in blobs(TINY))


def test_rows_hold_the_traps():
    audit = list(rows.audit_logs_rows(TINY))
    assert {-(2**63), 2**63 - 1} <= {row[8] for row in audit}
    assert any(str(row[10]) == "-0.0" for row in audit)
    assert any(row[7] == rows.ZERO_DATE for row in rows.users_rows(TINY))
    assert any(row[0] == 0 for row in rows.departments_rows(TINY))
    permissions = Counter(rows.permissions_rows(TINY))
    assert max(permissions.values()) == 2
    messages = [row[3] for row in rows.chat_messages_rows(TINY)]
    assert "" in messages
    assert any("\x00" in text for text in messages)
    assert any(len(text.encode()) > 65_535 for text in messages)


def test_items_hold_the_traps():
    by_id = {item["id"]: item for item in settings_items(TINY)}
    assert len(by_id) == TINY.settings
    assert len(canonical(by_id["limits-size"])) > 400 * 1_024
    assert canonical(by_id["limits-depth"]).count(b"{") > 32
    assert {item.get("ttl") for item in by_id.values()} > {None, -1}
    chunk = next(chunk_items(TINY))
    assert len(chunk["embedding"]) == 256
    assert sum(value * value for value in chunk["embedding"]) == pytest.approx(1, abs=1e-4)
    assert len(canonical(chunk)) < 400 * 1_024


def test_vectors_of_a_topic_are_near_each_other():
    chunks = list(chunk_items(TINY))[:: 14 * 5]

    def cosine(one, other):
        return sum(a * b for a, b in zip(one["embedding"], other["embedding"], strict=True))

    pairs = [(one, other) for one in chunks for other in chunks if one is not other]
    near = [cosine(*pair) for pair in pairs if pair[0]["tags"][0] == pair[1]["tags"][0]]
    far = [cosine(*pair) for pair in pairs if pair[0]["tags"][0] != pair[1]["tags"][0]]
    assert near
    assert min(near) > max(far)


def test_letters_are_of_every_kind():
    queues = Counter(letter.queue for letter in letters(TINY))
    assert queues == {"document-indexing": 20, "notifications": 12, POISON: 3}
    assert any(letter.hidden for letter in letters(TINY))
    assert all(len(letter.body.encode()) <= 48 * 1_024 for letter in letters(TINY))


@pytest.mark.parametrize("extension", sorted(files.CONTENT_TYPES))
def test_files_are_of_their_format_and_hold_their_text(extension):
    text = "연차휴가 규정\n\n1년간 80% 이상 출근한 직원에게는 15일을 준다."
    content = files.content(extension, text, 20_000, Draw("file"))
    match extension:
        case "pdf":
            start = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
            assert content.startswith(b"%PDF-")
            assert content[start:].startswith(b"xref\n0 7")
            assert "규정".encode() in content
        case "docx" | "xlsx" | "pptx":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert archive.testzip() is None
                assert any("규정".encode() in archive.read(name) for name in archive.namelist())
        case "png":
            width, height = struct.unpack(">II", content[16:24])
            data = content[content.index(b"IDAT") + 4 : -16]
            assert len(zlib.decompress(data)) == height * (width + 1)
        case "hwp":
            assert "규정".encode("utf-16-le") in content
        case _:
            assert "규정" in content.decode("utf-8-sig")


def test_gzip_is_gzip():
    data = bytes(range(256)) * 400
    assert decompress(files.gzipped(data)) == data


def test_prose_is_korean_and_no_slot_is_left_open():
    for document in documents(TINY):
        text = " ".join((document.title, *document.chunks()))
        assert "{" not in text
        assert sum("가" <= letter <= "힣" for letter in text) > len(text) / 3
