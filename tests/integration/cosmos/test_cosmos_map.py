"""`cosmos map`: a proposal that can be used as it is, and files that are refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from cosmos_clouds import Clouds, cosmos
from endpoints import AwsEndpoint

from wkms_migrate.errors import Refused

pytestmark = pytest.mark.integration


def rules(hash_paths: list[str], range_paths: list[str] | None, **more: Any) -> dict[str, Any]:
    keys: dict[str, Any] = {"hash": {"name": "h", "paths": hash_paths}}
    if range_paths is not None:
        keys["range"] = {"name": "r", "paths": range_paths}
    return {"table": "documents", "keys": keys, **more}


def file_with(clouds: Clouds, **containers: Any) -> str:
    path = clouds.folder / "mapping.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "containers": containers}), encoding="utf-8")
    return str(path)


def test_a_proposal_can_be_used_as_it_is(clouds: Clouds) -> None:
    vector = [0.5, 0.1234567, -3e-8] * 30
    clouds.container(
        "documents",
        ["/page"],
        [{"id": f"{n}", "page": n % 3, "title": f"t{n}", "rank": n * 1.5, "embedding": vector} for n in range(60)]
        + [{"id": "odd", "page": 1, "title": None, "rank": 1, "text": "가나" * 100_000}],
        default_ttl=86_400,
        indexing_policy={"compositeIndexes": [[{"path": "/title"}, {"path": "/rank"}]]},
        vector_embedding_policy={
            "vectorEmbeddings": [
                {"path": "/embedding", "dataType": "float32", "dimensions": 90, "distanceFunction": "dotproduct"}
            ]
        },
    )
    clouds.table("documents", "page", kinds="NS")
    proposed = cosmos(clouds.move(), "map")
    assert proposed.code == 0, proposed.told
    found = yaml.safe_load((clouds.folder / "cosmos-mapping.yaml").read_text("utf-8"))["containers"]["documents"]
    assert found["keys"]["hash"] == {"name": "page", "type": "N", "paths": ["/page"]}
    assert found["expiry_attribute"] == "expireAt"
    assert found["large_items"] == "compress"
    assert found["vectors"] == [
        {"path": "/embedding", "form": "float32", "index": {"dimensions": 90, "distance": "DOT_PRODUCT"}}
    ]
    (index,) = found["indexes"]
    assert (index["hash"], index["range"]) == ([{"name": "title", "type": "S"}], [{"name": "rank", "type": "N"}])
    assert any(
        "1 item has no string in title" in remark for remark in proposed.data["containers"]["documents"]["remarks"]
    )

    checked = cosmos(clouds.move(), "map", "--check", "cosmos-mapping.yaml")
    assert checked.code == 0, checked.told
    assert checked.data["containers"][0]["conversions"] == {"large-item": 1, "index-key-aside": 1}
    move = clouds.move(mapping="cosmos-mapping.yaml")
    move.configure(mapping=str(clouds.folder / "cosmos-mapping.yaml"))
    state = move.run()
    assert all(one.ok for one in state.verified.values())
    items = clouds.items("documents")
    assert len(items) == 61
    assert {item["page"]["N"] for item in items} == {"0", "1", "2"}
    odd = next(item for item in items if item["id"] == {"S": "odd"})
    assert "title" not in odd
    assert odd["rank"] == {"N": "1"}, "what an index has for its key stays beside a compressed body"


def test_a_proposal_is_never_written_over(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [])
    (clouds.folder / "mine.yaml").write_text("kept", encoding="utf-8")
    ended = cosmos(clouds.move(), "map", "--output", "mine.yaml")
    assert ended.code == 2
    assert (clouds.folder / "mine.yaml").read_text("utf-8") == "kept"


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (rules(["/k"], None), "two documents that differ in /id alone"),
        (rules(["/id"], None), "two documents that differ in /k alone"),
        (rules(["/title"], ["/id"]), "two documents that differ in /k alone"),
        (
            rules(["/k"], ["/id"]) | {"keys": {"hash": {"name": "h", "paths": ["/k", "/id"], "type": "N"}}},
            "needs type S",
        ),
        (rules(["/k"], ["/id"], expiry_attribute="r"), "r is a key attribute"),
        (rules(["/k"], ["/id"], large_itemz="split"), "large_itemz"),
        (
            rules(
                ["/k"],
                ["/id"],
                vectors=[{"path": "/v", "form": "packed", "index": {"dimensions": 3, "distance": "COSINE"}}],
            ),
            "vector index reads lists",
        ),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_before_anything_is_read(
    clouds: Clouds, made: dict[str, Any], told: str
) -> None:
    clouds.container("documents", ["/k"], [{"id": "1", "k": "a"}])
    ended = cosmos(clouds.move(), "map", "--check", file_with(clouds, documents=made))
    assert ended.code == 2
    assert told in ended.data["error"]


def test_ids_said_to_be_unique_are_proved(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [{"id": "1", "k": "a"}, {"id": "2", "k": "a"}])
    path = file_with(clouds, documents=rules(["/id"], None, ids_are_unique=True))
    assert cosmos(clouds.move(), "map", "--check", path).code == 0
    clouds.fill("documents", [{"id": "2", "k": "b"}])
    ended = cosmos(clouds.move(), "map", "--check", path)
    assert ended.code == 2
    assert sorted(ended.data["containers"][0]["collisions"][0]) == ['["a","2"]', '["b","2"]']


def test_a_mapping_names_containers_that_are_there(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [])
    ended = cosmos(clouds.move(), "map", "--check", file_with(clouds, docs=rules(["/k"], ["/id"])))
    assert ended.code == 2
    assert "there are documents" in ended.data["error"]


def test_a_mapping_that_does_not_fit_the_table_is_refused(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [{"id": "1", "k": "a"}])
    clouds.table("documents", "k")
    move = clouds.move(mapping=file_with(clouds, documents=rules(["/k"], ["/id"])))
    with pytest.raises(Refused, match="HASH k S, RANGE id S, and must be HASH h S, RANGE r S"):
        move.run()
    assert clouds.items("documents") == []


@pytest.mark.parametrize("policy", ["compress", "split", "offload"])
def test_large_items_arrive_by_every_policy(clouds: Clouds, policy: str, moto_server: AwsEndpoint) -> None:
    import random

    noise = random.Random(3).randbytes(400_000).hex()  # does not get small enough by compression
    texts = {"flat": "가나다" * 100_000} | ({} if policy == "compress" else {"noise": noise})
    clouds.container("documents", ["/k"], [{"id": name, "k": "a", "text": text} for name, text in texts.items()])
    clouds.table("documents", "k")
    bucket = f"{clouds.prefix}-bodies".lower().replace("_", "-")
    if policy == "offload":
        import boto3

        boto3.client(
            "s3", endpoint_url=moto_server.endpoint_url, aws_access_key_id="t", aws_secret_access_key="t"
        ).create_bucket(Bucket=bucket)
    state = clouds.move(large_items=policy, offload_bucket=bucket).run()
    assert all(one.ok for one in state.verified.values())
    found = {item["id"]["S"]: item for item in clouds.items("documents")}
    if policy == "split":
        assert sum(name.startswith("~p:") for name in found) == 2
        assert found["noise"]["~wkms"]["M"]["parts"] == {"N": "2"}
        clouds.dynamo.delete_item(
            TableName=f"{clouds.prefix}-documents",
            Key=next({"k": one["k"], "id": one["id"]} for name, one in found.items() if name.startswith("~p:")),
        )
        ended = cosmos(clouds.move(large_items=policy), "verify")
        assert ended.code == 3, "a part that is gone is a difference"
        assert ended.data["containers"][0]["unreadable"] == 1
    if policy == "offload":
        assert {found[name]["~wkms"]["M"]["bucket"]["S"] for name in texts} == {bucket}
