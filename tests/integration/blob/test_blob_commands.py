"""The commands on blobs, as programs: what they say, the code they end with, and what they leave untouched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from azure.storage.blob import StandardBlobTier
from blob_driver import Move, new_move
from blob_source import Source, content, new_container
from commands import blob
from doubles.azure_proxy import AzureProxy
from doubles.strict_s3 import StrictS3
from doubles.strict_s3.store import described
from endpoints import StorageAccount

pytestmark = pytest.mark.integration


@pytest.fixture
def move(azurite: StorageAccount, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path)


def objects(target):
    return target.store.buckets["target"].objects


def writes(target):
    return [line for line in target.requests if line[0] in {"PUT", "POST", "DELETE"}]


def test_plan_counts_what_is_there_and_what_cannot_stay(move, source, target):
    source.put("a.pdf", content(200_000), metadata={"제목".encode().hex(): "x", "owner": "k"}, tags={"dept": "hr"})
    source.put("cool", content(300_000), standard_blob_tier=StandardBlobTier.COOL)
    source.put("frozen", content(1000), standard_blob_tier=StandardBlobTier.ARCHIVE)
    source.put("가" * 400, b"long")
    source.put("note.txt", b"1", metadata={"Owner": "k"})
    source.client.get_blob_client("a.pdf").create_snapshot()
    ended = blob(move.write(), "plan", "--measure")
    assert ended.code == 0, ended.told
    seen = ended.data["containers"][source.name]
    assert (seen["objects"], seen["bytes"]) == (3, 500_001)
    assert seen["tiers"]["Archive"] == {"objects": 1, "bytes": 1000}
    assert seen["storage_classes"]["STANDARD_IA"] == {"objects": 1, "bytes": 300_000}
    assert seen["left"] == {"archived": 1, "key-too-long": 1}
    assert seen["converted"] == {"metadata-lowercased": 1}
    assert seen["past"] == {"snapshots": 1}
    assert seen["to_copy"] == {"objects": 3, "bytes": 500_001}
    assert ended.data["seconds"] > 0
    assert ended.data["rate"]["known_by"].startswith("reading 0.5 MiB of 3 blobs")
    assert ended.data["egress"]["currency"] == "USD"
    assert ended.data["egress"]["source"]
    assert writes(target) == []
    assert not (move.folder / "runs").exists()


def test_plan_prices_what_is_due_by_tier_and_rehydration_by_priority(move, source):
    source.put("hot", content(1000))
    source.put("cool", content(300_000), standard_blob_tier=StandardBlobTier.COOL)
    source.put("frozen", content(1000), standard_blob_tier=StandardBlobTier.ARCHIVE)
    file = move.write()
    charges = blob(file, "plan").data["charges"]
    assert list(charges) == ["copy", "rehydrate, priority Standard", "rehydrate, priority High"]
    lines = {one["sku"]: one for one in charges["copy"]}
    assert {"azure.egress", "azure.blob.read", "azure.blob.read.cool", "azure.blob.retrieval.cool"} <= set(lines)
    assert lines["azure.blob.retrieval.cool"]["source"].endswith("2026-10-01")
    assert lines["aws.s3.put.standard-ia"]["amount"] is None
    assert lines["aws.s3.put.standard-ia"]["status"] == "missing"
    early = charges["rehydrate, priority High"][-1]
    assert (early["sku"], early["status"]) == ("azure.blob.archive-lrs", "estimated")
    move.run()
    told = blob(file, "plan")
    assert [one["sku"] for one in told.data["charges"]["copy"]] == ["azure.egress"]
    assert "no price of" not in told.told


def test_plan_knows_no_time_that_nobody_measured_and_counts_only_what_is_due(move, source):
    source.put("a", content(1000))
    source.put("b", content(2000))
    file = move.write()
    assert blob(file, "plan").data["seconds"] is None
    assert blob(file, "plan", "--speed", "1").data["seconds"] == pytest.approx(3000 / (1 << 20))
    move.run()
    source.put("b", content(500))
    assert blob(file, "plan").data["to_copy"] == {"objects": 1, "bytes": 500}


def test_egress_is_free_below_the_allowance_and_priced_by_tier_above(tmp_path):
    from wkms_migrate import assets
    from wkms_migrate.cost import egress

    folder = assets.path("config") / "prices"
    assert egress.of(99 * 10**9, folder).amount.base == 0
    assert str(egress.of(1100 * 10**9, folder).amount.base) == "120.00"
    assert egress.of(10**9, tmp_path).amount is None


def test_copy_takes_a_choice_and_the_other_commands_stay_in_it(move, source, target):
    for name in ("인사팀/a.pdf", "인사팀/sub/b.pdf", "인사팀/c.txt", "총무팀/d.pdf"):
        source.put(name, name.encode())
    target.store.put("target", "총무팀/theirs", described({}, [], b"theirs"))
    choice = ["--prefix", "인사팀/", "--include", "**/*.pdf", "--exclude", "*/sub/*"]
    file = move.write()
    assert blob(file, "copy", *choice).code == 2  # nobody there to ask
    ended = blob(file, "copy", *choice, "--yes")
    assert ended.code == 0, ended.told
    assert set(objects(target)) == {"인사팀/a.pdf", "총무팀/theirs"}
    assert blob(file, "verify", *choice).code == 0
    assert blob(file, "diff", *choice).code == 0
    wider = blob(file, "diff", "--prefix", "인사팀/")
    assert wider.code == 3
    assert sorted(wider.data["containers"][source.name]["missing"]) == ["인사팀/c.txt", "인사팀/sub/b.pdf"]


def test_copy_takes_names_from_a_list_and_blobs_by_date(move, source, target, tmp_path):
    for name in ("a", "b", "한글 이름"):
        source.put(name, name.encode())
    names = tmp_path / "names.txt"
    names.write_text("한글 이름\r\nb\nnot there\n", encoding="utf-8")
    file = move.write()
    assert blob(file, "copy", "--files-from", str(names), "--modified-after", "2020-01-01", "--yes").code == 0
    assert set(objects(target)) == {"b", "한글 이름"}
    assert blob(file, "copy", "--modified-before", "2020-01-01", "--yes").code == 0
    assert set(objects(target)) == {"b", "한글 이름"}
    bad = blob(file, "copy", "--files-from", str(tmp_path / "none"), "--yes")
    assert bad.code == 2
    assert "files_from" in bad.told


def test_two_containers_share_a_bucket_under_prefixes(move, azurite, source, target):
    other = new_container(azurite)
    source.put("same", b"1")
    other.put("same", b"2")
    file = move.write(containers=[source.name, other.name], buckets={})
    to = ["--to", f"{source.name}=target/one", "--to", f"{other.name}=target/two/"]
    assert blob(file, "copy", *to, "--yes").code == 0
    assert {key: item.data for key, item in objects(target).items()} == {"one/same": b"1", "two/same": b"2"}
    assert blob(file, "verify", *to).code == 0
    shared = blob(file, "copy", "--to", f"{source.name}=target", "--to", f"{other.name}=target/two", "--yes")
    assert shared.code == 2
    assert "share a place" in shared.told


def test_diff_and_verify_name_what_is_wrong_and_write_nothing(move, source, target):
    for name in ("same", "gone", "new", "size", "content"):
        source.put(name, content(64, len(name)))
    file = move.write()
    assert blob(file, "copy", "--yes").code == 0
    before = dict(objects(target))
    like = objects(target)["content"]
    target.store.put("target", "content", described({}, [], b"\0" * 64))
    objects(target)["content"].metadata = like.metadata
    target.store.put("target", "size", described({}, [], b"short"))
    del objects(target)["new"]
    target.store.put("target", "extra", described({}, [], b"x"))
    target.requests.clear()
    found = blob(file, "diff")
    assert found.code == 3
    seen = found.data["containers"][source.name]
    assert (seen["missing"], seen["extra"], seen["left"]) == (["new"], ["extra"], [])
    assert seen["differing"] == [["size", "another size"], ["content", "changed on either side since it was copied"]]
    assert blob(file, "verify", "--mode", "size").code == 3
    deep = blob(file, "verify", "--mode", "deep")
    assert deep.code == 3
    codes = {one["object"]: one["code"] for one in deep.data["containers"][source.name]["findings"]}
    assert codes[f"{source.name}/content"] == "not-current"
    assert writes(target) == []
    assert set(before) - set(objects(target)) == {"new"}
    journal = move.folder / "runs" / "test" / "journal.jsonl"
    length = journal.stat().st_size
    blob(file, "diff")
    assert journal.stat().st_size == length


def test_a_deep_verification_reads_blob_and_object(move, azurite, source, target):
    source.put("a", content(1000))
    with AzureProxy(azurite.blob_endpoint) as azure:
        through = replace(move, blob_endpoint=azure.endpoint)
        through.run()
        for mode, reads in (("checksum", 0), ("deep", 1)):
            azure.requests.clear()
            target.requests.clear()
            assert blob(through.write(), "verify", "--mode", mode).code == 0
            assert azure.count("GET", f"{source.name}/a") == reads
            assert target.count("GET", "/target/a") == reads


@pytest.mark.parametrize(("mode", "reads"), [("size", 0), ("checksum", 0), ("sample", 0), ("deep", 40)])
def test_only_the_modes_that_say_so_read_objects(move, source, target, mode, reads):
    for number in range(40):
        source.put(f"f/{number}", content(100, number))
    file = move.write()
    move.run()
    target.requests.clear()
    ended = blob(file, "verify", "--mode", mode, "--sample", "20")
    assert ended.code == 0, ended.told
    read = target.count("GET", "/target/f/")
    if mode == "sample":
        assert 0 < read < 40
        assert ended.data["containers"][source.name]["read_back"] == read
    else:
        assert read == reads


def test_a_deep_verification_does_not_trust_an_etag(move, source, target):
    """What the listing cannot show: content that changed under the same ETag, as on a damaged disk."""
    source.put_without_md5("a", b"x" * 100)
    move.run()
    item = objects(target)["a"]
    wrong = described({}, [], b"y" * 100)
    wrong.metadata, wrong.etag = item.metadata, item.etag
    objects(target)["a"] = wrong
    file = move.write()
    assert blob(file, "verify", "--mode", "size").code == 0
    target.requests.clear()
    deep = blob(file, "verify", "--mode", "deep")
    assert deep.code == 3
    assert deep.data["containers"][source.name]["findings"][0]["code"] == "content-differs"
    assert target.count("GET", "/target/a") == 1


def test_verify_none_skips_the_step(move, source):
    source.put("a", b"1")
    ran = move.run(verify="none")
    assert ran.verified == []
    assert ran.state.steps[f"blob/verify/{source.name}"].status == "skipped"


def test_an_unknown_bucket_is_told_before_anything_else(move, source):
    source.put("a", b"1")
    file = move.write(buckets={})
    ended = blob(file, "verify")
    assert ended.code == 1
    assert "provision" in ended.told
    assert blob(file, "plan").data["containers"][source.name]["not_compared"] == "the bucket is not known yet"
