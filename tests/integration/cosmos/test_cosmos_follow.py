from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import cosmos_driver
import pytest
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey
from cosmos_driver import Move
from endpoints import AwsEndpoint, CosmosAccount

from wkms_migrate import engine, events, journal
from wkms_migrate.clients.azure_cosmos import Page
from wkms_migrate.errors import Interrupted, Refused, WkmsError
from wkms_migrate.journal import RunState
from wkms_migrate.phases.cosmos import catch_up, feed
from wkms_migrate.phases.cosmos.follow import Wish
from wkms_migrate.plan import Context

pytestmark = pytest.mark.integration

NUMBERS = itertools.count(1)
QUICK = {"poll_seconds": 0.05}


@dataclass(frozen=True, slots=True)
class Ends:
    """A container, its table, and a run that copies and follows."""

    account: CosmosAccount
    database: DatabaseProxy
    dynamo: Any
    move: Move
    table: str

    @property
    def container(self) -> ContainerProxy:
        return self.database.get_container_client("documents")

    def make(self, paths: Sequence[str] = ("/departmentId",), count: int = 300, **options: Any) -> None:
        kind = "Hash" if len(paths) == 1 else "MultiHash"
        key = PartitionKey(paths[0] if len(paths) == 1 else list(paths), kind=kind)
        self.database.create_container("documents", key, **options)
        lines = [json.dumps(document(n)) for n in range(count)]
        self.account.control("POST", f"import/{self.database.id}/documents", "\n".join(lines).encode())

    def keep_all(self) -> None:
        self.account.control("PUT", "backup", b'{"continuous": true}')

    def follow(self, watch: Callable[[events.Event], None] | None = None, **wish: Any) -> RunState:
        context = self.move.context()
        with journal.Journal(context.run_dir) as book:

            def sink(event: events.Event) -> None:
                if not isinstance(event, events.EPHEMERAL):
                    book.append(event)
                if watch is not None:
                    watch(event)

            machine = engine.Engine(Context(context.settings, book.state, context.run_dir), sink, workers=2)
            stop = wish.pop("stop", None)
            if stop is not None:
                machine.stopping = stop
            machine.run([catch_up.phase(Wish(**{**QUICK, **wish}), ())])
            return book.state

    def source(self) -> dict[str, Any]:
        return {item["id"]: item.get("v") for item in self.container.read_all_items()}

    def target(self) -> dict[str, Any]:
        pages = self.dynamo.get_paginator("scan").paginate(TableName=self.table)
        items = [item for page in pages for item in page["Items"]]
        return {item["id"]["S"]: int(item["v"]["N"]) if "v" in item else None for item in items}

    def followed(self) -> dict[str, Any]:
        return self.move.context().state.steps["cosmos/follow/documents"].result["followed/documents"]


def document(number: int, value: int | None = None) -> dict[str, Any]:
    home = f"부서#{number % 40}"
    made = {"id": f"문서-{number}", "departmentId": home, "sessionId": str(number % 3), "text": "휴가 " * 9}
    return made | ({} if value is None else {"v": value})


@pytest.fixture
def ends(cosmos_double: CosmosAccount, moto_server: AwsEndpoint, tmp_path: Path) -> Iterator[Ends]:
    name = f"follow{next(NUMBERS)}-{os.getpid()}"
    dynamo = boto3.client(
        "dynamodb",
        endpoint_url=moto_server.endpoint_url,
        region_name=moto_server.region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    with CosmosClient(cosmos_double.endpoint, cosmos_double.key) as client:
        database = client.create_database(name)
        move = cosmos_driver.prepare(
            cosmos_double, moto_server.endpoint_url, tmp_path, database=name, tables={"documents": name}, page_size=50
        )
        made = Ends(cosmos_double, database, dynamo, move, name)
        made.account.control("PUT", "storm")
        made.account.control("PUT", "clock", b'{"ahead": 0}')
        create(dynamo, name, "departmentId", "id")
        yield made
        made.account.control("PUT", "storm")
        made.account.control("PUT", "clock", b'{"ahead": 0}')
        made.account.control("PUT", "backup", b'{"continuous": false}')
        client.delete_database(name)
    dynamo.close()


def create(dynamo: Any, name: str, *keys: str) -> None:
    dynamo.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ("HASH", "RANGE"), strict=False)],
        BillingMode="PAY_PER_REQUEST",
    )


def write(ends: Ends, dice: random.Random, count: int) -> None:
    """Create, change and delete items, one in ten deleted, in an order that `dice` sets."""
    live = set(ends.source())
    for _ in range(count):
        number = dice.randrange(400)
        one = document(number, dice.randrange(1000))
        if one["id"] in live and dice.random() < 0.2:
            ends.container.delete_item(one["id"], one["departmentId"])
            live.discard(one["id"])
        else:
            ends.container.upsert_item(one)
            live.add(one["id"])


@pytest.mark.parametrize("all_versions", [True, False])
def test_what_is_written_after_the_copy_arrives_deletions_included(ends: Ends, all_versions: bool) -> None:
    ends.make()
    if all_versions:
        ends.keep_all()
    dice = random.Random(3)
    ends.move.run()
    write(ends, dice, 150)
    ends.account.control("POST", f"split/{ends.database.id}/documents")
    write(ends, dice, 50)
    wish = {"drain": True} if all_versions else {"frozen": True, "most_gone": 0.5}
    ends.follow(**wish)
    assert ends.target() == ends.source()
    told = ends.followed()
    assert told["mode"] == ("AllVersionsAndDeletes" if all_versions else "LatestVersion")
    assert told["deletes"] > 5
    assert told["dead"] == 0
    write(ends, dice, 30)  # an ended follow goes on from where it ended
    ends.follow(**wish)
    assert ends.target() == ends.source()
    assert ends.followed()["puts"] < 31


def test_what_is_deleted_while_it_is_copied_is_found(ends: Ends) -> None:
    ends.make()
    ends.keep_all()
    gone: list[str] = []

    def watch(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and event.key != "begun" and len(gone) < 20:
            for item in itertools.islice(ends.container.read_all_items(), 2):
                ends.container.delete_item(item["id"], item["departmentId"])
                gone.append(item["id"])

    with pytest.raises(WkmsError):  # the comparison after the copy sees that items have gone
        ends.move.run(watch)
    assert set(ends.target()) & set(gone)
    ends.follow(drain=True)
    assert ends.target() == ends.source()


def test_it_follows_until_told_to_stop_shows_the_lag_and_goes_on(ends: Ends) -> None:
    ends.make(count=100)
    ends.keep_all()
    ends.move.run()
    stop = threading.Event()
    shown: list[str] = []
    dice = random.Random(9)

    def watch(event: events.Event) -> None:
        if isinstance(event, events.Progress):
            shown.append(event.item)

    ended: list[BaseException] = []

    def follow() -> None:
        try:
            ends.follow(watch, stop=stop)
        except Interrupted as error:
            ended.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    for _ in range(5):
        write(ends, dice, 20)
    deadline = time.monotonic() + 30
    while ends.target() != ends.source():
        assert time.monotonic() < deadline, "the table does not catch up"
    stop.set()
    thread.join(20)
    assert ended
    assert shown[-1] == "documents: lag 0 s, 0 changes left"
    assert ends.move.context().state.steps["cosmos/follow/documents"].status == "stopped"
    ends.container.delete_item("문서-99", "부서#19") if "문서-99" in ends.source() else None
    write(ends, dice, 10)
    ends.follow(drain=True)
    assert ends.target() == ends.source()
    assert ends.followed()["puts"] + ends.followed()["deletes"] <= 11


def test_expired_items_go_where_the_feed_tells_them(ends: Ends) -> None:
    ends.make(count=0, default_ttl=-1)
    ends.keep_all()
    ends.container.upsert_item({**document(1), "ttl": 5000})
    ends.container.upsert_item(document(2))
    ends.move.run()
    assert len(ends.target()) == 2
    ends.account.control("PUT", "clock", b'{"ahead": 9000}')
    ends.follow(drain=True)
    assert set(ends.target()) == {"문서-2"}


def test_hierarchical_keys_are_deleted_too(ends: Ends) -> None:
    ends.dynamo.delete_table(TableName=ends.table)
    create(ends.dynamo, ends.table, "pk", "sk")
    ends.make(["/departmentId", "/sessionId"], count=60)
    ends.container.create_item({"id": "no session", "departmentId": "x", "sessionId": None})
    ends.keep_all()
    ends.move.run()
    ends.container.delete_item("문서-7", ["부서#7", "1"])
    ends.container.delete_item("no session", ["x", None])
    ends.follow(drain=True)
    pages = ends.dynamo.get_paginator("scan").paginate(TableName=ends.table)
    left = {item["id"]["S"] for page in pages for item in page["Items"]}
    assert left == {f"문서-{n}" for n in range(60)} - {"문서-7"}


def test_large_items_leave_nothing_behind(ends: Ends) -> None:
    ends.make(count=3)
    ends.keep_all()
    ends.move.configure(large_items="split")
    noise = random.Random(5).randbytes(700_000).hex()
    for name in ("a", "b", "c"):
        ends.container.upsert_item({"id": name, "departmentId": "d", "text": noise})
    ends.move.run()
    assert count(ends) > 6
    ends.container.delete_item("a", "d")
    ends.container.upsert_item({"id": "b", "departmentId": "d", "v": 1})
    ends.follow(drain=True)
    parts = count(ends) - 5  # b, c and the three others
    assert parts > 0
    ends.container.delete_item("c", "d")
    ends.follow(drain=True)
    assert count(ends) == 4


def count(ends: Ends) -> int:
    pages = ends.dynamo.get_paginator("scan").paginate(TableName=ends.table)
    return sum(len(page["Items"]) for page in pages)


def test_too_many_deletions_and_a_source_in_use_are_refused(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    ends.make(count=40)
    ends.move.run()
    for number in range(10):
        ends.container.delete_item(f"문서-{number}", f"부서#{number}")
    with pytest.raises(Refused, match="10 of 40 items"):
        ends.follow(frozen=True)
    assert len(ends.target()) == 40
    from wkms_migrate.clients.azure_cosmos import Database

    counts = iter((30, 31))
    monkeypatch.setattr(Database, "count", lambda _self, _name: next(counts))
    with pytest.raises(Refused, match="still written"):
        ends.follow(frozen=True, most_gone=0.5)
    assert len(ends.target()) == 40
    monkeypatch.undo()
    ends.follow(frozen=True, most_gone=0.5)
    assert ends.target() == ends.source()


def command(ends: Ends, *words: str) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[3])
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WKMS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "wkms_migrate", "cosmos", *words, "--config", str(ends.move.file)],
        cwd=ends.move.file.parent,
        env=environ | {"PYTHONPATH": root},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_command_goes_on_where_it_was_ended(ends: Ends, end: signal.Signals, code: int) -> None:
    ends.make(count=60)
    ends.keep_all()
    ends.move.run()
    dice = random.Random(2)
    following = command(ends, "follow")
    write(ends, dice, 60)
    deadline = time.monotonic() + 60
    while ends.target() != ends.source():
        assert time.monotonic() < deadline, "the table does not catch up"
    following.send_signal(end)
    told = following.communicate(timeout=60)
    assert following.returncode == code, told
    assert "Traceback" not in told[1]
    write(ends, dice, 20)
    again = command(ends, "follow", "--drain", "--json")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert ends.target() == ends.source()
    followed = json.loads(out)["results"]["followed/documents"]
    assert followed["puts"] + followed["deletes"] <= 20 + (50 if end == signal.SIGKILL else 0)
    assert followed["mode"] == "AllVersionsAndDeletes"


def test_the_budget_is_set_and_shown(ends: Ends) -> None:
    def told(*words: str) -> tuple[int, str]:
        process = command(ends, "budget", *words)
        return process.wait(60), process.communicate()[0]

    assert told() == (0, "ru: configured\nwcu: configured\n")
    assert told("--ru", "40%", "--wcu", "500")[0] == 0
    assert json.loads(told("--json")[1]) == {"ru": "40%", "wcu": "500"}
    assert told("--ru", "configured")[0] == 0
    assert json.loads(told("--json")[1]) == {"ru": "configured", "wcu": "500"}
    assert [told("--ru", wrong)[0] for wrong in ("fast", "0", "-3", "%")] == [2, 2, 2, 2]


def test_without_a_copy_there_is_nothing_to_follow(ends: Ends) -> None:
    ends.make(count=1)
    with pytest.raises(Refused, match="not copied yet"):
        ends.follow(drain=True)


def test_items_from_before_the_copy_are_never_taken_for_deleted(ends: Ends) -> None:
    ends.make(count=5)
    ends.dynamo.put_item(TableName=ends.table, Item={"departmentId": {"S": "old"}, "id": {"S": "kept"}})
    ends.move.configure(on_existing="append")
    ends.move.run()
    with pytest.raises(Refused, match="on_existing"):
        ends.follow(frozen=True)
    ends.follow(drain=True)
    assert "kept" in ends.target()


@pytest.mark.parametrize(
    ("told", "document"),
    [
        ({}, {"id": "1"}),
        ({"a": {}, "c": None}, {"id": "1", "b": {"c": None}}),
        ({"a": "x", "b/c": 1}, {"id": "1", "a": "x", "b": {"c": 1}}),
    ],
)
def test_a_deletion_names_its_item(told: dict[str, Any], document: dict[str, Any]) -> None:
    change = {"metadata": {"lsn": 1, "crts": 5, "operationType": "delete", "id": "1", "partitionKey": told}}
    page = Page(body=json.dumps({"Documents": [change]}).encode(), token="", charge=1)
    (found,) = feed.changes(page, "AllVersionsAndDeletes", [("a",), ("b", "c")])
    assert (found.document, found.gone, found.at) == (document, True, 5)


def test_an_unknown_operation_is_not_skipped() -> None:
    body = b'{"Documents":[{"current":{},"metadata":{"lsn":1,"crts":1,"operationType":"rename"}}]}'
    with pytest.raises(WkmsError, match="rename"):
        feed.changes(Page(body=body, token="", charge=1), "AllVersionsAndDeletes", [("d",)])
    body = body.replace(b'"rename"', b'"delete","id":"1","partitionKey":{"other":1}')
    with pytest.raises(WkmsError, match="other"):
        feed.changes(Page(body=body, token="", charge=1), "AllVersionsAndDeletes", [("d",)])
