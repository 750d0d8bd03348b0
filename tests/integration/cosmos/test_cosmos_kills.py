"""`cosmos repair`, `replay-dead-letter` and `follow`, killed at a write of theirs: run again, both ends are alike."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cosmos_clouds
import pytest
from cosmos_clouds import ROOT, Clouds, Ended, cosmos
from cosmos_driver import Move
from doubles.strict_dynamodb import StrictDynamo
from endpoints import CosmosAccount

from wkms_migrate.errors import VerificationFailed
from wkms_migrate.phases.cosmos.dead import DeadLetters

pytestmark = pytest.mark.integration

WRITES = ("PutItem", "DeleteItem", "BatchWriteItem")
NOISE = random.Random(11).randbytes(1_000_000).hex()


@pytest.fixture
def strict() -> Iterator[StrictDynamo]:
    with StrictDynamo() as double:
        yield double


@pytest.fixture
def clouds(cosmos_double: CosmosAccount, strict: StrictDynamo, tmp_path: Path) -> Iterator[Clouds]:
    with cosmos_clouds.on_strict(cosmos_double, strict, tmp_path) as made:
        yield made


class Hunter:
    """Kills a process when it asks for its n-th write, which is done before (`landed`) or not at all."""

    def __init__(self, strict: StrictDynamo, nth: int, *, landed: bool) -> None:
        self.left = nth
        self._landed = landed
        self._answer: Callable[[dict[str, str], bytes], tuple[int, bytes]] = strict.answer
        self._strict = strict
        self.victim: subprocess.Popen[str] | None = None

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if headers["X-Amz-Target"].rpartition(".")[2] not in WRITES:
            return self._answer(headers, body)
        self.left -= 1
        if self.left > 0:
            return self._answer(headers, body)
        if self.left == 0 and self._landed:
            self._answer(headers, body)
        assert self.victim is not None
        self.victim.kill()
        return 503, b"{}"  # also for what other threads of it asked for meanwhile

    def run(self, move: Move, *words: str) -> int:
        """Run a command until it is killed; return how it ended."""
        self._strict.answer = self.answer  # type: ignore[method-assign]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("WKMS_")}
        self.victim = subprocess.Popen(
            [sys.executable, "-m", "wkms_migrate", "cosmos", *words, "--config", str(move.file)],
            cwd=move.file.parent,
            env=environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            told = self.victim.communicate(timeout=100)
        finally:
            self.victim.kill()
            self._strict.answer = self._answer  # type: ignore[method-assign]
        assert self.victim.returncode == -signal.SIGKILL, told
        return self.left


def content(clouds: Clouds) -> dict[str, Any]:
    return {item["id"]["S"]: item for item in clouds.items("documents")}


def equal(move: Move) -> Ended:
    ended = cosmos(move, "verify")
    assert ended.code == 0, ended.told
    return ended


def chunks(count: int) -> list[dict[str, Any]]:
    return [{"id": f"문서-{n:03}", "k": f"부서{n % 5}", "n": n, "text": "규정 " * (n % 9)} for n in range(count)]


@pytest.mark.parametrize(("nth", "landed"), [(1, False), (60, False), (92, True)])
def test_a_repair_that_was_killed_is_run_again(clouds: Clouds, strict: StrictDynamo, nth: int, landed: bool) -> None:
    clouds.container("documents", ["/k"], [*chunks(160), {"id": "large", "k": "부서0", "text": NOISE[:900_000]}])
    clouds.table("documents", "k")
    move = clouds.move(large_items="split")
    move.run()
    whole = content(clouds)
    parts = sorted(name for name in whole if name.startswith("~p:"))
    assert len(parts) == 2
    for number in range(30):
        clouds.delete("documents", k=f"부서{number % 5}", id=f"문서-{number:03}")
    for number in range(30, 60):
        clouds.put("documents", whole[f"문서-{number:03}"] | {"n": {"N": "-1"}})
    for number in range(30):
        clouds.put("documents", {"k": {"S": "낯선"}, "id": {"S": f"낯선-{number}"}})
    clouds.delete("documents", k="부서0", id="large")  # its parts belong to none now
    clouds.delete("documents", k="부서0", id=parts[0])
    Hunter(strict, nth, landed=landed).run(move, "repair", "--yes")
    assert content(clouds) != whole
    again = cosmos(move, "repair", "--yes")
    assert again.code == 0, again.told
    assert content(clouds) == whole
    equal(move)


@pytest.mark.parametrize(("nth", "landed"), [(1, True), (9, True)])
def test_a_replay_that_was_killed_is_run_again(clouds: Clouds, strict: StrictDynamo, nth: int, landed: bool) -> None:
    large = [{"id": f"large-{n}", "k": "a", "text": NOISE[n : n + 900_000]} for n in range(4)]
    clouds.container("documents", ["/k"], [*chunks(20), *large])
    clouds.table("documents", "k")
    with pytest.raises(VerificationFailed):
        clouds.move(large_items="dead-letter").run()
    move = clouds.move(large_items="split")
    letters = DeadLetters.of(move.context().run_dir, "documents")
    assert len(list(letters.read())) == 4
    Hunter(strict, nth, landed=landed).run(move, "replay-dead-letter", "--yes")
    assert len(list(letters.read())) == 4, "no letter is given up before all are done"
    again = cosmos(move, "replay-dead-letter", "--yes")
    assert again.code == 0, again.told
    assert list(letters.read()) == []
    assert {f"large-{n}" for n in range(4)} < content(clouds).keys()
    equal(move)


@pytest.mark.parametrize("all_versions", [True, False])
@pytest.mark.parametrize(("nth", "landed"), [(2, False), (3, True), (8, True)])
def test_following_that_was_killed_goes_on(
    clouds: Clouds, strict: StrictDynamo, all_versions: bool, nth: int, landed: bool
) -> None:
    large = [{"id": f"large-{n}", "k": f"부서{n}", "text": NOISE[n : n + 1_300_000]} for n in range(4)]
    clouds.container("documents", ["/k"], [*chunks(200), *large])
    clouds.table("documents", "k")
    backup(clouds, on=all_versions)
    try:
        move = clouds.move(large_items="split", page_size=20)
        move.run()
        source = clouds.source("documents")
        for number in range(60):
            source.upsert_item({"id": f"문서-{number:03}", "k": f"부서{number % 5}", "n": number + 1000})
        for number in range(190, 200):
            source.delete_item(f"문서-{number:03}", f"부서{number % 5}")
        source.delete_item("large-0", "부서0")
        source.upsert_item({"id": "large-1", "k": "부서1", "text": "short now"})
        source.upsert_item({"id": "large-2", "k": "부서2", "text": NOISE[:900_000]})
        source.upsert_item({"id": "large-4", "k": "부서4", "text": NOISE[:900_000]})
        Hunter(strict, nth, landed=landed).run(move, "follow", "--frozen", "--most-gone", "0.5")
        again = cosmos(move, "follow", "--frozen", "--most-gone", "0.5")
        assert again.code == 0, again.told
        equal(move)
    finally:
        backup(clouds, on=False)


def backup(clouds: Clouds, *, on: bool) -> None:
    body = b'{"continuous": true}' if on else b'{"continuous": false}'
    clouds.account.control("PUT", "backup", body)
