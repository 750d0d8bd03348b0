"""What each mode of verification finds, and that a copy which did not verify is not called done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from blob_driver import Move, new_move
from blob_source import Source, content, new_container
from commands import blob
from doubles.strict_s3 import StrictS3
from doubles.strict_s3.store import Object, described
from endpoints import StorageAccount

pytestmark = pytest.mark.integration
MANY = 30


@pytest.fixture
def source(azurite: StorageAccount) -> Source:
    made = new_container(azurite)
    for number in range(MANY):
        made.put_without_md5(f"f/{number:02}", content(64, number))
    return made


@pytest.fixture
def move(azurite: StorageAccount, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    made = new_move(azurite, target, {source.name: "target"}, tmp_path)
    made.run()
    return made


def put(objects: dict[str, Object], data: bytes, **like: str) -> None:
    old = objects["f/07"]
    objects["f/07"] = described({}, [], data)
    objects["f/07"].metadata = old.metadata
    for name, value in like.items():
        setattr(objects["f/07"], name, value)


def shorten(objects: dict[str, Object]) -> None:
    put(objects, b"short")


def replace(objects: dict[str, Object]) -> None:
    put(objects, bytes(64))


def rot(objects: dict[str, Object]) -> None:
    """As on a damaged disk: neither the ETag nor the checksum that the service keeps tell of it."""
    put(objects, bytes(64), etag=objects["f/07"].etag, crc64=objects["f/07"].crc64)


def swap(objects: dict[str, Object]) -> None:
    """Other content under the same ETag, with the checksum that belongs to it."""
    put(objects, bytes(64), etag=objects["f/07"].etag)


Harm = Callable[[dict[str, Object]], None]


@pytest.mark.parametrize(
    ("harm", "finds"),
    [
        (shorten, {"size", "checksum", "sample", "deep"}),
        (replace, {"size", "checksum", "sample", "deep"}),
        (swap, {"sample", "deep"}),  # the manifest knows what S3 said of this ETag, and asks no more
        (rot, {"sample", "deep"}),
    ],
)
def test_each_mode_finds_what_it_says_and_exits_with_3(move, target, harm: Harm, finds: set[str]):
    harm(target.store.buckets["target"].objects)
    file = move.write()
    options = {"size": [], "checksum": [], "sample": ["--sample", "100"], "deep": []}
    found = {mode: blob(file, "verify", "--mode", mode, *more) for mode, more in options.items()}
    assert {mode for mode, ended in found.items() if ended.code == 3} == finds
    assert {ended.code for ended in found.values()} <= {0, 3}
    named = found["deep"].data["containers"][next(iter(move.containers))]["findings"]
    assert any(one["object"].endswith("/f/07") for one in named)


def test_the_choice_of_a_sample_is_the_same_each_time_and_about_its_share(move, target):
    file = move.write()
    reads = []
    for _ in range(2):
        target.requests.clear()
        assert blob(file, "verify", "--mode", "sample", "--sample", "30").code == 0
        reads.append(sorted(path for method, path in target.requests if method == "GET" and "/target/f/" in path))
    assert reads[0] == reads[1]
    assert 2 <= len(reads[0]) <= 20
