"""The copy of the cosmos phase beside the loop that everybody writes first: `make bench-cosmos`.

Both read the same container from a source within their own process, which stands in the place of the SDK's socket
(cosmos_pages.py), and both write over HTTP to a null sink: a process that takes every batch whole and counts the items.
So what is measured is what the client costs. The reference is azure-cosmos pages of 1,000, numbers to Decimal, and
boto3's `batch_writer`, which serializes by TypeSerializer and sends 25 at a time. Ours is the phase's own copy step and
its journal, all defaults. Seconds are those of the copy, without the start of Python; CPU and memory are those of the
whole client process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import random
import shutil
import socket
import socketserver
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import cosmos_driver  # noqa: E402 # it stands beside the tests
import cosmos_pages  # noqa: E402
from endpoints import CosmosAccount  # noqa: E402

from wkms_migrate.lab import azurite, cosmos, servers  # noqa: E402
from wkms_migrate.lab.cosmos_double import epk  # noqa: E402

OUTPUT = ROOT / "build/bench/cosmos.json"
OURS, REFERENCE = "wkms-migrate", "azure-cosmos + boto3"
DATABASE, CONTAINER = "bench", "documents"
SYSTEM = ("_rid", "_self", "_etag", "_attachments", "_ts")
NOTHING: dict[str, Any] = {"Items": [], "Count": 0, "ContinuousBackupsDescription": {}}
TABLE = {
    "Table": {
        "TableName": CONTAINER,
        "TableStatus": "ACTIVE",
        "AttributeDefinitions": [
            {"AttributeName": "departmentId", "AttributeType": "S"},
            {"AttributeName": "id", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "departmentId", "KeyType": "HASH"},
            {"AttributeName": "id", "KeyType": "RANGE"},
        ],
    }
}


@dataclass(frozen=True, slots=True)
class Case:
    """Documents of one kind: how many, and the length of their vectors."""

    documents: int
    dimensions: int


CASES = {"documents of 1.3 KB": Case(200_000, 0), "vectors of 1,536": Case(10_000, 1536)}


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one tool: seconds of the copy, and CPU seconds and peak MiB of its process."""

    seconds: float
    cpu_s: float
    rss_mib: float


def document(number: int, dimensions: int) -> dict[str, Any]:
    """Return a chunk of a document, as an application stores it."""
    dice = random.Random(number)
    made: dict[str, Any] = {
        "id": f"문서-{number:07d}",
        "departmentId": f"부서-{number % 500}",
        "title": f"취업규칙 개정안 {number}",
        "text": "연차 휴가는 언제까지 써야 하나요? " * 18,
        "page": number % 97,
        "score": dice.random(),
        "tags": ["인사", "규정", "2025"],
        "acl": {"public": number % 2 == 0, "groups": ["hr", "legal"]},
        "createdAt": "2025-03-01T09:00:00Z",
        "_type": "chunk",
        "parent": None,
    }
    if dimensions:
        made["embedding"] = [dice.gauss(0, 0.025) for _ in range(dimensions)]
    rid = f"bench{number:011d}=="
    own = {"_rid": rid, "_self": f"dbs/bench/colls/bench/docs/{rid}/", "_etag": f'"{number:032x}"'}
    return made | own | {"_attachments": "attachments/", "_ts": 1_740_000_000 + number}


class _Sink(socketserver.StreamRequestHandler):
    """Takes every batch whole, and counts; tells the table, that it is empty, and the count."""

    disable_nagle_algorithm = True
    rbufsize = 1 << 16
    items = itertools.count()

    def handle(self) -> None:
        while head := self._head():
            body = self.rfile.read(int(head.get(b"content-length", b"0")))
            operation = head.get(b"x-amz-target", b"").rpartition(b".")[2]
            if operation == b"BatchWriteItem":
                self.server.items += body.count(b'"PutRequest"')  # type: ignore[attr-defined]
                answer = b'{"UnprocessedItems":{}}'
            elif operation == b"Count":
                answer, self.server.items = b"%d" % self.server.items, 0  # type: ignore[attr-defined]
            else:
                answer = orjson.dumps(TABLE if operation == b"DescribeTable" else NOTHING)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(answer))
            self.wfile.write(b"Content-Type: application/x-amz-json-1.0\r\n\r\n%b" % answer)

    def _head(self) -> dict[bytes, bytes]:
        self.rfile.readline()
        found: dict[bytes, bytes] = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            found[name.lower()] = value.strip()
        return found


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    items = 0


def _serve(listening: socket.socket) -> None:
    server = _Server(listening.getsockname(), _Sink, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.serve_forever()


@contextmanager
def sink() -> Iterator[str]:
    """Start the null sink in a process of its own; give its endpoint."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(listening,), daemon=True)
        process.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            process.terminate()
            process.join()


@contextmanager
def source(folder: Path) -> Iterator[CosmosAccount]:
    """Start the double of Cosmos DB."""
    key = folder / "key"
    key.write_text(azurite.new_key(), encoding="ascii")
    home = servers.Home(folder / "servers")
    running = servers.ensure(cosmos.server(key, None), home)
    try:
        yield CosmosAccount(endpoint=cosmos.endpoint(running.ports), key=key.read_text(encoding="ascii"))
    finally:
        servers.stop(running, home)


def fill(account: CosmosAccount) -> None:
    """Make the container, for all that is asked of it but its pages."""
    from azure.cosmos import CosmosClient, PartitionKey

    with CosmosClient(account.endpoint, account.key) as client:
        client.create_database(DATABASE).create_container(CONTAINER, PartitionKey("/departmentId"))


def pages_of(case: Case, folder: Path) -> None:
    """Write the pages of a case."""
    made = (document(number, case.dimensions) for number in range(case.documents))
    cosmos_pages.write(folder, ((epk.of([one["departmentId"]]), orjson.dumps(one)) for one in made))


def count(endpoint: str) -> int:
    """Return how many items the sink has seen since it was last asked."""
    asked = urllib.request.Request(endpoint, data=b"", headers={"X-Amz-Target": "Sink.Count"}, method="POST")
    with urllib.request.urlopen(asked) as answer:
        return int(answer.read())


def ours(config: str) -> None:
    """Run the copy step of the phase, its journal included."""
    import azure.cosmos  # noqa: F401 # or their imports would be measured
    import boto3  # noqa: F401

    from wkms_migrate import events, journal
    from wkms_migrate.phases import cosmos as phase
    from wkms_migrate.plan import Context, StepRun

    planned = cosmos_driver.Move(Path(config)).context()
    with journal.Journal(planned.run_dir) as book:
        context = Context(planned.settings, book.state, planned.run_dir)
        steps = {step.id: step for step in phase.PHASE.plan(context)}
        table, copy = (steps[f"cosmos/{what}/{CONTAINER}"] for what in ("table", "copy"))
        names = {"phase": "cosmos", "step": table.id, "digest": table.digest}
        book.append(events.StepStarted(summary="", **names))
        made = table.run(StepRun(context, table, book.append, threading.Event(), {}))
        book.append(events.StepDone(seconds=0, result=dict(made or {}), **names))
        began = time.monotonic()
        copy.run(StepRun(context, copy, _kept(book), threading.Event(), {}))
        print(time.monotonic() - began)


def _kept(book: Any) -> Any:
    """Return the sink of events that keeps what an engine keeps."""
    from wkms_migrate import events

    return lambda event: None if isinstance(event, events.EPHEMERAL) else book.append(event)


def reference(endpoint: str, key: str, sink_url: str) -> None:
    """Copy as one does with the SDKs."""
    import boto3
    from azure.cosmos import CosmosClient

    with CosmosClient(endpoint, key) as client:
        container = client.get_database_client(DATABASE).get_container_client(CONTAINER)
        credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        dynamo = boto3.resource("dynamodb", endpoint_url=sink_url, region_name="ap-northeast-2", **credentials)
        began = time.monotonic()
        with dynamo.Table(CONTAINER).batch_writer() as writer:
            for page in container.read_all_items(max_item_count=1000).by_page():
                for item in page:
                    kept = {name: value for name, value in item.items() if name not in SYSTEM}
                    writer.put_item(Item=json.loads(json.dumps(kept), parse_float=Decimal))
        print(time.monotonic() - began)


def measured(*arguments: str) -> Measured:
    """Run this program as a child that copies. Raises `RuntimeError` when it fails."""
    process = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        message = f"{arguments[1]} ended with {process.returncode}"
        raise RuntimeError(message)
    return Measured(float(told.split()[-1]), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(cases: list[str], runs: int, scale: float) -> list[dict[str, Any]]:
    """Run both tools on every case, in turn, and return the figures."""
    found: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="bench-cosmos-") as temporary, sink() as endpoint:
        for name in cases:
            case = Case(max(1, int(CASES[name].documents * scale)), CASES[name].dimensions)
            folder = Path(temporary, str(CASES[name].dimensions))
            folder.mkdir()
            with source(folder) as account:
                fill(account)
                pages = folder / "pages"  # written by another process: a child's peak of memory begins with ours
                subprocess.run([sys.executable, __file__, pages, "fill", name, str(case.documents)], check=True)
                taken = both(account, pages, endpoint, runs, case.documents)
            shutil.rmtree(pages)
            found += figures(name, case.documents, taken)
    return found


def both(account: CosmosAccount, pages: Path, endpoint: str, runs: int, documents: int) -> dict[str, list[Measured]]:
    """Run both tools as often as asked. Raises `RuntimeError` when one did not write every document."""
    taken: dict[str, list[Measured]] = {OURS: [], REFERENCE: []}
    for number in range(runs):
        run_folder = pages.parent / str(number)
        run_folder.mkdir()
        tables = {CONTAINER: CONTAINER}
        move = cosmos_driver.prepare(account, endpoint, run_folder, database=DATABASE, tables=tables)
        for tool, arguments in {
            OURS: ("ours", str(move.file)),
            REFERENCE: ("reference", account.endpoint, account.key, endpoint),
        }.items():
            one = measured(str(pages), *arguments)
            written = count(endpoint)
            if written != documents:
                message = f"{tool} wrote {written} of {documents} documents"
                raise RuntimeError(message)
            taken[tool].append(one)
            print(f"{tool}: {documents / one.seconds:,.0f} docs/s, {one.cpu_s:.1f} s CPU", flush=True)
    return taken


def figures(case: str, documents: int, taken: dict[str, list[Measured]]) -> Iterator[dict[str, Any]]:
    """Yield the medians of each tool, and how many times as fast as the reference it is."""
    speeds = {tool: documents / statistics.median(one.seconds for one in many) for tool, many in taken.items()}
    for tool, many in taken.items():
        yield {
            "case": case,
            "tool": tool,
            "docs_per_s": round(speeds[tool]),
            "cpu_s": round(statistics.median(one.cpu_s for one in many), 2),
            "rss_mib": round(max(one.rss_mib for one in many), 1),
            "ratio": round(speeds[tool] / speeds[REFERENCE], 2),
        }


def main() -> None:
    """Measure, print a table and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the documents, to try things out")
    chosen = parser.parse_args()
    found = compare(chosen.case or list(CASES), chosen.runs, chosen.scale)
    print(f"{'case':<20} {'tool':<21} {'docs/s':>8} {'cpu s':>8} {'rss MiB':>8} {'ratio':>6}")
    for row in found:
        print("{case:<20} {tool:<21} {docs_per_s:>8,} {cpu_s:>8} {rss_mib:>8} {ratio:>6}".format(**row))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [pages, "fill", name, documents]:
            pages_of(Case(int(documents), CASES[name].dimensions), Path(pages))
        case [pages, "ours", config]:
            with cosmos_pages.installed(Path(pages)):
                ours(config)
        case [pages, "reference", endpoint, key, sink_url]:
            with cosmos_pages.installed(Path(pages)):
                reference(endpoint, key, sink_url)
        case _:
            main()
