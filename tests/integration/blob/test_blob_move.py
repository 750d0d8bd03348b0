"""From Azurite to the strict S3 double: everything arrives as it was, and only once."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

import pytest
from azure.storage.blob import BlobType, StandardBlobTier
from blob_driver import Move, new_move
from blob_source import Source, content
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from doubles.strict_s3.store import described
from endpoints import StorageAccount

from wkms_migrate.errors import Refused, VerificationFailed, WkmsError

pytestmark = pytest.mark.integration
MIB = 1 << 20


@pytest.fixture
def move(azurite: StorageAccount, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path)


def objects(target):
    return target.store.buckets["target"].objects


def test_every_kind_of_name_arrives(move, source, target):
    names = [
        "인사팀/2025/취업규칙 개정안 v2.pdf",
        "a//b",
        "/x",
        "x/",
        "+ &<>\"'%41?#=",
        "각.txt",
        "각.txt",
        "\U0001f600",
    ]
    names += ["k" * 1024]
    for name in names:
        source.put(name, name.encode())
    source.put("empty", b"")
    move.run()
    assert {key: item.data for key, item in objects(target).items()} == {
        **{name: name.encode() for name in names},
        "empty": b"",
    }


def test_headers_metadata_tags_and_tier_arrive(move, source, target):
    headers = {
        "content_type": "application/pdf",
        "content_encoding": "gzip",
        "content_language": "ko-KR",
        "content_disposition": "attachment; filename*=UTF-8''%ED%95%9C.pdf",
        "cache_control": "max-age=60",
    }
    tags = {"dept": "hr +/:=._-", "year": "2025"}
    source.put(
        "a.pdf.gz",
        content(200_000),
        headers=headers,
        metadata={"owner_name": "kim", "Title": "plain  text"},
        tags=tags,
        standard_blob_tier=StandardBlobTier.COOL,
    )
    ran = move.run()
    item = objects(target)["a.pdf.gz"]
    assert item.data == content(200_000)
    assert item.headers == {
        "Content-Type": "application/pdf",
        "Content-Encoding": "gzip",
        "Content-Language": "ko-KR",
        "Content-Disposition": "attachment; filename*=UTF-8''%ED%95%9C.pdf",
        "Cache-Control": "max-age=60",
    }
    assert (item.metadata["owner_name"], item.metadata["title"]) == ("kim", "plain  text")
    assert item.metadata["azure-blob-type"] == "BlockBlob"
    assert item.metadata["azure-last-modified"].endswith("GMT")
    assert sorted(item.tags) == sorted(tags.items())
    assert item.storage_class == "STANDARD_IA"
    assert "metadata-lowercased" in ran.codes()


def test_small_and_inherited_tiers_stay_in_standard(move, source, target):
    source.put("small", b"1", standard_blob_tier=StandardBlobTier.COOL)
    source.put("cold", content(200_000), standard_blob_tier=StandardBlobTier.COLD)
    source.put("inherited", content(200_000))
    move.run()
    found = {key: item.storage_class for key, item in objects(target).items()}
    assert found == {"small": "STANDARD", "cold": "GLACIER_IR", "inherited": "STANDARD"}


def test_append_and_page_blobs_become_objects(move, source, target):
    source.put("log", b"line\n" * 10, blob_type=BlobType.APPENDBLOB)
    source.put("disk", content(1024), blob_type=BlobType.PAGEBLOB)
    ran = move.run()
    assert objects(target)["log"].data == b"line\n" * 10
    assert objects(target)["disk"].data == content(1024)
    assert objects(target)["disk"].metadata["azure-blob-type"] == "PageBlob"
    assert "written-as-object" in ran.codes()


def test_metadata_over_two_kilobytes_goes_beside_the_object(move, source, target):
    metadata = {f"name_{i}": "v" * 300 for i in range(8)}
    source.put("rich", b"x", metadata=metadata)
    ran = move.run()
    place = objects(target)["rich"].metadata["azure-metadata"]
    assert json.loads(objects(target)[place].data) == {"key": "rich", "name": "rich", "metadata": metadata}
    assert "metadata-in-sidecar" in ran.codes()


def test_what_cannot_move_is_listed_with_the_fix_and_the_rest_moves(move, source, target):
    long = "긴이름/" * 103 + "보고서.pdf"
    source.put(long, b"long")
    source.put("frozen", content(10), standard_blob_tier=StandardBlobTier.ARCHIVE)
    source.put("folder", b"", metadata={"hdi_isfolder": "true"})
    source.put("folder/in.txt", b"in")
    ran = move.run()
    assert set(objects(target)) == {"folder/in.txt"}
    found = {finding.code: finding for finding in ran.findings}
    assert set(found) == {"folder-stubs", "left-archived", "left-key-too-long"}
    assert found["left-archived"].kind == "left"
    assert "blob rehydrate" in found["left-archived"].hint
    listed = next((move.folder / "runs").rglob("*.left.csv"))
    again = move.run(renames=str(listed))
    renamed = next(key for key in objects(target) if key != "folder/in.txt")
    assert objects(target)[renamed].data == b"long"
    assert len(renamed.encode()) <= 1024
    assert renamed.endswith(".pdf")
    encoded = objects(target)[renamed].metadata["azure-name"]
    assert base64.b64decode(encoded.removeprefix("=?UTF-8?B?").removesuffix("?=")).decode() == long
    assert "left-key-too-long" not in again.codes()


def test_a_second_run_asks_the_target_nothing(move, source, target):
    for number in range(30):
        source.put(f"f/{number}", content(100, number))
    assert move.run().ran == 2
    target.requests.clear()
    assert move.run().ran == 0
    assert target.requests == []


def test_only_what_changed_is_copied_again(move, source, target):
    for number in range(20):
        source.put(f"f/{number}", content(100, number))
    move.run()
    source.put("f/3", b"new content")
    source.client.get_blob_client("f/4").set_blob_tags({"only": "tags"})
    target.requests.clear()
    ran = move.run()
    assert ran.ran == 2
    puts = [path for method, path in target.requests if method == "PUT"]
    assert sorted(puts) == ["/target/f/3", "/target/f/4"]
    assert objects(target)["f/3"].data == b"new content"
    assert objects(target)["f/4"].tags == [("only", "tags")]
    assert all(one.ok for one in ran.verified)


def test_a_lost_manifest_costs_a_look_at_each_object_and_no_copy(move, source, target, tmp_path):
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    move.run()
    elsewhere = Move(
        folder=tmp_path / "elsewhere",
        blob_endpoint=move.blob_endpoint,
        account=move.account,
        key=move.key,
        s3_endpoint=move.s3_endpoint,
        containers=move.containers,
    )
    target.requests.clear()
    ran = elsewhere.run()
    assert ran.ran == 2
    assert target.count("PUT") == 0
    assert all(one.ok for one in ran.verified)


def test_objects_of_others_are_refused_and_untouched(move, source, target):
    put_foreign(target, "theirs", b"theirs")
    source.put("mine", b"mine")
    with pytest.raises(Refused, match="1 object that did not come from"):
        move.run()
    assert set(objects(target)) == {"theirs"}


def test_append_leaves_the_objects_of_others_alone(move, source, target):
    put_foreign(target, "theirs", b"theirs")
    source.put("mine", b"mine")
    ran = move.run(on_existing="append")
    assert {key: item.data for key, item in objects(target).items()} == {"theirs": b"theirs", "mine": b"mine"}
    assert all(one.ok for one in ran.verified)


def test_append_overwrites_nothing_and_says_what_it_left(move, source, target):
    put_foreign(target, "theirs", b"theirs")
    put_foreign(target, "same", b"theirs too")
    source.put("mine", b"mine")
    source.put("same", b"mine too")
    with pytest.raises(VerificationFailed):
        move.run(on_existing="append")
    assert {key: item.data for key, item in objects(target).items()} == {
        "theirs": b"theirs",
        "same": b"theirs too",
        "mine": b"mine",
    }
    left = [finding for finding in move.state().findings.values() if finding.code == "left-taken"]
    assert [(finding.object, finding.severity) for finding in left] == [(f"{source.name}/same", "error")]


def test_replace_keeps_a_copy_of_all_that_it_overwrites_or_deletes(move, source, target):
    put_foreign(target, "theirs", b"theirs")
    put_foreign(target, "same", b"theirs too")
    source.put("same", b"mine")
    move.run(on_existing="replace")
    assert {key: item.data for key, item in objects(target).items()} == {
        "same": b"mine",
        ".wkms-migrate/backup/test/theirs": b"theirs",
        ".wkms-migrate/backup/test/same": b"theirs too",
    }


def test_replace_in_a_versioned_bucket_leaves_versions(move, source, target):
    bucket = target.bucket("target", versioned=True)
    put_foreign(target, "theirs", b"theirs")
    put_foreign(target, "same", b"theirs too")
    source.put("same", b"mine")
    move.run(on_existing="replace")
    assert {key: item.data for key, item in bucket.objects.items()} == {"same": b"mine"}
    assert {key: [item.data for item in items] for key, items in bucket.versions.items()} == {
        "theirs": [b"theirs"],
        "same": [b"theirs too"],
    }


def test_somebody_who_writes_the_same_key_meanwhile_is_not_overwritten(move, source, target):
    source.put("a", b"mine")
    fault = target.faults.add(Fault("pause", "PUT", "/target/a"))

    def write() -> None:
        assert fault.reached.wait(30)
        put_foreign(target, "a", b"theirs")
        fault.release.set()

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(Refused, match="changed by somebody else"):
        move.run()
    writer.join()
    assert objects(target)["a"].data == b"theirs"


@pytest.mark.parametrize("harm", ["content", "missing", "extra", "size"])
def test_verification_finds_what_is_wrong_on_the_target(move, source, target, harm):
    for number in range(5):
        source.put(f"f/{number}", content(100, number))
    # The harm is done between copy and verification: when the verify step asks for its listing.
    fault = target.faults.add(Fault("pause", "GET", "list-type=2", every=2))

    def do() -> None:
        assert fault.reached.wait(30)
        found = objects(target)
        if harm == "content":
            put_foreign(target, "f/1", b"\0" * 100, like="f/1")
        elif harm == "missing":
            del found["f/1"]
        elif harm == "extra":
            put_foreign(target, "extra", b"x")
        else:
            put_foreign(target, "f/1", b"short", like="f/1")
        fault.release.set()

    thread = threading.Thread(target=do)
    thread.start()
    with pytest.raises(VerificationFailed):
        move.run()
    thread.join()


def test_wrong_credentials_end_at_once_with_a_hint(move, source):
    source.put("a", b"1")
    with pytest.raises(WkmsError, match="403") as caught:
        Move(**{**fields(move), "secret": "wrong"}).run()
    assert "credentials" in caught.value.hint
    key = base64.b64encode(b"x" * 64).decode()
    with pytest.raises(WkmsError, match=r"403 Auth(orization|entication)Failed|403 AuthorizationFailure") as caught:
        Move(**{**fields(move), "key": key}).run()
    assert "credentials" in caught.value.hint
    assert key not in str(caught.value)


def test_a_missing_bucket_or_container_is_named(move, source):
    source.put("a", b"1")
    with pytest.raises(WkmsError, match="404 NoSuchBucket"):
        Move(**{**fields(move), "containers": {source.name: "nowhere"}}).run()
    with pytest.raises(WkmsError, match="no container nothing"):
        Move(**{**fields(move), "containers": {"nothing": "target"}}).run()


def fields(move: Move) -> dict[str, object]:
    return {name: getattr(move, name) for name in move.__slots__}


def put_foreign(target: StrictS3, key: str, data: bytes, like: str = "") -> None:
    item = described({}, [], data)
    if like:
        item.metadata = objects(target)[like].metadata
    target.store.put("target", key, item)
