"""Damage, storms and changes on the way from Azure to S3: nothing torn, nothing wrong, nothing silent."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContentSettings
from blob_driver import Move, new_move
from blob_source import Source, content
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate.errors import WkmsError

pytestmark = pytest.mark.integration
MIB = 1 << 20


@pytest.fixture
def proxy(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.blob_endpoint, structured=True) as running:
        yield running


@pytest.fixture
def move(azurite: StorageAccount, source: Source, proxy: AzureProxy, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path, through=proxy.endpoint)


def objects(target):
    return target.store.buckets["target"].objects


def no_uploads(target):
    return not target.store.buckets["target"].uploads


@pytest.mark.parametrize("size", [10_000, 3 * MIB, 13 * MIB], ids=["small", "whole", "parts"])
@pytest.mark.parametrize("structured", [True, False], ids=["crc64", "md5"])
def test_damage_on_the_way_from_azure_is_found_and_read_again(move, source, proxy, target, size, structured):
    """By the service's CRC64 where it is sent; else by the stored Content-MD5."""
    proxy.structured = structured
    data = content(size)
    source.put("a", data, headers={"content_md5": bytearray(hashlib.md5(data).digest())})
    fault = proxy.faults.add(Fault("damage_out", "GET", f"{source.name}/a"))
    move.run(part_mib=5)
    assert fault.times == 0
    assert objects(target)["a"].data == data
    assert no_uploads(target)


@pytest.mark.parametrize("size", [10_000, 3 * MIB, 13 * MIB], ids=["small", "whole", "parts"])
def test_damage_without_any_stored_md5_is_found_by_the_services_crc64(move, source, proxy, target, size):
    source.put_without_md5("a", content(size))
    fault = proxy.faults.add(Fault("damage_out", "GET", f"{source.name}/a"))
    move.run(part_mib=5)
    assert fault.times == 0
    assert objects(target)["a"].data == content(size)


@pytest.mark.parametrize("kind", ["truncate", "unavailable"])
def test_a_broken_answer_of_azure_is_asked_for_again(move, source, proxy, target, kind):
    source.put("a", content(3 * MIB))
    fault = proxy.faults.add(Fault(kind, "GET", f"{source.name}/a", times=2))
    move.run()
    assert fault.times == 0
    assert objects(target)["a"].data == content(3 * MIB)


@pytest.mark.parametrize("size", [10_000, 3 * MIB, 13 * MIB], ids=["small", "whole", "parts"])
@pytest.mark.parametrize("kind", ["damage_in", "unavailable", "reset"])
def test_damage_and_breaks_on_the_way_to_s3_are_sent_again(move, source, target, size, kind):
    source.put("a", content(size))
    fault = target.faults.add(Fault(kind, "PUT", "/target/a"))
    ran = move.run(part_mib=5)
    assert fault.times == 0
    assert objects(target)["a"].data == content(size)
    assert all(one.ok for one in ran.verified)
    assert no_uploads(target)


@pytest.mark.parametrize("kind", ["reset", "late_error"])
def test_a_completion_whose_answer_is_lost_is_recognised(move, source, target, kind):
    source.put("a", content(13 * MIB))
    fault = target.faults.add(Fault(kind, "POST", "uploadId"))
    ran = move.run(part_mib=5)
    assert fault.times == 0
    assert objects(target)["a"].data == content(13 * MIB)
    assert all(one.ok for one in ran.verified)
    assert no_uploads(target)


def test_a_storm_of_503_is_ridden_out(move, source, target):
    for number in range(100):
        source.put(f"f/{number}", content(1000, number))
    for method in ("GET", "PUT", "HEAD"):
        target.faults.add(Fault("unavailable", method, times=10_000, every=4))
    ran = move.run()
    assert {key: item.data for key, item in objects(target).items()} == {
        f"f/{number}": content(1000, number) for number in range(100)
    }
    assert all(one.ok for one in ran.verified)


@pytest.mark.parametrize("size", [10_000, 3 * MIB, 13 * MIB], ids=["small", "whole", "parts"])
def test_a_blob_with_a_wrong_stored_md5_fails_or_warns_as_asked(move, source, target, size):
    source.put("good", b"good")
    source.put("bad", content(size))
    wrong = ContentSettings(content_md5=bytearray(hashlib.md5(b"other").digest()))
    source.client.get_blob_client("bad").set_http_headers(wrong)
    with pytest.raises(WkmsError, match="1 of 2 objects"):
        move.run(part_mib=5)
    assert set(objects(target)) == {"good"}
    assert no_uploads(target)
    finding = next(found for found in move.state().findings.values() if found.code == "not-copied")
    assert "Content-MD5" in finding.text
    assert "on_bad_md5" in finding.hint
    ran = move.run(part_mib=5, on_bad_md5="warn")
    assert objects(target)["bad"].data == content(size)
    assert "wrong-md5" in ran.codes()


@pytest.mark.parametrize("size", [3 * MIB, 23 * MIB], ids=["whole", "parts"])
def test_a_blob_that_is_overwritten_while_it_is_read_is_never_torn(move, source, target, size):
    old, new = content(size, 1), content(size, 2)
    source.put_without_md5("a", old)
    # The listing of `plan`, the one of the copy; then the first range is held until the blob is another one.
    fault = target.faults.add(Fault("pause", "POST" if size > 5 * MIB else "GET", "uploads" if size > 5 * MIB else ""))

    def overwrite() -> None:
        assert fault.reached.wait(30)
        source.put_without_md5("a", new)
        fault.release.set()

    writer = threading.Thread(target=overwrite)
    writer.start()
    ran = move.run(part_mib=5)
    writer.join()
    assert objects(target)["a"].data == new
    assert "changed" in ran.codes()
    assert no_uploads(target)
    assert all(one.ok for one in ran.verified)


def test_a_blob_that_changes_between_two_ranges_is_begun_anew(move, source, target):
    old, new = content(23 * MIB, 1), content(23 * MIB, 2)
    source.put_without_md5("a", old)
    fault = target.faults.add(Fault("pause", "PUT", "partNumber=2"))

    def overwrite() -> None:
        assert fault.reached.wait(30)
        source.put_without_md5("a", new)
        fault.release.set()

    writer = threading.Thread(target=overwrite)
    writer.start()
    move.run(part_mib=5, workers=1)
    writer.join()
    assert objects(target)["a"].data == new
    assert no_uploads(target)


def test_a_blob_that_is_deleted_meanwhile_is_noted(move, source, target):
    source.put("a", b"1")
    source.put("b", b"2")
    fault = target.faults.add(Fault("pause", "GET", "list-type=2"))

    def delete() -> None:
        assert fault.reached.wait(30)
        source.client.delete_blob("a")
        fault.release.set()

    deleter = threading.Thread(target=delete)
    deleter.start()
    ran = move.run()
    deleter.join()
    assert set(objects(target)) == {"b"}
    assert "gone" in ran.codes()


def test_an_object_damaged_at_rest_is_found_by_its_checksum_and_by_reading_back(move, source, target):
    source.put("a", content(1000))
    move.run()
    item = objects(target)["a"]
    item.data = b"\1" + item.data[1:]  # the checksum that the service keeps is still the old one
    with pytest.raises(WkmsError, match="CRC64NVME"):
        move.run(verify="deep")


def test_a_checksum_that_is_not_what_was_sent_is_found_without_reading(move, source, target):
    source.put("a", content(1000))
    target.faults.add(Fault("misstate", "PUT", "/target/a"))
    with pytest.raises(WkmsError, match="CRC64NVME"):
        move.run(verify="checksum")
    assert target.count("GET", "/target/a") == target.count("HEAD") == 0
    assert "content-differs" in {finding.code for finding in move.state().findings.values()}


def test_verification_reads_a_resumed_object_back_when_its_md5_is_known(move, source, target, monkeypatch):
    """The MD5 of a resumed upload was not computed on the way, so the object itself is asked."""
    monkeypatch.setattr("wkms_migrate.clients.http_origin.ATTEMPTS", 1)
    data = content(13 * MIB)
    source.put("a", data, headers={"content_md5": bytearray(hashlib.md5(data).digest())})
    target.faults.add(Fault("unavailable", "PUT", "partNumber=3"))
    with pytest.raises(WkmsError, match="503"):
        move.run(part_mib=5, workers=1)
    target.requests.clear()
    ran = move.run(part_mib=5, workers=1)
    assert all(one.ok for one in ran.verified)
    assert target.count("GET", "/target/a") == 1 + 3  # ListParts, then three ranges
    assert "read-back" in ran.codes()


def test_a_server_that_keeps_saying_503_ends_the_step_and_a_later_run_goes_on(move, source, target, monkeypatch):
    monkeypatch.setattr("wkms_migrate.clients.http_origin.ATTEMPTS", 2)
    for number in range(10):
        source.put(f"f/{number}", content(1000, number))
    target.faults.add(Fault("unavailable", "PUT", "/target/f/5", times=10_000))
    with pytest.raises(WkmsError, match="503 SlowDown"):
        move.run(workers=1)
    target.faults.clear()
    target.requests.clear()
    before = set(objects(target))
    ran = move.run(workers=1)
    puts = {path.removeprefix("/target/") for method, path in target.requests if method == "PUT"}
    assert len(objects(target)) == 10
    assert not puts & before
    assert all(one.ok for one in ran.verified)
