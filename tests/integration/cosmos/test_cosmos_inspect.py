"""`cosmos inspect`: what it says of containers that hold a little of everything."""

from __future__ import annotations

import random
from typing import Any

import cosmos_driver
import pytest
import yaml
from cosmos_clouds import Clouds, cosmos
from doubles.strict_dynamodb import StrictDynamo

pytestmark = pytest.mark.integration


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"d": value}
    return value


ODD = [
    {"id": "plain", "k": "a", "title": "취업규칙", "page": 1},
    {"id": "number", "k": 7, "title": None, "page": 2.5},
    {"id": "null", "k": None, "page": "three"},
    {"id": "absent", "tree": deep(40)},
    {"id": "vector", "k": "a", "embedding": [0.5, -0.25] * 50},
    {"id": "large", "k": "b", "text": "가" * 200_000},
    {"id": "huge number", "k": "b", "page": 1e300},
    {"id": "never", "k": "b", "ttl": -1},
]


def test_a_container_with_a_little_of_everything(clouds: Clouds) -> None:
    clouds.container(
        "documents",
        ["/k"],
        ODD,
        default_ttl=3600,
        unique_key_policy={"uniqueKeys": [{"paths": ["/title"]}]},
        indexing_policy={
            "compositeIndexes": [[{"path": "/k", "order": "ascending"}, {"path": "/page", "order": "descending"}]]
        },
        vector_embedding_policy={
            "vectorEmbeddings": [
                {"path": "/embedding", "dataType": "float32", "dimensions": 100, "distanceFunction": "cosine"}
            ]
        },
    )
    source = clouds.source("documents")
    source.scripts.create_stored_procedure({"id": "purge", "body": "function () { c.deleteDocument(x) }"})
    source.scripts.create_trigger(
        {"id": "audit", "body": "function () {}", "triggerType": "Post", "triggerOperation": "All"}
    )
    ended = cosmos(clouds.move(), "inspect", "--sample", "0", "--scripts", "programs")
    assert ended.code == 0, ended.told
    (found,) = ended.data["containers"]
    assert (found["items"], found["looked_at"]) == (8, 8)
    assert found["partition_key"]["/k"]["types"] == {"string": 5, "number": 1, "null": 1, "absent": 1}
    assert found["types"]["page"] == {"number": 3, "string": 1}
    assert found["depth"] == 40
    assert found["over_400_kb"] == 1
    assert sum(found["sizes_up_to_kib"].values()) == 8
    assert found["largest_bytes"] > 600_000
    assert found["ttl"] == {"default": 3600, "own": 1, "expired": 0}
    assert found["vectors"]["/embedding"]["dimensions"] == {"100": 1}
    assert found["policies"]["composite indexes"] == [["/k ascending", "/page descending"]]
    assert found["policies"]["unique keys"] == [["/title"]]
    assert [(one["name"], one["for"]) for one in found["programs"]] == [
        ("purge", "bulk delete"),
        ("audit", "follow-up"),
    ]
    assert "Streams" in found["programs"][1]["instead"]
    assert found["conversions"] == {"key-as-text": 3, "depth-as-text": 1, "large-item": 1, "number-as-text": 1}
    assert [one["path"] for one in found["writing"]] == ["BatchWriteItem", "ImportTable", "StartBulkPutItems"]
    assert found["reading"]["path"] == "Reading"
    assert "deleteDocument" in (clouds.folder / "programs/documents/stored-procedure-purge.js").read_text("utf-8")
    assert "over 400 KB 1" in ended.told


def test_a_sample_is_told_as_one_and_reaches_every_range(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [{"id": f"{n:04}", "k": f"k{n}", "text": "x" * 500} for n in range(400)])
    (found,) = cosmos(clouds.move(), "inspect", "--sample", "40").data["containers"]
    assert found["items"] == 400
    assert 40 <= found["looked_at"] <= 44
    assert found["item_bytes"] == pytest.approx(400 * 519, rel=0.02)


def test_an_unknown_container_is_refused_with_the_list(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [])
    ended = cosmos(clouds.move(), "inspect", "--container", "docs")
    assert ended.code == 2
    assert "documents" in ended.data["hint"]


def test_inspect_writes_nothing(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], ODD[:2])
    move = clouds.move()
    before = sorted(clouds.folder.rglob("*"))
    assert cosmos(move, "inspect").code == 0
    assert sorted(clouds.folder.rglob("*")) == before


@pytest.mark.parametrize("policy", ["compress", "split"])
def test_costs_are_those_that_the_copy_meters(clouds: Clouds, policy: str) -> None:
    noise = random.Random(7).randbytes(700_000).hex()
    items = [
        {"id": f"{n:03}", "k": f"부서{n % 5}", "page": n if n % 3 else None, "text": "가" * (n * 7)} for n in range(300)
    ]
    items += [{"id": "large", "k": "부서1", "text": "나" * 300_000}]
    items += [{"id": "noise", "k": "부서2", "text": noise}] if policy == "split" else []
    clouds.container("documents", ["/k"], items, offer_throughput=2000)
    key = {"name": "k", "paths": ["/k"]}
    indexes = [
        {"name": "by-page", "hash": [{"name": "k"}], "range": [{"name": "page", "type": "N"}]},
        {"name": "by-id", "hash": [{"name": "id"}], "projection": "ALL"},
    ]
    rules = {
        "table": "documents",
        "keys": {"hash": key, "range": {"name": "id", "paths": ["/id"]}},
        "large_items": policy,
        "indexes": indexes,
    }
    mapping = clouds.folder / "mapping.yaml"
    mapping.write_text(yaml.safe_dump({"version": 1, "containers": {"documents": rules}}), encoding="utf-8")
    with StrictDynamo() as strict:
        move = cosmos_driver.prepare(clouds.account, strict.endpoint, clouds.folder, database=clouds.prefix, tables={})
        move.configure(mapping=str(mapping), tables={"make": True})
        (found,) = cosmos(move, "inspect", "--sample", "0").data["containers"]
        told = {one["path"]: one for one in (found["reading"], *found["writing"])}
        assert strict.counts == {}
        assert move.run().verified
        assert float(told["BatchWriteItem"]["quantity"]) * 1e6 == pytest.approx(strict.counts["units"], rel=0.001)
    assert told["BatchWriteItem"]["seconds"] == pytest.approx(strict.counts["units"] / 4000, rel=0.001)
    read_units = float(told["Reading"]["quantity"]) * 360_000
    assert 0 < read_units / 2000 == pytest.approx(told["Reading"]["seconds"], rel=0.001)
    assert told["StartBulkPutItems"]["cost"] is None
    assert "aws.dynamodb.bulk-put" in told["StartBulkPutItems"]["text"]
