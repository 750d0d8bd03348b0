from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.clients.s3 import Listed, Part
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.blob.listing import rows
from wkms_migrate.phases.blob.manifest import PAGE, UNSAVED, Manifest, Upload, Written
from wkms_migrate.phases.blob.mapping import fingerprint


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[Manifest]:
    with Manifest(tmp_path / "m.sqlite") as opened:
        yield opened


def blob(name: str, etag: str = "1", size: int = 10) -> Blob:
    return Blob(name=name, etag=etag, size=size)


def source(manifest: Manifest, *blobs: Blob, left: tuple[str, ...] = ()) -> None:
    manifest.list_source(rows((one.name, one, "archived" if one.name in left else "") for one in blobs))


def wrote(one: Blob, etag: str) -> Written:
    return Written(key=one.name, fingerprint=fingerprint(one, one.name), etag=etag, crc64=1 << 63, md5="match")


def test_due_is_what_was_not_written_as_it_is_on_both_sides(manifest):
    current, stale, overwritten, gone, new = (blob(name) for name in ("current", "stale", "overwritten", "gone", "new"))
    for one in (current, blob("stale", "0"), overwritten, gone):
        manifest.record(wrote(one, "t"))
    source(manifest, current, stale, overwritten, gone, new, blob("frozen"), left=("frozen",))
    manifest.list_target([Listed("current", 10, "t"), Listed("stale", 10, "t"), Listed("overwritten", 10, "other")])
    assert {item.key: item.replaces for item in manifest.pending()} == {
        "stale": "t",
        "overwritten": "other",
        "gone": "",
        "new": "",
    }
    assert manifest.totals(due=True) == (4, 40)
    assert manifest.totals() == (5, 50)


def test_due_comes_largest_first_over_many_pages_while_it_is_recorded(manifest):
    blobs = [blob(f"{number:05}", size=number % 7) for number in range(3 * PAGE + 1)]
    source(manifest, *blobs)
    seen = []
    for item in manifest.pending():
        seen.append(item)
        manifest.record(wrote(item.blob, "t"))
    assert [item.blob.size for item in seen] == sorted((one.size for one in blobs), reverse=True)
    assert {item.key for item in seen} == {one.name for one in blobs}


def test_both_listings_are_compared_name_by_name(manifest):
    source(manifest, blob("same"), blob("missing"), blob("longer", size=11), blob("frozen"), left=("frozen",))
    manifest.list_target([Listed("same", 10, "t"), Listed("longer", 10, "t"), Listed("extra", 1, "t")])
    manifest.record(wrote(blob("same"), "t"))
    found = manifest.compare()
    assert (found.source, found.target) == ((3, 31), (2, 20))
    assert (found.missing, found.extra, found.sizes) == (["missing"], ["extra"], ["longer"])
    assert found.changed == ["longer"]


def test_this_tools_own_objects_are_nobodys(manifest):
    source(manifest)
    manifest.list_target([Listed(".wkms-migrate/backup/r/a", 1, "t")])
    assert list(manifest.unknown_objects()) == []
    assert manifest.compare().extra == []


def test_a_later_version_replaces_the_listed_one(manifest):
    source(manifest, blob("a", "1"))
    manifest.list_target([Listed("a", 20, "t")])
    later = blob("a", "2", 20)
    manifest.record(wrote(later, "t"), later, changed=True)
    assert [(manifest.blob(name), written.crc64) for name, written in manifest.written()] == [(later, 1 << 63)]
    assert list(manifest.pending()) == []


def test_a_blob_that_shrinks_while_it_is_copied_does_not_come_again(manifest):
    source(manifest, blob("a", size=100), *[blob(f"b{number:04}", size=50) for number in range(PAGE)])
    manifest.list_target([])
    seen = []
    for item in manifest.pending():
        seen.append(item.key)
        if item.key == "a":
            manifest.record(wrote(blob("a", "2", 10), "t"), blob("a", "2", 10), changed=True)
    assert seen.count("a") == 1


def test_two_blobs_of_one_key_are_refused(manifest):
    with pytest.raises(ConfigError, match="same key"):
        manifest.list_source(rows([("k", blob("a"), ""), ("k", blob("b"), "")]))


def test_uploads_outlive_the_process_with_their_parts(tmp_path):
    one = blob("big")
    with Manifest(tmp_path / "m.sqlite") as manifest:
        source(manifest, one)
        upload = Upload("id", "big", fingerprint(one, "big"), 5)
        manifest.save_upload(upload)
        manifest.save_part("id", Part(1, "etag", (1 << 64) - 1, 5))
    with Manifest(tmp_path / "m.sqlite") as manifest:
        assert manifest.upload_of("big", upload.fingerprint) == upload
        assert manifest.upload_of("big", "another version") is None
        assert manifest.parts("id") == [Part(1, "etag", (1 << 64) - 1, 5)]
        assert manifest.uploads() == [(upload, True)]
        source(manifest, blob("big", "2"))
        assert manifest.uploads() == [(upload, False)]
        manifest.forget_upload("id")
        assert (manifest.uploads(), manifest.parts("id")) == ([], [])


@pytest.mark.parametrize("checksum", [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, None])
def test_checksums_of_all_64_bits_come_back_as_they_were(manifest, checksum):
    one = blob("a")
    source(manifest, one)
    kept = Written(
        key="a", fingerprint=fingerprint(one, "a"), etag="t", crc64=checksum, md5="match", confirmed=checksum
    )
    manifest.record(kept, one)
    assert [written for _, written in manifest.written()] == [kept]


def test_what_is_recorded_is_saved_together_and_at_the_end(tmp_path):
    blobs = [blob(f"{number:03}") for number in range(UNSAVED + 10)]
    with Manifest(tmp_path / "m.sqlite") as first, Manifest(tmp_path / "m.sqlite") as other:
        source(first, *blobs)
        for one in blobs[:-1]:
            first.record(wrote(one, "t"), one)
        assert len(list(other.written())) == UNSAVED  # what a kill at this moment would leave
        first.record(wrote(blobs[-1], "t"), blobs[-1])
        assert len(list(first.written())) == len(blobs)
    with Manifest(tmp_path / "m.sqlite") as again:
        assert len(list(again.written())) == len(blobs)
