"""Every corruption on the way, of small, large and page blobs: mended where it passes, left and told where it stays.

Whatever happens, no object is visible that is not its blob, and the others arrive.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobType, ContentSettings
from blob_driver import Move, new_move
from blob_source import Source, content
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate.errors import Partial

pytestmark = pytest.mark.integration
MIB = 1 << 20
PAGE = 512
WRITTEN = {0: 3, 6 * MIB: 5, 12 * MIB: 1}  # page blob: pages that are written, by offset; all else is empty


@pytest.fixture
def azure(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.blob_endpoint, structured=True) as proxy:
        yield proxy


@pytest.fixture
def move(
    azurite: StorageAccount, source: Source, azure: AzureProxy, target: StrictS3, tmp_path: Path, monkeypatch
) -> Move:
    monkeypatch.setattr("wkms_migrate.clients.http_origin.ATTEMPTS", 3)
    return new_move(azurite, target, {source.name: "target"}, tmp_path, through=azure.endpoint)


def paged(size: int) -> bytes:
    data = bytearray(size)
    for offset, pages in WRITTEN.items():
        if offset < size:
            data[offset : offset + pages * PAGE] = content(pages * PAGE, offset)
    return bytes(data)


def put_small(source: Source, name: str, *, md5: bool) -> bytes:
    (source.put if md5 else source.put_without_md5)(name, content(3000))
    return content(3000)


def put_large(source: Source, name: str, *, md5: bool) -> bytes:
    data = content(13 * MIB)
    if md5:
        source.put(name, data, headers={"content_md5": bytearray(hashlib.md5(data).digest())})
    else:
        source.put_without_md5(name, data)
    return data


def put_pages(source: Source, name: str, *, md5: bool, size: int = 13 * MIB) -> bytes:
    data = paged(size)
    client = source.client.get_blob_client(name)
    settings = ContentSettings(content_md5=bytearray(hashlib.md5(data).digest())) if md5 else None
    client.create_page_blob(size, content_settings=settings)
    for offset, pages in WRITTEN.items():
        if offset < size:
            client.upload_page(data[offset : offset + pages * PAGE], offset, pages * PAGE)
    return data


def put_small_pages(source: Source, name: str, *, md5: bool) -> bytes:
    return put_pages(source, name, md5=md5, size=MIB)


PUT = {"small": put_small, "large": put_large, "pages": put_pages, "small pages": put_small_pages}
ON_THE_WAY = {
    "body from Azure": ("azure", "damage_out", "GET"),
    "body from Azure, cut off": ("azure", "truncate", "GET"),
    "body to S3": ("target", "damage_in", "PUT"),
}
CAUSES = {"body from Azure": "damaged", "body from Azure, cut off": "ended after", "body to S3": "BadDigest"}


def shown(target: StrictS3) -> dict[str, bytes]:
    return {key: item.data for key, item in target.store.buckets["target"].objects.items()}


@pytest.mark.parametrize("size", PUT)
@pytest.mark.parametrize("harm", ON_THE_WAY)
def test_what_is_damaged_once_arrives_whole(move, source, azure, target, size, harm):
    where, kind, method = ON_THE_WAY[harm]
    data = PUT[size](source, "bad", md5=False)
    faults = {"azure": azure, "target": target}[where].faults
    fault = faults.add(Fault(kind, method, "/bad", unless="comp=pagelist"))
    ran = move.run(part_mib=5)
    assert fault.times == 0
    assert shown(target) == {"bad": data}
    assert all(one.ok for one in ran.verified)


@pytest.mark.parametrize("size", PUT)
@pytest.mark.parametrize("harm", ON_THE_WAY)
def test_what_stays_damaged_is_left_and_told_and_the_rest_arrives(move, source, azure, target, size, harm):
    where, kind, method = ON_THE_WAY[harm]
    data = PUT[size](source, "bad", md5=False)
    source.put("good", b"good")
    faults = {"azure": azure, "target": target}[where].faults
    faults.add(Fault(kind, method, "/bad", times=10_000, unless="comp=pagelist"))
    with pytest.raises(Partial, match="1 of 2 objects") as caught:
        move.run(part_mib=5)
    assert caught.value.exit_code == 5
    assert shown(target) == {"good": b"good"}
    found = [one for one in move.state().findings.values() if one.code == "not-copied"]
    assert [one.object for one in found] == [f"{source.name}/bad"]
    assert found[0].severity == "error"
    assert CAUSES[harm] in found[0].text
    assert "again" in found[0].hint
    faults.clear()
    ran = move.run(part_mib=5)
    assert shown(target) == {"bad": data, "good": b"good"}
    assert target.store.buckets["target"].uploads == {}
    assert all(one.ok for one in ran.verified)


@pytest.mark.parametrize("size", PUT)
@pytest.mark.parametrize("wrong", [True, False], ids=["wrong", "right"])
def test_a_stored_md5_is_compared(move, source, target, size, wrong):
    data = PUT[size](source, "bad", md5=True)
    source.put("good", b"good")
    if not wrong:
        assert all(one.ok for one in move.run(part_mib=5).verified)
        assert shown(target) == {"bad": data, "good": b"good"}
        return
    settings = ContentSettings(content_md5=bytearray(hashlib.md5(b"other").digest()))
    source.client.get_blob_client("bad").set_http_headers(settings)
    with pytest.raises(Partial, match="1 of 2 objects"):
        move.run(part_mib=5)
    assert shown(target) == {"good": b"good"}
    found = next(one for one in move.state().findings.values() if one.code == "not-copied")
    assert (found.object, "Content-MD5" in found.text) == (f"{source.name}/bad", True)
    assert target.store.buckets["target"].uploads == {}


def test_a_way_that_damages_everything_ends_the_copy(move, source, azure, target):
    """Not one object after the other, each tried for minutes."""
    for number in range(60):
        source.put_without_md5(f"f/{number:02}", content(500, number))
    azure.faults.add(Fault("damage_out", "GET", "/f/", times=10_000))
    with pytest.raises(Exception, match="damaged on its way"):
        move.run(workers=4)
    assert shown(target) == {}
    assert azure.count("GET", f"{source.name}/f/") < 60 * 3


def test_only_pages_that_hold_anything_are_read(move, source, azure, target):
    data = put_pages(source, "bad", md5=False)
    ran = move.run(part_mib=5)
    assert shown(target) == {"bad": data}
    read = [where for method, where in azure.requests if method == "GET" and where.endswith(f"{source.name}/bad")]
    assert len(read) == len(WRITTEN)
    assert all(one.ok for one in ran.verified)
    azure.requests.clear()
    assert all(one.ok for one in move.run(part_mib=5, verify="deep").verified)
    assert azure.count("GET", "comp=pagelist") == 0
    assert azure.count("GET", f"{source.name}/bad") == 3  # all of it, whatever the list of pages says


@pytest.mark.parametrize("kind", ["damage_out", "truncate"])
def test_a_damaged_list_of_pages_is_found(move, source, azure, target, kind):
    """A page that is missing in it would be zeros on S3."""
    data = put_pages(source, "bad", md5=False)
    fault = azure.faults.add(Fault(kind, "GET", "comp=pagelist"))
    ran = move.run(part_mib=5)
    assert fault.times == 0
    assert shown(target) == {"bad": data}
    assert all(one.ok for one in ran.verified)


def test_a_page_blob_without_pages_is_zeros(move, source, azure, target):
    source.client.get_blob_client("empty").create_page_blob(2 * MIB)
    source.client.get_blob_client("none").create_page_blob(0)
    move.run()
    assert shown(target) == {"empty": bytes(2 * MIB), "none": b""}
    assert azure.count("GET", "/empty") == azure.count("GET", "comp=pagelist") == 2  # the list of its pages, twice


def test_a_page_blob_that_changes_under_the_copy_is_begun_anew(move, source, target):
    put_pages(source, "a", md5=False)
    client = source.client.get_blob_client("a")
    fault = target.faults.add(Fault("pause", "PUT", "partNumber=1"))

    def write() -> None:
        assert fault.reached.wait(30)
        client.upload_page(content(PAGE, 9), 8 * MIB, PAGE)
        fault.release.set()

    writer = threading.Thread(target=write)
    writer.start()
    ran = move.run(part_mib=5, workers=1)
    writer.join()
    expected = bytearray(paged(13 * MIB))
    expected[8 * MIB : 8 * MIB + PAGE] = content(PAGE, 9)
    assert shown(target)["a"] == bytes(expected)
    assert "changed" in ran.codes()


def test_a_snapshot_of_a_page_blob_keeps_its_pages(move, source, target):
    data = put_pages(source, "disk", md5=False)
    client = source.client.get_blob_client("disk")
    stamp = client.create_snapshot()["snapshot"]
    client.upload_page(content(PAGE, 3), 0, PAGE)
    move.run(part_mib=5, past="copy")
    assert shown(target)[f"azure-history/disk@{stamp}"] == data
    assert shown(target)["disk"][:PAGE] == content(PAGE, 3)


def test_append_blobs_arrive(move, source, target):
    source.put("log", content(100_000), blob_type=BlobType.APPENDBLOB)
    move.run()
    assert shown(target) == {"log": content(100_000)}
