"""Archived blobs: planned, asked for once, waited for, copied; and stopped in between without harm."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import StandardBlobTier
from blob_driver import Move, new_move
from blob_source import Source, content, new_container
from commands import blob
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate.errors import WkmsError

pytestmark = pytest.mark.integration
WAITED_SECONDS = 60


@pytest.fixture
def source(azurite: StorageAccount) -> Source:
    made = new_container(azurite)
    made.put("warm", content(100))
    for name in ("얼음/하나", "얼음/둘"):
        made.put(name, content(5000, len(name)), standard_blob_tier=StandardBlobTier.ARCHIVE)
    return made


@pytest.fixture
def azure(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.blob_endpoint) as proxy:
        yield proxy


@pytest.fixture
def move(azurite: StorageAccount, azure: AzureProxy, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path, through=azure.endpoint)


def names(azure):
    return sorted(name for name, _, _ in azure.archive.requests)


def when_listed_pending(azure, then):
    """Do `then` when the wait has looked at the container once after both blobs were asked for."""
    return when_asked_for(azure, 2, then)


def when_asked_for(azure, count, then):
    """Do `then` when `count` blobs were asked for in all and the container was listed after that."""

    def watch() -> None:
        deadline = threading.Event()
        for _ in range(WAITED_SECONDS * 20):
            asked = [number for number, (verb, _) in enumerate(azure.requests) if verb == "PUT"]
            if len(asked) >= count and any("comp=list" in where for _, where in azure.requests[asked[-1] :]):
                then()
                return
            deadline.wait(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_archived_blobs_are_asked_for_waited_for_and_copied(move, azure, target):
    thread = when_listed_pending(azure, azure.archive.thaw)
    ran = move.run(archived="rehydrate", poll_seconds=0.1, rehydrate_priority="High", rehydrate_tier="Cool")
    thread.join()
    assert names(azure) == ["얼음/둘", "얼음/하나"]
    assert {(tier, priority) for _, tier, priority in azure.archive.requests} == {("Cool", "High")}
    found = {key: item.data for key, item in target.store.buckets["target"].objects.items()}
    assert found == {"warm": content(100), "얼음/하나": content(5000, 5), "얼음/둘": content(5000, 4)}
    assert all(one.ok for one in ran.verified)


def test_without_being_asked_nothing_is_changed_on_the_source(move, azure):
    ran = move.run()
    assert azure.archive.requests == []
    assert "left-archived" in ran.codes()


def test_a_dry_run_names_the_steps_and_asks_for_nothing(move, azure, source, target):
    ended = blob(move.write(), "rehydrate", "--dry-run")
    assert ended.code == 0, ended.told
    steps = {step["id"].split("/")[1]: step["summary"] for step in ended.data["phases"][0]["steps"]}
    assert list(steps) == ["rehydrate", "wait", "copy", "verify"]
    assert steps["rehydrate"] == f"Ask Azure for 2 archived blobs of {source.name} in tier Hot"
    assert azure.archive.requests == []
    assert target.count("PUT") == 0


def test_the_command_asks_first_and_then_does_all_of_it(move, azure, target):
    file = move.write()
    assert blob(file, "rehydrate").code == 2
    assert azure.archive.requests == []
    thread = when_listed_pending(azure, azure.archive.thaw)
    ended = blob(file, "rehydrate", "--poll", "0.1", "--yes", "--include", "얼음/*")
    thread.join()
    assert ended.code == 0, ended.told
    assert set(target.store.buckets["target"].objects) == {"얼음/하나", "얼음/둘"}


def test_what_is_pending_is_not_asked_for_again(move, azure, source, target):
    thread = when_listed_pending(azure, lambda: azure.faults.add(Fault("denied", "GET", "comp=list", times=100)))
    with pytest.raises(WkmsError, match="403"):
        move.run(archived="rehydrate", poll_seconds=0.1)
    thread.join()
    assert len(azure.archive.requests) == 2
    azure.faults.clear()
    source.put("얼음/셋", content(70), standard_blob_tier=StandardBlobTier.ARCHIVE)
    thread = when_asked_for(azure, 3, azure.archive.thaw)
    ran = move.run(archived="rehydrate", poll_seconds=0.1)
    thread.join()
    assert names(azure) == ["얼음/둘", "얼음/셋", "얼음/하나"]
    assert len(target.store.buckets["target"].objects) == 4
    assert all(one.ok for one in ran.verified)
