from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey, exceptions
from azure.cosmos.http_constants import HttpHeaders

from wkms_migrate.lab.cosmos_double.account import Account
from wkms_migrate.lab.cosmos_double.server import Double, serve

pytestmark = pytest.mark.integration

KEY = base64.b64encode(b"0123456789abcdef" * 4).decode()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = serve(Double(Account(), base64.b64decode(KEY)), "127.0.0.1", 0)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    serving.join()
    server.server_close()


def control(url: str, method: str, path: str, body: Any = None) -> Any:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}_double/{path}", data=data, method=method)
    with urllib.request.urlopen(request) as reply:
        text = reply.read()
    return json.loads(text) if text else None


@pytest.fixture
def client(url: str) -> Iterator[CosmosClient]:
    control(url, "PUT", "storm", {})
    control(url, "PUT", "clock", {"ahead": 0})
    control(url, "PUT", "backup", {"continuous": False})
    control(url, "DELETE", "account")
    control(url, "DELETE", "counters")
    with CosmosClient(url, KEY) as made:
        yield made


@pytest.fixture
def database(client: CosmosClient) -> DatabaseProxy:
    return client.create_database("wkms")


@pytest.fixture
def documents(database: DatabaseProxy) -> ContainerProxy:
    return database.create_container("documents", PartitionKey("/departmentId"))


def fill(container: ContainerProxy, count: int, departments: int = 23, size: int = 10) -> dict[str, str]:
    """Write items over several departments; return id -> department."""
    made = {f"문서 {number}": f"부서-{number % departments}" for number in range(count)}
    for department in sorted(set(made.values())):
        batch = [
            ("upsert", ({"id": name, "departmentId": department, "text": "가" * size},))
            for name, home in made.items()
            if home == department
        ]
        for start in range(0, len(batch), 100):
            container.execute_item_batch(batch[start : start + 100], partition_key=department)
    return made


def changes(container: ContainerProxy, **options: Any) -> tuple[list[dict[str, Any]], str, int]:
    """Return all items of a change feed, its last token and the number of its pages."""
    pages = container.query_items_change_feed(**options).by_page()
    found: list[dict[str, Any]] = []
    count = 0
    for page in pages:
        found += page
        count += 1
    return found, container.client_connection.last_response_headers["etag"], count


def test_databases_and_containers_live_and_die(client: CosmosClient) -> None:
    database = client.create_database_if_not_exists("wkms")
    assert client.create_database_if_not_exists("wkms").read()["_rid"] == database.read()["_rid"]
    policy = {"indexingMode": "consistent", "includedPaths": [{"path": "/a/?"}], "excludedPaths": [{"path": "/*"}]}
    unique = {"uniqueKeys": [{"paths": ["/email"]}]}
    made = database.create_container(
        "users", PartitionKey("/id"), indexing_policy=policy, unique_key_policy=unique, default_ttl=60
    )
    read = database.get_container_client("users").read()
    assert read["indexingPolicy"] == policy
    assert read["uniqueKeyPolicy"] == unique
    assert read["defaultTtl"] == 60
    assert [one["id"] for one in database.list_containers()] == ["users"]
    with pytest.raises(exceptions.CosmosResourceExistsError):
        database.create_container("users", PartitionKey("/id"))
    database.replace_container(made, PartitionKey("/id"), default_ttl=-1)
    assert made.read()["defaultTtl"] == -1
    database.delete_container("users")
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        database.get_container_client("users").read()
    client.delete_database("wkms")
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        database.read()


def test_throughput_is_told(database: DatabaseProxy) -> None:
    container = database.create_container("fast", PartitionKey("/id"), offer_throughput=1000)
    assert container.get_throughput().offer_throughput == 1000


def test_point_operations(documents: ContainerProxy) -> None:
    made = documents.create_item({"id": "취업규칙 v2", "departmentId": "인사팀", "n": 1.5})
    assert {"_rid", "_self", "_etag", "_attachments", "_ts"} < set(made)
    with pytest.raises(exceptions.CosmosResourceExistsError):
        documents.create_item({"id": "취업규칙 v2", "departmentId": "인사팀"})
    documents.create_item({"id": "취업규칙 v2", "departmentId": "총무팀"})
    made["n"] = 2
    changed = documents.replace_item(made, made, etag=made["_etag"], match_condition=MatchConditions.IfNotModified)
    assert changed["_rid"] == made["_rid"]
    assert changed["_etag"] != made["_etag"]
    with pytest.raises(exceptions.CosmosAccessConditionFailedError):
        documents.replace_item(made, made, etag=made["_etag"], match_condition=MatchConditions.IfNotModified)
    documents.delete_item("취업규칙 v2", "인사팀")
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        documents.read_item("취업규칙 v2", "인사팀")
    assert documents.read_item("취업규칙 v2", "총무팀")["departmentId"] == "총무팀"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "big", "departmentId": "d", "text": "x" * (2 * 1024 * 1024)}, 413),
        ({"id": "", "departmentId": "d"}, 400),
        ({"id": "x" * 1024, "departmentId": "d"}, 400),
        ({"id": "nan", "departmentId": "d", "n": float("nan")}, 400),
    ],
)
def test_refused_items(documents: ContainerProxy, body: dict[str, Any], status: int) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        documents.upsert_item(body)
    assert caught.value.status_code == status


def test_a_key_that_is_not_the_items_is_refused(documents: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosBatchOperationError) as caught:
        documents.execute_item_batch([("create", ({"id": "1", "departmentId": "a"},))], partition_key="b")
    assert caught.value.status_code == 400


def test_a_batch_happens_whole_or_not_at_all(documents: ContainerProxy) -> None:
    before = documents.create_item({"id": "1", "departmentId": "d", "n": 1})
    operations = [
        ("upsert", ({"id": "1", "departmentId": "d", "n": 2},)),
        ("create", ({"id": "2", "departmentId": "d"},)),
        ("create", ({"id": "1", "departmentId": "d"},)),
    ]
    with pytest.raises(exceptions.CosmosBatchOperationError) as caught:
        documents.execute_item_batch(operations, partition_key="d")
    assert caught.value.error_index == 2
    assert caught.value.status_code == 409
    after = list(documents.query_items("SELECT * FROM c", partition_key="d"))
    assert [(item["id"], item["n"], item["_etag"]) for item in after] == [("1", 1, before["_etag"])]


def test_items_spread_over_several_ranges_and_each_range_has_its_own(documents: ContainerProxy) -> None:
    made = fill(documents, 400, departments=40)
    ranges = list(documents.read_feed_ranges())
    assert len(ranges) == 4
    found = [changes(documents, feed_range=one, start_time="Beginning", max_item_count=30) for one in ranges]
    ids = [item["id"] for items, _, _ in found for item in items]
    assert sorted(ids) == sorted(made)
    assert all(items and pages >= len(items) // 30 for items, _, pages in found)
    counts = [list(documents.query_items("SELECT VALUE COUNT(1) FROM c", feed_range=one)) for one in ranges]
    assert counts == [[len(items)] for items, _, _ in found]


def test_part_of_a_range_can_be_read(documents: ContainerProxy) -> None:
    made = fill(documents, 300, departments=60)
    cuts = ["", *(f"{edge:02X}" + "0" * 30 for edge in range(0x04, 0x40, 0x04)), "FF"]
    parts = [
        {"Range": {"min": low, "max": high, "isMinInclusive": True, "isMaxInclusive": False}}
        for low, high in pairwise(cuts)
    ]
    fed = [changes(documents, feed_range=part, start_time="Beginning")[0] for part in parts]
    asked = [list(documents.query_items("SELECT * FROM c", feed_range=part, max_item_count=7)) for part in parts]
    assert sorted(item["id"] for items in fed for item in items) == sorted(made)
    assert [sorted(item["id"] for item in items) for items in fed] == [
        sorted(item["id"] for item in items) for items in asked
    ]
    assert sum(1 for items in fed if items) > 8


def test_the_change_feed_goes_on_from_its_token_and_ends_with_304(documents: ContainerProxy) -> None:
    fill(documents, 50)
    items, token, pages = changes(documents, start_time="Beginning", max_item_count=4)
    assert len(items) == 50
    assert pages >= 50 // 4
    assert changes(documents, continuation=token)[0] == []
    documents.upsert_item({"id": "문서 7", "departmentId": "부서-7", "text": "새"})
    documents.create_item({"id": "new", "departmentId": "x"})
    documents.delete_item("문서 8", "부서-8")
    later, token, _ = changes(documents, continuation=token)
    assert sorted(item["id"] for item in later) == ["new", "문서 7"]
    assert len(changes(documents, start_time="Beginning")[0]) == 50
    assert changes(documents, start_time="Now")[0] == []


@pytest.mark.parametrize("settling", [0, 2])
def test_a_feed_goes_on_through_splits(url: str, documents: ContainerProxy, settling: int) -> None:
    made = fill(documents, 300, departments=60)
    found: list[str] = []
    for number, feed_range in enumerate(list(documents.read_feed_ranges())):
        pages = documents.query_items_change_feed(
            feed_range=feed_range, start_time="Beginning", max_item_count=20
        ).by_page()
        found += [item["id"] for item in next(pages)]
        control(url, "POST", "split/wkms/documents", {"range": str(number), "settling": settling})
        later, token, _ = changes(
            documents, continuation=documents.client_connection.last_response_headers["etag"], max_item_count=20
        )
        found += [item["id"] for item in later]
        assert changes(documents, continuation=token)[0] == []
    assert sorted(found) == sorted(made)
    assert len(list(documents.read_feed_ranges(force_refresh=True))) == 8
    everywhere = {"enable_cross_partition_query": True, "max_item_count": 7}
    assert sorted(item["id"] for item in documents.query_items("SELECT * FROM c", **everywhere)) == sorted(made)


def test_a_client_that_knows_the_old_ranges_finds_the_new_ones(url: str, documents: ContainerProxy) -> None:
    made = fill(documents, 100)
    (first, *_) = documents.read_feed_ranges()
    before = changes(documents, feed_range=first, start_time="Beginning")[0]
    control(url, "POST", "split/wkms/documents", {"range": "0"})
    control(url, "POST", "split/wkms/documents", {"range": "4"})
    after = changes(documents, feed_range=first, start_time="Beginning")[0]
    assert sorted(item["id"] for item in after) == sorted(item["id"] for item in before)
    documents.upsert_item({"id": "문서 1", "departmentId": "부서-1", "text": "새"})
    assert len(changes(documents, start_time="Beginning")[0]) == len(made)


def test_all_versions_and_deletes(url: str, database: DatabaseProxy) -> None:
    control(url, "PUT", "backup", {"continuous": True})
    chat = database.create_container(
        "chat", PartitionKey(["/userId", "/sessionId"], kind="MultiHash"), default_ttl=1000
    )
    chat.create_item({"id": "before", "userId": "u", "sessionId": "s"})
    mode = {"mode": "AllVersionsAndDeletes"}
    nothing, token, _ = changes(chat, start_time="Now", **mode)
    assert nothing == []
    chat.create_item({"id": "1", "userId": "u", "sessionId": "s", "n": 1})
    chat.upsert_item({"id": "1", "userId": "u", "sessionId": "s", "n": 2, "ttl": 60})
    chat.delete_item("before", ["u", "s"])
    control(url, "POST", "split/wkms/chat", {})
    found, token, pages = changes(chat, continuation=token, max_item_count=2, **mode)
    assert pages >= 2
    told = [(one["metadata"]["operationType"], one["current"].get("n")) for one in found]
    assert told == [("create", 1), ("replace", 2), ("delete", None)]
    gone = found[-1]["metadata"]
    assert (gone["id"], gone["partitionKey"]) == ("before", {"userId": "u", "sessionId": "s"})
    assert gone["previousImageLSN"] < gone["lsn"]
    assert "timeToLiveExpired" not in gone
    control(url, "PUT", "clock", {"ahead": 100})
    (expired,), _, _ = changes(chat, continuation=token, **mode)
    assert expired["metadata"]["timeToLiveExpired"] is True
    assert expired["metadata"]["id"] == "1"


def test_without_continuous_backup_there_are_no_versions(documents: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        changes(documents, start_time="Now", mode="AllVersionsAndDeletes")
    assert caught.value.status_code == 400


def test_the_feed_from_a_point_in_time(url: str, documents: ContainerProxy) -> None:
    documents.create_item({"id": "old", "departmentId": "d"})
    control(url, "PUT", "clock", {"ahead": 1000})
    documents.create_item({"id": "new", "departmentId": "d"})
    since = datetime.now(UTC) + timedelta(seconds=500)
    assert [item["id"] for item in changes(documents, start_time=since)[0]] == ["new"]


def test_a_token_of_a_container_made_anew_is_not_taken(database: DatabaseProxy, documents: ContainerProxy) -> None:
    fill(documents, 10)
    _, token, _ = changes(documents, start_time="Beginning")
    database.delete_container("documents")
    anew = database.create_container("documents", PartitionKey("/departmentId"))
    with pytest.raises(ValueError, match="rid"):
        list(anew.query_items_change_feed(continuation=token))


def test_queries(documents: ContainerProxy) -> None:
    made = fill(documents, 230)
    everywhere = {"enable_cross_partition_query": True}
    assert list(documents.query_items("SELECT VALUE COUNT(1) FROM c", **everywhere)) == [230]
    assert sorted(item["id"] for item in documents.query_items("SELECT * FROM c", **everywhere)) == sorted(made)
    assert sorted(documents.query_items("SELECT c.id FROM c", max_item_count=9, **everywhere), key=str) == sorted(
        ({"id": name} for name in made), key=str
    )
    found = documents.query_items(
        "SELECT VALUE c.id FROM c WHERE c.departmentId = @d",
        parameters=[{"name": "@d", "value": "부서-3"}],
        partition_key="부서-3",
    )
    assert sorted(found) == sorted(name for name, home in made.items() if home == "부서-3")
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        list(documents.query_items("SELECT * FROM c ORDER BY c.id", **everywhere))
    assert caught.value.status_code == 400


def test_pages_end_at_4_mb(documents: ContainerProxy) -> None:
    for number in range(5):
        documents.upsert_item({"id": str(number), "departmentId": "d", "text": "x" * 1_500_000})
    pages = [list(page) for page in documents.read_all_items(max_item_count=-1).by_page()]
    assert [len(page) for page in pages if page] == [2, 2, 1]


def test_hierarchical_keys(database: DatabaseProxy) -> None:
    chat = database.create_container("chat", PartitionKey(["/userId", "/sessionId"], kind="MultiHash"))
    for user in range(10):
        for session in range(3):
            for message in range(2):
                chat.create_item({"id": str(message), "userId": f"u{user}", "sessionId": f"s{session}"})
    assert len(list(chat.query_items("SELECT * FROM c", partition_key=["u1", "s2"]))) == 2
    assert len(list(chat.query_items("SELECT * FROM c", partition_key=["u1"]))) == 6
    assert chat.read_item("1", ["u9", "s0"])["sessionId"] == "s0"
    found = [changes(chat, feed_range=one, start_time="Beginning")[0] for one in chat.read_feed_ranges()]
    assert sum(map(len, found)) == 60
    assert sum(1 for items in found if items) > 1


def test_absent_null_and_typed_keys_are_different(documents: ContainerProxy) -> None:
    for key in ({}, {"departmentId": None}, {"departmentId": 1}, {"departmentId": "1"}, {"departmentId": True}):
        documents.create_item({"id": "same", **key})
    assert len(list(documents.read_all_items())) == 5
    assert documents.read_item("same", 1.0)["departmentId"] == 1


def test_time_to_live(url: str, database: DatabaseProxy) -> None:
    settings = database.create_container("settings", PartitionKey("/id"), default_ttl=100)
    for name, ttl in {"default": None, "short": 10, "never": -1}.items():
        settings.create_item({"id": name} | ({} if ttl is None else {"ttl": ttl}))
    control(url, "PUT", "clock", {"ahead": 50})
    assert {item["id"] for item in settings.read_all_items()} == {"default", "never"}
    assert {item["id"] for item in changes(settings, start_time="Beginning")[0]} == {"default", "never"}
    control(url, "PUT", "clock", {"ahead": 200})
    assert {item["id"] for item in settings.read_all_items()} == {"never"}
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        settings.read_item("default", "default")
    settings.create_item({"id": "default"})


def test_a_wrong_key_is_401(url: str) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        CosmosClient(url, base64.b64encode(b"another").decode())
    assert caught.value.status_code == 401


def test_a_storm_is_survived_by_the_sdk_and_counted(url: str, documents: ContainerProxy) -> None:
    control(url, "PUT", "storm", {"rate": 0.4, "seed": 3, "retry_after_ms": 5})
    made = fill(documents, 300, departments=60)
    items = [item for one in documents.read_feed_ranges() for item in changes(documents, feed_range=one)[0]]
    assert len(items) in (0, 300)  # without start_time the SDK begins now
    items, _, _ = changes(documents, start_time="Beginning", max_item_count=20)
    assert sorted(item["id"] for item in items) == sorted(made)
    assert control(url, "GET", "counters")["throttled"] > 10


def test_a_long_storm_is_told_with_its_wait(url: str, documents: ContainerProxy) -> None:
    control(url, "PUT", "storm", {"rate": 1.0, "retry_after_ms": 7})
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        documents.upsert_item({"id": "1", "departmentId": "d"})
    assert caught.value.status_code == 429
    assert caught.value.headers["x-ms-retry-after-ms"] == "7"


def test_counters_tell_reads_from_writes(url: str, documents: ContainerProxy) -> None:
    fill(documents, 10)
    control(url, "DELETE", "counters")
    changes(documents, start_time="Beginning")
    list(documents.query_items("SELECT VALUE COUNT(1) FROM c", enable_cross_partition_query=True))
    assert control(url, "GET", "counters")["mutating"] == 0
    documents.upsert_item({"id": "1", "departmentId": "d"})
    assert control(url, "GET", "counters")["mutating"] == 1


def test_request_charges_grow_with_what_is_read(documents: ContainerProxy) -> None:
    fill(documents, 90, departments=1, size=500)
    charges = []
    for size in (1, 80):
        next(documents.query_items("SELECT * FROM c", partition_key="부서-0", max_item_count=size).by_page())
        charges.append(float(documents.client_connection.last_response_headers[HttpHeaders.RequestCharge]))
    assert 0 < charges[0] < charges[1]


def test_import_keeps_times_and_is_quick_enough(url: str, documents: ContainerProxy) -> None:
    lines = [
        json.dumps({"id": str(number), "departmentId": f"d{number % 50}", "_ts": 1_700_000_000, "t": "가" * 500})
        for number in range(5000)
    ]
    assert control(url, "POST", "import/wkms/documents", "\n".join(lines).encode()) == {"imported": 5000}
    assert list(documents.query_items("SELECT VALUE COUNT(1) FROM c", enable_cross_partition_query=True)) == [5000]
    assert documents.read_item("7", "d7")["_ts"] == 1_700_000_000


def started(folder: Path) -> subprocess.Popen[bytes]:
    (folder / "port").unlink(missing_ok=True)
    options = ["--key-file", folder / "key", "--port-file", folder / "port", "--data", folder / "data", "--ranges", "3"]
    return subprocess.Popen([sys.executable, "-m", "wkms_migrate.lab.cosmos_double", *options])


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_kept_is_the_same_after_a_restart(tmp_path: Path, end: signal.Signals) -> None:
    def connect() -> CosmosClient:
        wait_for((tmp_path / "port").exists)
        return CosmosClient(f"http://127.0.0.1:{(tmp_path / 'port').read_text()}/", (tmp_path / "key").read_text())

    process = started(tmp_path)
    try:
        with connect() as client:
            database = client.create_database("wkms")
            documents = database.create_container("documents", PartitionKey("/departmentId"))
            made = fill(documents, 60)
            documents.delete_item("문서 8", "부서-8")
            before, token, _ = changes(documents, start_time="Beginning")
        process.send_signal(end)
        process.wait(20)
        with (tmp_path / "data" / "account.ndjson").open("ab") as log:
            log.write(b'{"op":"put","cont')  # cut off by a crash
        process = started(tmp_path)
        with connect() as client:
            documents = client.get_database_client("wkms").get_container_client("documents")
            assert len(list(documents.read_feed_ranges())) == 3
            assert changes(documents, start_time="Beginning")[0] == before
            assert len(before) == len(made) - 1
            documents.upsert_item({"id": "later", "departmentId": "x"})
            assert [item["id"] for item in changes(documents, continuation=token)[0]] == ["later"]
    finally:
        process.terminate()
        process.wait(20)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
