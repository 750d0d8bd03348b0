from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import cosmos_driver
import pytest
from azure.cosmos import CosmosClient, DatabaseProxy, PartitionKey
from cosmos_driver import Move
from doubles.strict_dynamodb import StrictDynamo
from endpoints import AwsEndpoint, CosmosAccount

from wkms_migrate import events
from wkms_migrate.errors import ConfigError, NotKnownYet, Refused, VerificationFailed, WkmsError
from wkms_migrate.journal import RunState

pytestmark = pytest.mark.integration

NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Clouds:
    """A database and tables of a test's own; `endpoint_url` is where the phase is to find DynamoDB."""

    account: CosmosAccount
    database: DatabaseProxy
    dynamo: Any
    endpoint_url: str
    prefix: str
    folder: Path

    def table(self, name: str, hash_key: str, range_key: str | None = None, kind: str = "S") -> str:
        keys = {hash_key: "HASH"} | ({range_key: "RANGE"} if range_key else {})
        self.dynamo.create_table(
            TableName=f"{self.prefix}-{name}",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in keys.items()],
            BillingMode="PAY_PER_REQUEST",
        )
        return f"{self.prefix}-{name}"

    def container(self, name: str, paths: Sequence[str], items: Sequence[dict[str, Any]], **options: Any) -> None:
        kind = "Hash" if len(paths) == 1 else "MultiHash"
        path = paths[0] if len(paths) == 1 else list(paths)
        self.database.create_container(name, PartitionKey(path, kind=kind), **options)
        self.fill(name, items)

    def fill(self, name: str, items: Sequence[dict[str, Any]]) -> None:
        body = "\n".join(json.dumps(item) for item in items).encode()
        self.account.control("POST", f"import/{self.database.id}/{name}", body)

    def move(self, endpoint_url: str | None = None, tables: Sequence[str] = ("documents",), **options: Any) -> Move:
        return cosmos_driver.prepare(
            self.account,
            endpoint_url or self.endpoint_url,
            self.folder,
            database=self.database.id,
            tables={name: f"{self.prefix}-{name}" for name in tables},
            **options,
        )

    def items(self, name: str) -> list[dict[str, Any]]:
        pages = self.dynamo.get_paginator("scan").paginate(TableName=f"{self.prefix}-{name}")
        return [item for page in pages for item in page["Items"]]


@pytest.fixture
def clouds(cosmos_double: CosmosAccount, moto_server: AwsEndpoint, tmp_path: Path) -> Iterator[Clouds]:
    name = f"wkms{next(NUMBERS)}-{os.getpid()}"
    dynamo = boto3.client(
        "dynamodb",
        endpoint_url=moto_server.endpoint_url,
        region_name=moto_server.region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    with CosmosClient(cosmos_double.endpoint, cosmos_double.key) as client:
        database = client.create_database(name)
        made = Clouds(cosmos_double, database, dynamo, moto_server.endpoint_url, name, tmp_path)
        made.account.control("PUT", "storm", b"{}")
        yield made
        made.account.control("PUT", "storm", b"{}")
        client.delete_database(name)
    dynamo.close()


def chunks(count: int, departments: int = 40) -> list[dict[str, Any]]:
    dice = random.Random(count)
    return [
        {
            "id": f"문서-{number:05d}",
            "departmentId": f"부서#{number % departments}",
            "text": "휴가 규정 " * dice.randint(1, 30),
            "embedding": [round(dice.uniform(-1, 1), 7) for _ in range(8)],
            "_type": "chunk",
            "page": None if number % 3 else number,
            "acl": {"public": number % 2 == 0, "tags": []},
        }
        for number in range(count)
    ]


def checks(state: RunState, name: str) -> dict[str, tuple[str, str]]:
    return {check: (one.source, one.target) for (_, held, check), one in state.verified.items() if held == name}


def failing(move: Move, kind: type[WkmsError]) -> WkmsError:
    with pytest.raises(kind) as caught:
        move.run()
    return caught.value


def test_a_container_arrives_whole_and_a_second_run_does_nothing(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], chunks(600))
    table = clouds.table("documents", "departmentId", "id")
    move = clouds.move()
    state = move.run()
    found = clouds.items("documents")
    assert len(found) == 600
    first = next(item for item in found if item["id"] == {"S": "문서-00003"})
    assert set(first) == {"id", "departmentId", "text", "embedding", "_type", "page", "acl"}
    assert first["departmentId"] == {"S": "부서#3"}
    assert first["page"] == {"N": "3"}
    assert next(item for item in found if item["id"] == {"S": "문서-00001"})["page"] == {"NULL": True}
    result = checks(state, "documents")
    assert result["items"] == ("600", "600")
    assert result["digest"][0] == result["digest"][1] != "0" * 32
    ranges = [one.source for (_, _, check), one in state.verified.items() if "feed range" in check]
    assert len(ranges) == 4
    assert sum(int(told.split()[0]) for told in ranges) == 600
    assert state.steps["cosmos/copy/documents"].result["copied/documents"] == {
        "items": 600,
        "dead": 0,
        "table": table,
    }
    clouds.account.control("DELETE", "counters")
    ran: list[str] = []
    move.run(lambda event: ran.append(event.step) if isinstance(event, events.StepStarted) else None)
    assert ran == []
    assert clouds.account.control("GET", "counters")["mutating"] == 0


def test_every_kind_of_key(clouds: Clouds) -> None:
    mixed = [{"id": "same"} | key for key in ({}, {"k": None}, {"k": 1}, {"k": "1"}, {"k": True}, {"k": "~b:true"})]
    clouds.container("mixed", ["/k"], [*mixed, {"id": "~z:", "k": "x"}])
    clouds.container("ids", ["/id"], [{"id": "가"}, {"id": "나", "ttl": 5}])
    levels = [("u", "s#1"), ("u#s", "1"), ("u%23s", "1"), ("", "x"), ("u", "s" * 1200)]
    clouds.container("chat", ["/userId", "/sessionId"], [{"id": "m", "userId": u, "sessionId": s} for u, s in levels])
    clouds.container("nested", ["/a/b"], [{"id": "1", "a": {"b": "x"}}, {"id": "1", "a": {"b": "y"}, "pk": "mine"}])
    clouds.table("mixed", "k", "id")
    clouds.table("ids", "id")
    clouds.table("chat", "pk", "sk")
    clouds.table("nested", "pk", "sk")
    move = clouds.move(tables=["mixed", "ids", "chat", "nested"])
    move.run()
    assert {item["k"]["S"] for item in clouds.items("mixed")} == {
        "~u:",
        "~z:",
        "~n:1",
        "1",
        "~b:true",
        "~s:~b:true",
        "x",
    }
    assert sorted(item["id"]["S"] for item in clouds.items("ids")) == ["가", "나"]
    keys = {item["pk"]["S"] for item in clouds.items("chat")}
    assert {"u#s%231", "u%23s#1", "u%2523s#1", "~s:#x"} < keys
    assert len(keys) == 5
    assert {(item["pk"]["S"], item["sk"]["S"]) for item in clouds.items("nested")} == {("x", "1"), ("y", "1")}


def test_hard_values_arrive_exactly_and_are_told(clouds: Clouds) -> None:
    deep: Any = "bottom"
    for _ in range(60):
        deep = {"d": [deep]}
    noise = random.Random(1).randbytes(450_000).hex()
    items = [
        {"id": "numbers", "d": "x", "huge": 1e300, "tiny": 5e-324, "zero": -0.0, "tenth": 0.1, "big": 2**62},
        {"id": "deep", "d": "x", "value": deep, "": "empty name", "~wkms": 1, "~wkms:x": 2, "expireAt": "mine"},
        {"id": "large", "d": "x", "text": "취업규칙 " * 60_000},
        {"id": "too large", "d": "x", "text": noise},
        {"id": "empty", "d": "x", "s": "", "l": [], "m": {}, "n": [None, "", {"": 0}], "_ts2": 1, "_rid": "gone"},
    ]
    clouds.container("documents", ["/d"], items)
    clouds.table("documents", "d", "id")
    with StrictDynamo(clouds.endpoint_url) as strict:
        move = clouds.move(strict.endpoint)
        error = failing(move, VerificationFailed)
        assert strict.counts["invalid"] == 0
    assert "dead letters" in str(error)
    state = move.context().state
    found = {code: one.text for (_, code, _), one in state.findings.items()}
    assert found["number-as-text"].startswith("2 ")
    assert "First: deep" in found["depth-as-text"]
    assert "First: large" in found["large-item"]
    assert found["negative-zero"].startswith("1 ")
    kept = {item["id"]["S"]: item for item in clouds.items("documents")}
    assert kept["numbers"]["huge"]["B"] == b"number:1E+300"
    assert kept["numbers"]["tenth"] == {"N": "0.1"}
    assert kept["numbers"]["big"] == {"N": str(2**62)}
    assert "_rid" not in kept["empty"]
    assert kept["empty"]["_ts2"] == {"N": "1"}
    missing = checks(state, "documents")
    assert missing["missing items"] == ("0", "1")
    assert missing["different items"] == ("0", "0")
    letters = clouds.folder / "runs" / "test" / "dead-letter" / "cosmos-documents.ndjson.gz"
    (letter,) = [json.loads(line) for line in gzip.decompress(letters.read_bytes()).splitlines()]
    assert (letter["reason"], letter["id"]) == ("too-large", "too large")
    assert letter["item"]["text"] == noise


def test_storms_on_both_ends_lose_nothing(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], chunks(700))
    clouds.table("documents", "departmentId", "id")
    clouds.account.control("PUT", "storm", b'{"rate": 0.3, "seed": 5, "retry_after_ms": 5}')
    with StrictDynamo(clouds.endpoint_url, seed=7, unprocessed=0.2, refused=0.05, damaged=0.05) as strict:
        state = clouds.move(strict.endpoint, page_size=50).run()
        assert strict.counts["unprocessed"] > 100
        assert strict.counts["refused"] > 0
        assert strict.counts["invalid"] == 0
    assert checks(state, "documents")["items"] == ("700", "700")


@pytest.mark.parametrize(("budget", "units"), [({"ru_budget": 100.0}, "charge"), ({"wcu_budget": 100.0}, "units")])
def test_a_budget_is_kept(clouds: Clouds, budget: dict[str, float], units: str) -> None:
    clouds.container("documents", ["/departmentId"], chunks(600))
    clouds.table("documents", "departmentId", "id")
    clouds.account.control("DELETE", "counters")
    ended: dict[str, tuple[float, float]] = {}

    with StrictDynamo(clouds.endpoint_url) as strict:

        def watch(event: events.Event) -> None:
            if isinstance(event, events.StepDone):
                charge = clouds.account.control("GET", "counters")["charge"]
                spent = charge if units == "charge" else strict.counts["units"]
                ended.setdefault(event.step, (event.seconds, spent))

        clouds.move(strict.endpoint, page_size=20, **budget).run(watch)
    seconds, spent = ended["cosmos/copy/documents"]
    assert spent > 400
    assert seconds > (spent - 100 - 75) / 100  # a second's worth saved up; the last batches are not waited for


@pytest.mark.parametrize("kill_at", [1, 2, 4, 9, 15])
def test_killed_anywhere_it_goes_on_to_the_same_end(clouds: Clouds, kill_at: int) -> None:
    clouds.container(
        "documents", ["/departmentId"], [*chunks(400), {"id": "hard", "departmentId": "부서#1", "n": 1e300}]
    )
    clouds.table("documents", "departmentId", "id")
    move = clouds.move(page_size=25)
    driver = [sys.executable, cosmos_driver.__file__, str(move.file), str(kill_at)]
    ended = subprocess.run(driver, check=False, timeout=120, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert not move.context().state.is_done("cosmos/copy/documents", "")
    clouds.account.control("DELETE", "counters")
    state = move.run()
    result = checks(state, "documents")
    assert result["items"] == ("401", "401")
    assert result["digest"][0] == result["digest"][1]
    assert state.steps["cosmos/copy/documents"].result["copied/documents"]["items"] <= 401 + 4 * 25
    assert any(code == "number-as-text" for _, code, _ in state.findings)


def test_going_on_does_not_read_what_has_landed(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], chunks(400))
    clouds.table("documents", "departmentId", "id")
    move = clouds.move(page_size=10, workers=1)
    seen = 0

    class Stop(Exception):
        """Ends the run from within, as a fault would."""

    def stop(event: events.Event) -> None:
        nonlocal seen
        seen += isinstance(event, events.Checkpoint)
        if seen == 30:
            raise Stop

    with pytest.raises(Stop):
        move.run(stop)
    landed = len(clouds.items("documents"))
    assert 250 <= landed < 400
    clouds.account.control("DELETE", "counters")
    put: list[int] = []
    move.run(lambda event: put.append(event.done) if isinstance(event, events.Progress) else None)
    copied = move.context().state.steps["cosmos/copy/documents"].result["copied/documents"]["items"]
    assert 400 <= copied <= 420
    assert len(clouds.items("documents")) == 400


def test_a_table_in_use_is_refused_unless_allowed(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], chunks(30))
    table = clouds.table("documents", "departmentId", "id")
    clouds.dynamo.put_item(TableName=table, Item={"departmentId": {"S": "old"}, "id": {"S": "1"}, "v": {"N": "7"}})
    move = clouds.move()
    assert "append" in failing(move, Refused).hint
    assert len(clouds.items("documents")) == 1
    move.configure(on_existing="append")
    move.run()
    assert len(clouds.items("documents")) == 31
    move.configure(on_existing="replace")
    move.run()
    assert len(clouds.items("documents")) == 30
    (backup,) = (clouds.folder / "runs" / "test" / "backup" / "cosmos").iterdir()
    saved = [json.loads(line)["Item"] for line in gzip.decompress(backup.read_bytes()).splitlines()]
    assert {"departmentId": {"S": "old"}, "id": {"S": "1"}, "v": {"N": "7"}} in saved
    assert len(saved) == 31


def test_appending_still_compares_what_was_copied(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], chunks(20))
    table = clouds.table("documents", "departmentId", "id")
    clouds.dynamo.put_item(TableName=table, Item={"departmentId": {"S": "old"}, "id": {"S": "1"}})
    move = clouds.move(on_existing="append")

    def spoil(event: events.Event) -> None:
        if isinstance(event, events.StepDone) and event.step.startswith("cosmos/copy"):
            clouds.dynamo.delete_item(TableName=table, Key={"departmentId": {"S": "부서#3"}, "id": {"S": "문서-00003"}})

    with pytest.raises(VerificationFailed, match="missing items is 0 on the source and 1"):
        move.run(spoil)


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda dynamo, table, key: dynamo.delete_item(TableName=table, Key=key), "missing items"),
        (
            lambda dynamo, table, key: dynamo.put_item(TableName=table, Item={**key, "id": {"S": "more"}}),
            "extra items",
        ),
        (
            lambda dynamo, table, key: dynamo.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="SET embedding[3] = :n",
                ExpressionAttributeValues={":n": {"N": "0.5"}},
            ),
            "different items",
        ),
        (
            lambda dynamo, table, key: dynamo.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="REMOVE page",
            ),
            "different items",
        ),
    ],
)
def test_verification_finds_and_names_one_wrong_item(
    clouds: Clouds, spoil: Callable[[Any, str, Any], None], check: str
) -> None:
    clouds.container("documents", ["/departmentId"], chunks(100))
    table = clouds.table("documents", "departmentId", "id")
    move = clouds.move()

    def on_copied(event: events.Event) -> None:
        if isinstance(event, events.StepDone) and event.step.startswith("cosmos/copy"):
            spoil(clouds.dynamo, table, {"departmentId": {"S": "부서#4"}, "id": {"S": "문서-00004"}})

    with pytest.raises(VerificationFailed):
        move.run(on_copied)
    state = move.context().state
    wrong = {name for name, (left, right) in checks(state, "documents").items() if left != right}
    assert check in wrong
    assert "digest" in wrong
    named = next(one.text for (_, code, _), one in state.findings.items() if code == check.replace(" ", "-"))
    assert ("more" if check == "extra items" else "문서-00004") in named


def test_expiry_is_computed_and_switched_on_last(clouds: Clouds) -> None:
    now = int(time.time())
    items = [
        {"id": "default", "_ts": now},
        {"id": "own", "ttl": 86_400, "_ts": now},
        {"id": "never", "ttl": -1, "_ts": now},
        {"id": "soon", "ttl": 600, "_ts": now},
        {"id": "gone", "ttl": 10, "_ts": now - 100},
    ]
    clouds.container("settings", ["/id"], items, default_ttl=7200)
    table = clouds.table("settings", "id")
    order: list[str] = []
    state = clouds.move(tables=["settings"]).run(
        lambda event: order.append(event.step) if isinstance(event, events.StepDone) else None
    )
    assert order == [f"cosmos/{what}/settings" for what in ("table", "copy", "verify", "expiry")]
    found = {item["id"]["S"]: item.get("expireAt") for item in clouds.items("settings")}
    assert found == {
        "default": {"N": str(now + 7200)},
        "own": {"N": str(now + 86_400)},
        "never": None,
        "soon": {"N": str(now + 600)},
    }
    told = clouds.dynamo.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expireAt"}
    assert checks(state, "settings")["items"] == ("3", "3")
    assert any(code == "expiring" for _, code, _ in state.findings)


def test_keys_that_do_not_fit_are_refused_with_the_fix(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], chunks(3))
    clouds.table("documents", "id", "departmentId")
    error = failing(clouds.move(), Refused)
    assert "HASH departmentId S, RANGE id S" in str(error)
    assert 'hash_key = "departmentId", range_key = "id"' in error.hint
    assert clouds.items("documents") == []


def test_an_unknown_container_and_an_unknown_table_are_told(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], chunks(3))
    assert "chat" in str(failing(clouds.move(containers={"chat": "chat"}), ConfigError))
    clouds.folder.joinpath("config.yaml").unlink()


def test_a_wrong_key_is_told_without_showing_it(clouds: Clouds) -> None:
    move = clouds.move()
    (clouds.folder / "cosmos.secret").write_text("d3Jvbmc=", encoding="ascii")
    error = failing(move, WkmsError)
    assert "401" in str(error)
    assert "azure.cosmos.key" in error.hint
    assert "d3Jvbmc=" not in str(error) + error.hint


def test_a_plan_writes_nothing_anywhere(clouds: Clouds) -> None:
    from wkms_migrate import engine
    from wkms_migrate.phases import cosmos

    clouds.container("documents", ["/departmentId"], chunks(5))
    clouds.table("documents", "departmentId", "id")
    move = clouds.move()
    before = sorted(clouds.folder.rglob("*"))
    clouds.account.control("DELETE", "counters")
    planned = engine.plan(cosmos.PHASE, move.context())
    lines = [line for one in planned.steps if one.step.preview for line in one.step.preview()]
    assert lines == ["5 items; partition key /departmentId", "keys of the table: HASH departmentId S, RANGE id S"]
    assert clouds.account.control("GET", "counters")["mutating"] == 0
    assert sorted(clouds.folder.rglob("*")) == before
    assert clouds.items("documents") == []


def test_before_provision_the_plan_says_so(clouds: Clouds) -> None:
    from wkms_migrate import engine
    from wkms_migrate.phases import cosmos

    clouds.container("documents", ["/departmentId"], chunks(1))
    move = clouds.move()
    (clouds.folder / "runs" / "test" / "journal.jsonl").unlink()
    planned = engine.plan(cosmos.PHASE, move.context())
    assert "(known after provision)" in planned.steps[0].step.summary
    assert failing(move, NotKnownYet)


def test_a_container_made_anew_is_copied_anew(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], chunks(10))
    clouds.table("documents", "departmentId", "id")
    move = clouds.move()
    move.run()
    clouds.database.delete_container("documents")
    clouds.container("documents", ["/departmentId"], chunks(12))
    assert "holds items already" in str(failing(move, Refused))
    move.configure(on_existing="replace")
    assert checks(move.run(), "documents")["items"] == ("12", "12")
