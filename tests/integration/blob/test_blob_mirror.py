"""Mirror: what is gone from the container goes from the bucket, and on any doubt nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContentSettings
from blob_driver import Move, new_move
from blob_source import Source, content, new_container
from commands import blob
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from doubles.strict_s3.store import described
from endpoints import StorageAccount

from wkms_migrate.errors import Partial, Refused, WkmsError

pytestmark = pytest.mark.integration
MANY = 20


@pytest.fixture
def azure(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.blob_endpoint) as proxy:
        yield proxy


@pytest.fixture
def source(azurite: StorageAccount) -> Source:
    made = new_container(azurite)
    for number in range(MANY):
        made.put(f"f/{number:02}", content(50, number))
    return made


@pytest.fixture
def move(azurite: StorageAccount, azure: AzureProxy, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    made = new_move(azurite, target, {source.name: "target"}, tmp_path, through=azure.endpoint)
    made.run()
    return made


def keys(target):
    return {key for key in target.store.buckets["target"].objects if not key.startswith(".wkms-migrate/")}


def test_what_is_gone_is_deleted_and_kept_aside(move, source, target):
    source.client.delete_blob("f/03")
    source.put("new", b"new")
    ran = move.run(mirror=True)
    assert keys(target) == {f"f/{number:02}" for number in range(MANY) if number != 3} | {"new"}
    kept = target.store.buckets["target"].objects[".wkms-migrate/backup/test/f/03"]
    assert kept.data == content(50, 3)
    assert "mirrored" in ran.codes()
    assert all(one.ok for one in ran.verified)


def test_in_a_versioned_bucket_a_version_is_kept(move, source, target):
    bucket = target.store.buckets["target"]
    bucket.versioned = True
    source.client.delete_blob("f/03")
    move.run(mirror=True)
    assert [item.data for item in bucket.versions["f/03"]] == [content(50, 3)]
    assert not any(key.startswith(".wkms-migrate/") for key in bucket.objects)


@pytest.mark.parametrize(
    ("most", "gone", "allowed"), [("10%", 2, True), ("10%", 3, False), ("3", 3, True), ("0", 1, False)]
)
def test_more_than_allowed_is_refused_before_anything_is_written(move, source, target, most, gone, allowed):
    for number in range(gone):
        source.client.delete_blob(f"f/{number:02}")
    source.put("new", b"new")
    if allowed:
        move.run(mirror=True, max_delete=most)
        assert len(keys(target)) == MANY - gone + 1
        return
    with pytest.raises(Refused, match="max_delete"):
        move.run(mirror=True, max_delete=most)
    assert keys(target) == {f"f/{number:02}" for number in range(MANY)}


def test_an_empty_container_deletes_nothing(move, source, target):
    for number in range(MANY):
        source.client.delete_blob(f"f/{number:02}")
    with pytest.raises(Refused, match="shows no blob"):
        move.run(mirror=True, max_delete="100%")
    with pytest.raises(Refused, match="shows no blob"):
        move.run(on_existing="replace")
    assert len(keys(target)) == MANY


def test_objects_of_others_are_not_deleted(move, source, target):
    target.store.put("target", "theirs", described({}, [], b"theirs"))
    source.client.delete_blob("f/03")
    move.run(mirror=True, on_existing="append")
    assert "theirs" in keys(target)
    assert "f/03" not in keys(target)


def test_a_copy_with_failures_deletes_nothing(move, source, target):
    source.client.delete_blob("f/03")
    source.put("bad", b"content")
    source.client.get_blob_client("bad").set_http_headers(ContentSettings(content_md5=bytearray(16)))
    with pytest.raises(Partial, match="1 of 1 object "):
        move.run(mirror=True)
    assert "f/03" in keys(target)


def test_a_listing_that_breaks_off_deletes_nothing(move, azure, source, target):
    source.client.delete_blob("f/03")
    azure.faults.add(Fault("denied", "GET", "comp=list&include=metadata", times=100))
    with pytest.raises(WkmsError):
        move.run(mirror=True)
    assert "f/03" in keys(target)


def test_a_choice_of_blobs_mirrors_only_the_chosen(move, source, target):
    source.client.delete_blob("f/03")
    source.client.delete_blob("f/13")
    move.run(mirror=True, include=["f/1*"], max_delete="5")
    assert {"f/03"} == keys(target) - {f"f/{number:02}" for number in range(MANY) if number not in {3, 13}}


def test_a_blob_that_only_left_the_choice_stays(move, source, target):
    """Unselected by date, it is in the container still."""
    source.put("new", b"new")
    move.run(mirror=True, modified_after="2999-01-01", max_delete="100%")
    assert len(keys(target)) == MANY


def test_a_dry_run_names_what_would_go_and_touches_nothing(move, source, target):
    source.client.delete_blob("f/03")
    file = move.write()
    ended = blob(file, "copy", "--mirror", "--dry-run")
    assert ended.code == 0, ended.told
    steps = {step["id"]: step["preview"] for step in ended.data["phases"][0]["steps"]}
    assert steps[f"blob/copy/{source.name}"] == ["delete f/03"]
    assert "f/03" in keys(target)
    refused = blob(file, "copy", "--mirror", "--max-delete", "0", "--dry-run")
    assert refused.code == 2
    assert blob(file, "copy", "--max-delete", "5", "--dry-run").code == 2
