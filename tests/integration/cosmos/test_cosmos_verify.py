"""`cosmos verify` and `cosmos repair`: what differs is named on both sides and by JSON path, and is mended."""

from __future__ import annotations

import random

import pytest
from cosmos_clouds import Clouds, cosmos
from cosmos_driver import Move

from wkms_migrate import journal
from wkms_migrate.clients.cosmos_token import feed_range
from wkms_migrate.errors import VerificationFailed

pytestmark = pytest.mark.integration

CHUNKS = [
    {
        "id": f"문서-{n:03}",
        "k": f"부서{n % 7}",
        "n": n / 4,
        "tags": ["a", {"b": None}],
        "deep": {"이름 하나": [1, 2, 3]},
    }
    for n in range(200)
]


@pytest.fixture
def copied(clouds: Clouds) -> Move:
    clouds.container("documents", ["/k"], CHUNKS)
    clouds.table("documents", "k")
    move = clouds.move()
    move.run()
    return move


def item_of(clouds: Clouds, id: str) -> dict[str, dict[str, object]]:
    return next(item for item in clouds.items("documents") if item["id"] == {"S": id})


def test_equal_ends_are_equal(copied: Move) -> None:
    ended = cosmos(copied, "verify")
    assert ended.code == 0, ended.told
    (found,) = ended.data["containers"]
    assert found["equal"]
    assert found["source"] == found["target"]
    assert found["source"]["items"] == 200
    assert "200 items: equal" in ended.told


def test_every_kind_of_difference_is_named(clouds: Clouds, copied: Move) -> None:
    changed = item_of(clouds, "문서-010")
    changed["deep"]["M"]["이름 하나"]["L"][1] = {"S": "2"}
    changed["n"] = {"N": "2.50001"}
    del changed["tags"]["L"][1]["M"]["b"]
    clouds.put("documents", changed)
    clouds.delete("documents", k="부서4", id="문서-011")
    clouds.put("documents", {"k": {"S": "부서"}, "id": {"S": "낯선"}, "x": {"SS": ["1", "2"]}})
    ended = cosmos(copied, "verify")
    assert ended.code == 3
    (found,) = ended.data["containers"]
    assert (found["missing"], found["extra"], found["different"]) == (1, 1, 1)
    told = {one["kind"]: one for one in found["items"]}
    assert told["missing"]["item"] == '["부서4","문서-011"]'
    assert told["extra"]["item"] == '["부서","낯선"]'
    assert told["different"]["item"] == '["부서3","문서-010"]'
    assert told["different"]["places"] == [
        {"path": '$.deep["이름 하나"][1]', "source": "2", "target": '"2"'},
        {"path": "$.n", "source": "2.5", "target": "2.50001"},
        {"path": "$.tags[1].b", "source": "null", "target": "(absent)"},
    ]
    assert 1 <= len(found["buckets"]) <= 3
    assert sum(one["source"] - one["target"] for one in found["buckets"]) == 0
    assert "$.n: 2.5 became 2.50001" in ended.told


def test_the_phase_names_the_places_too(clouds: Clouds, copied: Move) -> None:
    clouds.put("documents", item_of(clouds, "문서-010") | {"n": {"NULL": True}})
    copied.configure(page_size=999)  # a changed setting is no reason to copy again
    move = clouds.move(expiry_attribute="other")  # but a changed mapping is
    with pytest.raises(Exception, match="holds items already"):
        move.run()
    move = clouds.move(on_existing="append")
    state = move.run()
    assert item_of(clouds, "문서-010")["n"] == {"N": "2.5"}
    assert all(one.ok for one in state.verified.values())


def test_repair_makes_both_ends_alike(clouds: Clouds, copied: Move) -> None:
    dice = random.Random(5)
    for item in dice.sample(clouds.items("documents"), 30):
        clouds.delete("documents", k=item["k"]["S"], id=item["id"]["S"])
    for item in dice.sample(clouds.items("documents"), 20):
        clouds.put("documents", item | {"n": {"N": "-1"}})
    for number in range(10):
        clouds.put("documents", {"k": {"S": "x"}, "id": {"S": str(number)}})
    looked = cosmos(copied, "repair", "--dry-run")
    assert looked.code == 0
    assert (looked.data["containers"][0]["missing"], looked.data["containers"][0]["extra"]) == (30, 10)
    assert cosmos(copied, "repair").code == 2, "without --yes and without a terminal nothing is changed"
    assert cosmos(copied, "verify").code == 3
    mended = cosmos(copied, "repair", "--yes")
    assert mended.code == 0, mended.told
    done = mended.data["results"]["repaired/documents"]
    assert done == {"deleted": 10, "written": 50, "dead": 0, "orphaned_parts": 0}
    assert cosmos(copied, "verify").code == 0
    again = cosmos(copied, "repair", "--yes")
    assert again.data["results"]["repaired/documents"]["written"] == 0


def test_repair_mends_items_in_parts_and_takes_away_what_is_left_of_them(clouds: Clouds) -> None:
    noise = random.Random(3).randbytes(400_000).hex()
    clouds.container("documents", ["/k"], [{"id": name, "k": "a", "text": noise} for name in ("one", "two")])
    clouds.table("documents", "k")
    move = clouds.move(large_items="split")
    move.run()
    assert len(clouds.items("documents")) == 6
    broken = next(item for item in clouds.items("documents") if item["id"]["S"].startswith("~p:"))
    clouds.delete("documents", k="a", id=broken["id"]["S"])
    clouds.source("documents").upsert_item({"id": "two", "k": "a", "text": "short now"})
    mended = cosmos(move, "repair", "--yes")
    assert mended.code == 0, mended.told
    assert mended.data["results"]["repaired/documents"]["orphaned_parts"] >= 1
    assert sorted(item["id"]["S"][:3] for item in clouds.items("documents")) == ["one", "two", "~p:", "~p:"]


def test_a_repair_while_the_run_is_held_by_another_is_refused(copied: Move) -> None:
    with journal.Journal(copied.context().run_dir):
        ended = cosmos(copied, "repair", "--yes")
    assert ended.code == 6


def test_what_cannot_be_repaired_is_a_dead_letter_and_the_rest_is_mended(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [*CHUNKS[:5], {"id": "long", "k": "x" * 2049}])
    clouds.table("documents", "k")
    move = clouds.move()
    with pytest.raises(VerificationFailed):
        move.run()
    clouds.delete("documents", k="부서1", id="문서-001")
    ended = cosmos(move, "repair", "--yes")
    assert ended.code == 3
    assert len(clouds.items("documents")) == 5
    assert "key-too-long" in cosmos(move, "replay-dead-letter", "--dry-run").told


def test_every_feed_range_is_counted_on_both_ends(clouds: Clouds, copied: Move) -> None:
    ranges = cosmos(copied, "verify").data["containers"][0]["ranges"]
    assert len(ranges) == 4
    assert (ranges[0]["low"], ranges[-1]["high"]) == ("", "FF")
    assert [one["high"] for one in ranges[:-1]] == [one["low"] for one in ranges[1:]]
    assert all(one["source"] == one["target"] for one in ranges)
    source = clouds.source("documents")
    asked = [feed_range((one["low"], one["high"])) for one in ranges]
    own = [len(list(source.query_items("SELECT * FROM c", feed_range=one))) for one in asked]
    assert [one["source"]["items"] for one in ranges] == own
    assert sum(own) == 200
    clouds.delete("documents", k="부서3", id="문서-003")
    ended = cosmos(copied, "verify", "--verbose")
    after = ended.data["containers"][0]["ranges"]
    (wrong,) = [place for place, one in enumerate(after) if one["source"] != one["target"]]
    assert after[wrong]["source"] == ranges[wrong]["source"]
    assert after[wrong]["target"]["items"] == own[wrong] - 1
    assert f"{own[wrong]:,} items, {own[wrong] - 1:,} in the table" in ended.told
    assert "3 of 4 feed ranges hold the same on both ends" in ended.told
