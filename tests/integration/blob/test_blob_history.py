"""Snapshots, earlier versions and soft-deleted blobs, over HTTP: replayed into a versioned bucket, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blob_driver import Move, Ran, new_move
from blob_source import Source, content
from commands import blob
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from doubles.strict_s3.store import described
from endpoints import StorageAccount

from wkms_migrate.errors import Partial, Refused, WkmsError

pytestmark = pytest.mark.integration
MIB = 1 << 20


@pytest.fixture
def azure(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.blob_endpoint, key=azurite.key) as proxy:
        yield proxy


@pytest.fixture
def target() -> Iterator[StrictS3]:
    with StrictS3() as double:
        double.bucket("target", versioned=True)
        yield double


@pytest.fixture
def move(azurite: StorageAccount, azure: AzureProxy, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path, through=azure.endpoint)


def history(target: StrictS3, key: str) -> list[bytes]:
    """Return the contents of a key, the oldest first, with what is shown now as the last."""
    place = target.store.buckets["target"]
    now = [place.objects[key]] if key in place.objects else []
    return [item.data for item in [*place.versions.get(key, []), *now]]


def replayed(move: Move, **options: object) -> Ran:
    ran = move.run(past="replay", **options)
    assert all(one.ok for one in ran.verified)
    return ran


def test_versions_are_replayed_oldest_first_and_only_once(move, source, azure, target):
    name = "보고서/a b.pdf"
    ids = []
    for text in (b"one", b"two", b"three"):
        source.put(name, text, metadata={"text": text.decode()})
        ids.append(azure.versions.keep(f"{source.name}/{name}"))
    source.put(name, b"four")
    source.put("plain", b"p")
    ran = replayed(move)
    assert history(target, name) == [b"one", b"two", b"three", b"four"]
    assert history(target, "plain") == [b"p"]
    old = target.store.buckets["target"].versions[name]
    assert [item.metadata["azure-version-id"] for item in old] == ids
    assert [item.metadata["text"] for item in old] == ["one", "two", "three"]
    checks = {one.check: (one.source, one.target) for one in ran.verified}
    assert checks["earlier versions"] == ("3", "3")
    assert replayed(move).ran == 0
    source.put("plain", b"q")
    target.requests.clear()
    replayed(move)
    assert history(target, name) == [b"one", b"two", b"three", b"four"]
    assert target.count("PUT") == 1
    assert blob(move.write(past="replay"), "verify").code == 0


def test_a_lost_manifest_does_not_grow_the_history(move, source, azure, target):
    source.put("a", b"one")
    azure.versions.keep(f"{source.name}/a")
    source.put("a", b"two")
    replayed(move)
    for path in (move.folder / "runs").rglob("*.sqlite*"):
        path.unlink()
    source.put("b", b"new")
    replayed(move)
    assert history(target, "a") == [b"one", b"two"]


def test_what_was_copied_while_it_was_current_is_not_copied_again_as_a_version(move, source, azure, target):
    source.put("a", b"one")
    replayed(move)
    azure.versions.keep(f"{source.name}/a")
    source.put("a", b"two")
    replayed(move)
    azure.versions.keep(f"{source.name}/a")
    source.put("a", b"three")
    replayed(move)
    assert history(target, "a") == [b"one", b"two", b"three"]


def test_a_deleted_blob_leaves_its_versions_and_is_not_shown(move, source, azure, target):
    source.put("gone", b"one")
    azure.versions.keep(f"{source.name}/gone")
    source.put("gone", b"two")
    azure.versions.delete(f"{source.name}/gone")
    source.put("here", b"h")
    replayed(move)
    place = target.store.buckets["target"]
    assert set(place.objects) == {"here"}
    assert history(target, "gone") == [b"one", b"two"]
    source.put("here", b"i")
    replayed(move)
    assert history(target, "gone") == [b"one", b"two"]


def test_a_death_between_the_last_version_and_its_deletion_is_mended(move, source, azure, target):
    source.put("gone", b"one")
    azure.versions.delete(f"{source.name}/gone")
    source.put("here", b"h")
    target.faults.add(Fault("denied", "DELETE", "/target/gone"))
    with pytest.raises(WkmsError):
        move.run(past="replay")
    assert "gone" in target.store.buckets["target"].objects
    replayed(move)
    assert set(target.store.buckets["target"].objects) == {"here"}
    assert history(target, "gone") == [b"one"]


def test_soft_deleted_blobs_are_counted_and_left(move, source, azure, target):
    source.put("soft", b"s")
    source.put("here", b"h")
    azure.versions.soft_delete(f"{source.name}/soft")
    ran = replayed(move)
    assert history(target, "soft") == []
    assert "soft-deleted" in ran.codes()
    seen = blob(move.write(), "plan").data["containers"][source.name]
    assert (seen["objects"], seen["past"]) == (1, {"soft-deleted blobs": 1})


def test_the_plan_counts_versions_and_snapshots(move, source, azure):
    source.put("a", b"one")
    azure.versions.keep(f"{source.name}/a")
    source.client.get_blob_client("a").create_snapshot()
    source.put("a", b"two")
    seen = blob(move.write(), "plan").data["containers"][source.name]
    assert seen["past"] == {"earlier versions": 1, "snapshots": 1}


def test_versions_go_beside_where_that_is_asked_for(move, source, azure, target):
    source.put("a", b"one")
    version = azure.versions.keep(f"{source.name}/a")
    source.put("a", b"two")
    assert all(one.ok for one in move.run(past="copy").verified)
    shown = {key: item.data for key, item in target.store.buckets["target"].objects.items()}
    assert shown == {"a": b"two", f"azure-history/a@{version}": b"one"}


def test_large_versions_and_snapshots_keep_their_bytes(move, source, target):
    source.put("disk", content(13 * MIB, 1))
    client = source.client.get_blob_client("disk")
    client.create_snapshot()
    client.create_snapshot()  # of the same content
    source.put("disk", content(12 * MIB, 2))
    replayed(move, part_mib=5)
    assert history(target, "disk") == [content(13 * MIB, 1), content(13 * MIB, 1), content(12 * MIB, 2)]
    assert target.store.buckets["target"].uploads == {}


def test_metadata_with_no_room_is_kept_for_each_version(move, source, azure, target):
    for number in range(2):
        source.put("a", b"%d" % number, metadata={f"name_{n}": str(number) * 300 for n in range(8)})
        azure.versions.keep(f"{source.name}/a")
    source.put("a", b"2", metadata={f"name_{n}": "2" * 300 for n in range(8)})
    replayed(move)
    place = target.store.buckets["target"]
    every = [*place.versions["a"], place.objects["a"]]
    beside = [place.objects[item.metadata["azure-metadata"]].data for item in every]
    assert [f'"{number}{number}'.encode() in data for number, data in enumerate(beside)] == [True, True, True]


def test_a_bucket_without_versions_is_refused(move, source, target):
    target.store.buckets["target"].versioned = False
    source.put("a", b"1")
    with pytest.raises(Refused, match="keeps no versions"):
        move.run(past="replay")
    assert target.store.buckets["target"].objects == {}


def test_an_object_of_others_is_not_buried_under_versions(move, source, azure, target):
    target.store.put("target", "a", described({}, [], b"theirs"))
    source.put("a", b"one")
    azure.versions.keep(f"{source.name}/a")
    source.put("a", b"two")
    with pytest.raises(Refused, match="did not come from"):
        move.run(past="replay")
    with pytest.raises(WkmsError, match="earlier versions"):
        move.run(past="replay", on_existing="append")
    assert history(target, "a") == [b"theirs"]


def test_a_version_that_cannot_be_read_is_left_and_the_rest_arrives(move, source, azure, target, monkeypatch):
    monkeypatch.setattr("wkms_migrate.clients.http_origin.ATTEMPTS", 2)
    source.put("a", b"one")
    version = azure.versions.keep(f"{source.name}/a")
    source.put("a", b"two")
    source.put("b", b"b")
    azure.faults.add(Fault("truncate", "GET", "versionid=", times=100))
    with pytest.raises(Partial):
        move.run(past="replay")
    assert history(target, "a") == [b"two"]
    assert history(target, "b") == [b"b"]
    found = next(one for one in move.state().findings.values() if one.code == "not-copied")
    assert found.object == f"{source.name}/a@{version}"


def test_a_version_with_no_room_for_its_key_is_reported(move, source, target):
    source.put("가" * 400, b"one")
    source.client.get_blob_client("가" * 400).create_snapshot()
    source.put("a", b"a")
    ran = replayed(move)
    assert {"past-left", "left-key-too-long"} <= ran.codes()
    assert set(target.store.buckets["target"].objects) == {"a"}
