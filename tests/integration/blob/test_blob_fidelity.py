"""The fidelity matrix: every property of a blob is preserved on S3, or reported. One line of docs/blob.md, one case."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.storage.blob import BlobType, StandardBlobTier
from blob_driver import Move, Ran, new_move
from blob_source import Source, content
from doubles.strict_s3 import StrictS3
from doubles.strict_s3.store import Object
from endpoints import StorageAccount

pytestmark = pytest.mark.integration
BIG = 200_000  # bytes, above the 128 KiB that cold classes bill at least


@pytest.fixture
def move(azurite: StorageAccount, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the matrix: how to make the blob, what must be on S3, what must be reported."""

    put: Callable[[Source], None]
    holds: Callable[[dict[str, Object]], bool]
    reported: frozenset[str] = frozenset()


def header(name: str, option: str, value: str) -> Line:
    return Line(lambda s: s.put("a", b"1", headers={option: value}), lambda o: o["a"].headers[name] == value)


def tier(which: StandardBlobTier, becomes: str, size: int = BIG) -> Line:
    return Line(
        lambda s: s.put("a", content(size), standard_blob_tier=which), lambda o: o["a"].storage_class == becomes
    )


def name(text: str) -> Line:
    return Line(lambda s: s.put(text, text.encode()), lambda o: o[text].data == text.encode())


def word(value: str) -> str:
    return base64.b64decode(value.removeprefix("=?UTF-8?B?").removesuffix("?=")).decode()


def sidecar(objects: dict[str, Object], key: str) -> dict[str, object]:
    return json.loads(objects[objects[key].metadata["azure-metadata"]].data)


RICH = {f"name_{number}": "v" * 300 for number in range(8)}
PACKED = gzip.compress(b"line\n" * 1000)
MATRIX = {
    "Content-Type": header("Content-Type", "content_type", "application/pdf; charset=utf-8"),
    "Content-Encoding": header("Content-Encoding", "content_encoding", "gzip"),
    "Content-Language": header("Content-Language", "content_language", "ko-KR"),
    "Content-Disposition": header("Content-Disposition", "content_disposition", "inline; filename*=UTF-8''%EA%B0%80"),
    "Cache-Control": header("Cache-Control", "cache_control", "max-age=60, private"),
    "metadata with underscores": Line(
        lambda s: s.put("a", b"1", metadata={"owner_name": "kim", "_x": "1"}),
        lambda o: (o["a"].metadata["owner_name"], o["a"].metadata["_x"]) == ("kim", "1"),
    ),
    "metadata with capitals": Line(
        lambda s: s.put("a", b"1", metadata={"OwnerName": "Kim"}),
        lambda o: o["a"].metadata["ownername"] == "Kim",
        frozenset({"metadata-lowercased"}),
    ),
    "metadata over 2 KB": Line(
        lambda s: s.put("a", b"1", metadata=RICH),
        lambda o: sidecar(o, "a") == {"key": "a", "name": "a", "metadata": RICH},
        frozenset({"metadata-in-sidecar"}),
    ),
    "index tags": Line(
        lambda s: s.put("a", b"1", tags={f"key {n}": f"a+b/c:d=e._-{n}" for n in range(10)}),
        lambda o: dict(o["a"].tags) == {f"key {n}": f"a+b/c:d=e._-{n}" for n in range(10)},
    ),
    "tier Hot": tier(StandardBlobTier.HOT, "STANDARD"),
    "tier Cool": tier(StandardBlobTier.COOL, "STANDARD_IA"),
    "tier Cold": tier(StandardBlobTier.COLD, "GLACIER_IR"),
    "tier Cool, small": tier(StandardBlobTier.COOL, "STANDARD", 1000),
    "tier Archive": Line(
        lambda s: s.put("a", b"1", standard_blob_tier=StandardBlobTier.ARCHIVE),
        lambda o: not o,
        frozenset({"left-archived"}),
    ),
    "block blob": Line(
        lambda s: s.put_without_md5("a", content(BIG)), lambda o: o["a"].metadata["azure-blob-type"] == "BlockBlob"
    ),
    "append blob": Line(
        lambda s: s.put("a", b"line\n", blob_type=BlobType.APPENDBLOB),
        lambda o: (o["a"].data, o["a"].metadata["azure-blob-type"]) == (b"line\n", "AppendBlob"),
        frozenset({"written-as-object"}),
    ),
    "page blob": Line(
        lambda s: s.put("a", content(1024), blob_type=BlobType.PAGEBLOB),
        lambda o: (o["a"].data, o["a"].metadata["azure-blob-type"]) == (content(1024), "PageBlob"),
        frozenset({"written-as-object"}),
    ),
    "empty blob": Line(lambda s: s.put("empty", b""), lambda o: o["empty"].data == b""),
    "name a//b": name("a//b"),
    "name with a slash in front": name("/x"),
    "name with a slash at the end": name("x/"),
    "name in Korean": name("인사팀/2025/취업규칙 개정안 v2.pdf"),
    "name in decomposed Korean": name("각.txt"),
    "name with signs": name("+ &<>\"'%41?#=~"),
    "name of 1,024 bytes": name("k" * 1024),
    "name over 1,024 bytes": Line(
        lambda s: s.put("가" * 1024, b"1"), lambda o: not o, frozenset({"left-key-too-long"})
    ),
    "folder stub": Line(
        lambda s: s.put("f", b"", metadata={"hdi_isfolder": "true"}), lambda o: not o, frozenset({"folder-stubs"})
    ),
    "gzip content": Line(
        lambda s: s.put("a", PACKED, headers={"content_encoding": "gzip"}), lambda o: o["a"].data == PACKED
    ),
    "last modified, ETag, account": Line(
        lambda s: s.put("a", b"1"),
        lambda o: all(o["a"].metadata[f"azure-{what}"] for what in ("last-modified", "etag", "source")),
    ),
}


@pytest.mark.parametrize("case", MATRIX)
def test_every_property_is_preserved_or_reported(move, source, target, case):
    line = MATRIX[case]
    line.put(source)
    ran = move.run()
    assert line.holds(target.store.buckets["target"].objects), case
    assert ran.codes() == line.reported
    assert all(one.ok for one in ran.verified)


def test_every_line_of_the_document_has_a_case():
    text = (Path(__file__).parents[3] / "docs" / "blob.md").read_text(encoding="utf-8")
    rows = text.split("<!-- matrix -->")[1].strip().splitlines()[2:]
    named = {row.split("|")[1].strip().replace("`", "") for row in rows}
    assert set(MATRIX) | OF_OTHER_TESTS == named


# Below, in test_blob_history.py, in test_blob_mapping.py (what Azurite refuses to store) and in test_azure_listing.py
# (what it does not know).
OF_OTHER_TESTS = {
    "metadata in Korean",
    "header not in ASCII",
    "snapshots and versions",
    "a rename map",
    "container names",
    "soft-deleted blobs",
    "owner and access list (Data Lake)",
}


def run(move: Move, **options: object) -> Ran:
    ran = move.run(**options)
    assert all(one.ok for one in ran.verified)
    return ran


def test_the_longest_korean_name_goes_under_the_key_that_is_proposed(move, source, target):
    long = "가나다라" * 255 + ".pdf"
    assert len(long) == 1024
    source.put(long, b"long", metadata={"owner": "kim"})
    run(move)
    listed = next((move.folder / "runs").rglob("*.left.csv"))
    ran = run(move, renames=str(listed))
    objects = target.store.buckets["target"].objects
    key = next(key for key in objects if not key.startswith(".wkms-migrate/"))
    assert objects[key].data == b"long"
    assert len(key.encode()) <= 1024
    assert sidecar(objects, key) == {"key": key, "name": long, "metadata": {"owner": "kim"}}
    assert "metadata-in-sidecar" in ran.codes()
    assert move.run(renames=str(listed)).ran == 0


def test_snapshots_are_copied_beside_when_asked_for(move, source, target):
    client = source.client.get_blob_client("보고서.pdf")
    source.put("보고서.pdf", b"one", metadata={"v": "1"})
    first = client.create_snapshot()["snapshot"]
    source.put("보고서.pdf", b"two", metadata={"v": "2"})
    second = client.create_snapshot()["snapshot"]
    source.put("보고서.pdf", b"three")
    run(move)
    objects = target.store.buckets["target"].objects
    assert set(objects) == {"보고서.pdf"}
    run(move, past="copy")
    past = {f"azure-history/보고서.pdf@{first}": b"one", f"azure-history/보고서.pdf@{second}": b"two"}
    assert {key: item.data for key, item in objects.items()} == {"보고서.pdf": b"three", **past}
    item = objects[f"azure-history/보고서.pdf@{first}"]
    assert (item.metadata["azure-snapshot"], item.metadata["v"]) == (first, "1")
    assert word(item.metadata["azure-name"]) == "보고서.pdf"
    target.requests.clear()
    assert move.run(past="copy").ran == 0


def test_a_deleted_snapshot_is_mirrored_only_when_snapshots_are_asked_for(move, source, target):
    client = source.client.get_blob_client("a")
    source.put("a", b"one")
    stamp = client.create_snapshot()["snapshot"]
    run(move, past="copy")
    client.delete_blob(delete_snapshots="only")
    with pytest.raises(Exception, match="names only on the target"):
        move.run(mirror=True, max_delete="100%")
    objects = target.store.buckets["target"].objects
    assert f"azure-history/a@{stamp}" in objects
    run(move, past="copy", mirror=True, max_delete="100%")
    assert f"azure-history/a@{stamp}" not in objects


def test_folder_stubs_can_be_kept_with_their_metadata(move, source, target):
    source.put("folder", b"", metadata={"hdi_isfolder": "true", "owner": "kim"})
    source.put("folder/in.txt", b"in")
    ran = run(move, folder_stubs="copy")
    objects = target.store.buckets["target"].objects
    assert set(objects) == {"folder", "folder/in.txt"}
    assert objects["folder"].metadata["hdi_isfolder"] == "true"
    assert "folder-stubs" not in ran.codes()


@pytest.mark.parametrize("reserved", ["$web", "$root"])
def test_a_container_with_a_reserved_name_goes_to_any_bucket(azurite, target, tmp_path, reserved):
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.blob import BlobServiceClient
    from blob_source import API_VERSION

    credential = {"account_name": azurite.account, "account_key": azurite.key}
    service = BlobServiceClient(azurite.blob_endpoint, credential=credential, api_version=API_VERSION)
    try:
        made = service.create_container(reserved)
    except ResourceExistsError:
        made = service.get_container_client(reserved)
    made.upload_blob("index.html", b"<html>", overwrite=True)
    move = new_move(azurite, target, {reserved: "target/site"}, tmp_path)
    try:
        run(move)
    finally:
        made.delete_container()
    assert target.store.buckets["target"].objects["site/index.html"].data == b"<html>"
