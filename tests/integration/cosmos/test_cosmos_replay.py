"""`cosmos replay-dead-letter`: what was left out comes over once the reason is gone; the rest stays in the file."""

from __future__ import annotations

import random

import cosmos_clouds
import pytest
from cosmos_clouds import Clouds, cosmos

from wkms_migrate.errors import VerificationFailed
from wkms_migrate.phases.cosmos.dead import DeadLetters

pytestmark = pytest.mark.integration

NOISE = random.Random(3).randbytes(300_000).hex()


def codes(move: cosmos_clouds.Move) -> list[str]:
    return [letter.code for letter in DeadLetters.of(move.context().run_dir, "documents").read()]


def test_letters_come_over_when_their_reason_is_gone(clouds: Clouds) -> None:
    clouds.container(
        "documents",
        ["/k"],
        [
            {"id": "fine", "k": "a"},
            {"id": "large", "k": "a", "text": NOISE * 2},
            {"id": "long", "k": "x" * 2049},
            {"id": "gone", "k": "a", "text": NOISE * 2},
            {"id": "mended", "k": "a", "text": NOISE * 2},
        ],
    )
    clouds.table("documents", "k")
    move = clouds.move()
    with pytest.raises(VerificationFailed):
        move.run()
    assert sorted(codes(move)) == ["key-too-long", "too-large", "too-large", "too-large"]
    assert [item["id"]["S"] for item in clouds.items("documents")] == ["fine"]

    shown = cosmos(move, "replay-dead-letter", "--dry-run")
    assert shown.data["containers"][0]["dead_letters"] == {"key-too-long": 1, "too-large": 3}
    clouds.source("documents").delete_item("gone", "a")
    clouds.source("documents").upsert_item({"id": "mended", "k": "a", "text": "short"})
    move = clouds.move(large_items="split")
    ended = cosmos(move, "replay-dead-letter", "--yes")
    assert ended.code == 3, "one is left"
    assert "2 dead letters written, 1 gone from the source, 1 left" in ended.data["error"]
    assert codes(move) == ["key-too-long"]
    heads = [item for item in clouds.items("documents") if not item["id"]["S"].startswith("~p:")]
    assert {item["id"]["S"] for item in heads} == {"fine", "large", "mended"}
    assert next(item for item in heads if item["id"]["S"] == "mended")["text"] == {"S": "short"}

    clouds.source("documents").delete_item("long", "x" * 2049)
    assert cosmos(move, "replay-dead-letter", "--yes").code == 0
    assert codes(move) == []
    assert cosmos(move, "verify").code == 0


def test_nothing_to_replay_is_no_failure(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [{"id": "fine", "k": "a"}])
    clouds.table("documents", "k")
    move = clouds.move()
    move.run()
    ended = cosmos(move, "replay-dead-letter", "--yes")
    assert ended.code == 0, ended.told
    assert ended.data["results"]["replayed/documents"] == {"written": 0, "gone": 0}
    assert len(clouds.items("documents")) == 1


def test_what_dynamodb_refuses_stays_a_letter_with_its_reason(clouds: Clouds) -> None:
    clouds.container("documents", ["/k"], [{"id": "a", "k": "k"}, {"id": "b", "k": "k"}])
    clouds.table("documents", "k")
    move = clouds.move()
    move.run()
    letters = DeadLetters.of(move.context().run_dir, "documents")
    from wkms_migrate.phases.cosmos.items import UnmappableError

    letters.add(
        [
            ({"id": "a", "k": "k"}, UnmappableError("refused", "by hand")),
            ({"id": "b", "k": "k"}, UnmappableError("refused", "by hand")),
        ]
    )
    clouds.dynamo.delete_table(TableName=f"{clouds.prefix}-documents")
    clouds.table("documents", "k", "id", kinds="NS")
    ended = cosmos(move, "replay-dead-letter", "--yes")
    assert ended.code == 3
    assert "2 left" in ended.data["error"]
    assert codes(move) == ["refused", "refused"]
    assert "mismatch" in ended.told, "the reason is the service's own"
