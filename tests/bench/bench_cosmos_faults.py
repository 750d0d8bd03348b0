"""What a copy of Cosmos DB must bear: `pytest tests/bench/bench_cosmos_faults.py -s`.

DOCUMENTS=1000000 DEATHS=50 SECONDS=120 are the full size; without them it is small. Exactness is asserted, figures are
printed and written to build/bench/cosmos_faults.json.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import cosmos_driver
import pytest
from azure.cosmos import CosmosClient, PartitionKey
from cosmos_driver import Move
from doubles.strict_dynamodb import StrictDynamo
from endpoints import CosmosAccount

from wkms_migrate import engine, events, journal
from wkms_migrate.errors import Interrupted
from wkms_migrate.journal import RunState
from wkms_migrate.phases.cosmos import catch_up
from wkms_migrate.phases.cosmos.follow import Wish
from wkms_migrate.plan import Context

DOCUMENTS = int(os.environ.get("DOCUMENTS", "20000"))
DEATHS = int(os.environ.get("DEATHS", "5"))
SECONDS = float(os.environ.get("SECONDS", "8"))
RANGES = 16
WRITERS = 4
WRITES_PER_S = 200
PAGE = 500
LEAST_LOAD = 20_000
TABLE = "documents"
RESULTS = Path(__file__).parents[2] / "build" / "bench" / "cosmos_faults.json"


@dataclass(frozen=True, slots=True)
class Place:
    """An account of 16 ranges, and a folder to run in."""

    account: CosmosAccount
    folder: Path

    def fill(self, count: int) -> None:
        with CosmosClient(self.account.endpoint, self.account.key) as client:
            client.create_database("wkms").create_container(TABLE, PartitionKey("/departmentId"))
        for start in range(0, count, LEAST_LOAD):
            numbers = range(start, min(count, start + LEAST_LOAD))
            body = "\n".join(json.dumps(document(number)) for number in numbers).encode()
            self.account.control("POST", f"import/wkms/{TABLE}", body)

    def move(self, double: StrictDynamo, **options: Any) -> Move:
        dynamo(double).create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("departmentId", "id")],
            KeySchema=[
                {"AttributeName": "departmentId", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        options = {"page_size": PAGE, **options}
        return cosmos_driver.prepare(
            self.account, double.endpoint, self.folder, database="wkms", tables={TABLE: TABLE}, **options
        )

    def split(self) -> None:
        self.account.control("POST", f"split/wkms/{TABLE}", b'{"settling": 1}')


def document(number: int, value: int = 0) -> dict[str, Any]:
    return {"id": f"문서-{number}", "departmentId": f"부서#{number % 5000}", "v": value, "text": "휴가 규정 " * 70}


def dynamo(double: StrictDynamo) -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client("dynamodb", endpoint_url=double.endpoint, region_name="ap-northeast-2", **keys)


def result(case: str, **figures: float) -> None:
    """Print figures, and keep them beside those of the other cases."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    kept = [one for one in known if one["case"] != case]
    RESULTS.write_text(json.dumps([*kept, {"case": case, **figures}], indent=1) + "\n")
    print(f"\n{case}: " + ", ".join(f"{name} {value:,.10g}" for name, value in figures.items()))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    files = {name: tmp_path / name for name in ("key", "port")}
    options = ["--key-file", files["key"], "--port-file", files["port"], "--ranges", str(RANGES)]
    process = subprocess.Popen([sys.executable, "-m", "wkms_migrate.lab.cosmos_double", *options])
    try:
        wait_for(files["port"].exists)
        endpoint = f"http://127.0.0.1:{files['port'].read_text()}/"
        yield Place(CosmosAccount(endpoint=endpoint, key=files["key"].read_text()), tmp_path)
    finally:
        process.terminate()
        process.wait(20)


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def compared(state: RunState) -> dict[str, tuple[str, str]]:
    return {check: (one.source, one.target) for (_, held, check), one in state.verified.items() if held == TABLE}


@pytest.mark.timeout(7200)
def test_unprocessed_items_throttles_and_splits(place: Place) -> None:
    place.fill(DOCUMENTS)
    place.account.control("PUT", "storm", b'{"rate": 0.02, "seed": 1, "retry_after_ms": 5}')
    checkpoints = 0

    def watch(event: events.Event) -> None:
        nonlocal checkpoints
        if isinstance(event, events.Checkpoint):
            checkpoints += 1
            if checkpoints in (3, 8, 15):
                place.split()

    with StrictDynamo(seed=2, unprocessed=0.05) as double:
        began = time.monotonic()
        state = place.move(double).run(watch)
        seconds = time.monotonic() - began
        found = compared(state)
        assert found["items"] == (str(DOCUMENTS), str(DOCUMENTS))
        assert found["digest"][0] == found["digest"][1]
        assert [found[f"{kind} items"] for kind in ("missing", "extra", "different")] == [("0", "0")] * 3
        assert len(double.store.tables[TABLE].items) == DOCUMENTS
        throttled = place.account.control("GET", "counters")["throttled"]
        figures = {"unprocessed": double.counts["unprocessed"], "throttled_reads": throttled, "splits": 3}
    result("faults", documents=DOCUMENTS, lost=0, extra=0, changed=0, seconds=round(seconds, 1), **figures)


@pytest.mark.timeout(7200)
def test_deaths(place: Place) -> None:
    count = min(DOCUMENTS, 100_000)
    place.fill(count)
    dice = random.Random(20260101)
    with StrictDynamo() as double:
        move = place.move(double, page_size=100)
        again = deaths = 0
        while deaths < DEATHS:
            before = double.counts["taken"]
            driver = [sys.executable, cosmos_driver.__file__, str(move.file), str(dice.randint(2, 40))]
            ended = subprocess.run(driver, check=False, timeout=600, capture_output=True)
            if ended.returncode == 0:
                break
            deaths += 1
            again += double.counts["taken"] - before
        state = move.run()
        found = compared(state)
        assert found["digest"][0] == found["digest"][1]
        assert found["items"] == (str(count), str(count))
        pieces = len(state.steps[f"cosmos/copy/{TABLE}"].cursors) - 1
        repeated = double.counts["taken"] - count
        assert repeated <= deaths * pieces * 100  # a page of each piece, each time
    figures = {"repeated": repeated, "pieces": pieces, "pages_again": round(repeated / 100 / deaths / pieces, 3)}
    result("deaths", documents=count, deaths=deaths, **figures)


class EnoughError(Exception):
    """Ends a run from within, once it has been measured."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "rate"), [("ru_budget", 800.0), ("wcu_budget", 800.0)])
def test_budgets(place: Place, kind: str, rate: float) -> None:
    window = min(10.0, SECONDS)
    place.fill(int(rate * (1.5 * window + 5) / (1.2 if kind == "ru_budget" else 1)))
    samples: list[tuple[float, float]] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(0.1):
            samples.append((time.monotonic(), place.account.control("GET", "counters")["charge"]))

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepDone) and event.step == f"cosmos/copy/{TABLE}":
            raise EnoughError

    with StrictDynamo() as double:
        move = place.move(double, **{kind: rate})
        thread = threading.Thread(target=sample)
        thread.start()
        with pytest.raises(EnoughError):
            move.run(watch)
        ended.set()
        thread.join()
        if kind == "wcu_budget":
            least, most = double.bucket.rates(window)
        else:
            least, most = rates(samples, window)
    assert rate * 0.95 <= least <= most <= rate * 1.05
    result(kind, budget=rate, window_s=window, least=round(least, 1), most=round(most, 1))


def rates(samples: list[tuple[float, float]], window: float) -> tuple[float, float]:
    """Return the least and the most units per second over any stretch, without the first and the last seconds."""
    begun = next(at for at, units in samples if units > samples[-1][1] / 20)
    inner = [one for one in samples if begun + 1 < one[0] < samples[-1][0] - 2]
    found = []
    for number, (at, units) in enumerate(inner):
        later = next((one for one in inner[number:] if one[0] >= at + window), None)
        if later is not None:
            found.append((later[1] - units) / (later[0] - at))
    return min(found), max(found)


@pytest.mark.timeout(900)
def test_catching_up(place: Place) -> None:
    place.account.control("PUT", "backup", b'{"continuous": true}')
    place.fill(2000)
    lags: list[float] = []
    with StrictDynamo() as double:
        move = place.move(double)
        move.run()
        stop = threading.Event()
        thread = threading.Thread(target=_follow, args=(move, Wish(poll_seconds=0.2), stop, lags))
        thread.start()
        live = dict.fromkeys(range(2000), 0)
        began = time.monotonic()
        with ThreadPoolExecutor(WRITERS) as pool:
            written = sum(pool.map(lambda share: _write(place, share, live, began), range(WRITERS)))
        rate = written / (time.monotonic() - began)
        stop.set()
        thread.join()
        drained = time.monotonic()
        _follow(move, Wish(drain=True, poll_seconds=0.2), threading.Event(), [])
        drain = time.monotonic() - drained
        table = double.store.tables[TABLE]
        kept = {one["id"]["S"]: int(one["v"]["N"]) for one in map(json.loads, table.items.values())}
        assert kept == {f"문서-{number}": value for number, value in live.items()}
    figures = {"writes_per_s": round(rate, 1), "most_lag_s": max(lags, default=0.0), "drain_s": round(drain, 1)}
    result("catch-up", seconds=SECONDS, drift=0, **figures)


def _write(place: Place, share: int, live: dict[int, int], began: float) -> int:
    """Write to every fourth item at a fourth of the rate, one in ten a deletion; return how many writes there were."""
    dice, written = random.Random(share), 0
    with CosmosClient(place.account.endpoint, place.account.key) as client:
        container = client.get_database_client("wkms").get_container_client(TABLE)
        while time.monotonic() - began < SECONDS:
            number = dice.randrange(1000) * WRITERS + share
            if number in live and dice.random() < 0.2:
                container.delete_item(f"문서-{number}", f"부서#{number % 5000}")
                del live[number]
            else:
                live[number] = dice.randrange(10**6)
                container.upsert_item(document(number, live[number]))
            written += 1
            time.sleep(max(0.0, began + written * WRITERS / WRITES_PER_S - time.monotonic()))
    return written


def _follow(move: Move, wish: Wish, stop: threading.Event, lags: list[float]) -> None:
    context = move.context()
    with journal.Journal(context.run_dir) as book:

        def sink(event: events.Event) -> None:
            if not isinstance(event, events.EPHEMERAL):
                book.append(event)
            if isinstance(event, events.Progress) and "lag" in event.item:
                lags.append(float(event.item.split("lag ")[1].split(" ")[0]))

        machine = engine.Engine(Context(context.settings, book.state, context.run_dir), sink, workers=1)
        machine.stopping = stop
        with suppress(Interrupted):  # it follows until it is told to stop
            machine.run([catch_up.phase(wish, ())])
