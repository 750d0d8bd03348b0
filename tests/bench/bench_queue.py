"""Messages a second and CPU a message: `SCALE=1 RUNS=3 pytest tests/bench/bench_queue.py -s`, beside the vendors' SDKs.

Azurite to moto, which need far more time than any client: the clock tells of them, the client's CPU of the client.
`SCALE=1` is 2,000 messages. The loop of the SDKs takes 32, sends tens, and deletes one by one, on as many threads; it
keeps no journal. Writes build/bench/queue.json, a list of {case, tool, messages, wall_s, cpu_s, cpu_ms_per_message}.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
import queue_driver
from azure.storage.queue import QueueClient
from endpoints import AwsEndpoint, StorageAccount
from queue_ends import Ends, new_ends, numbered

MESSAGES = int(2000 * float(os.environ.get("SCALE", "0.1")))
RUNS = int(os.environ.get("RUNS", "1"))
LANES = 16
RESULTS = Path(__file__).parents[2] / "build" / "bench" / "queue.json"


def ours(ends: Ends) -> list[str]:
    return [sys.executable, queue_driver.__file__, str(ends.move.write(hidden_seconds=120, lanes=LANES))]


def sdks(ends: Ends) -> list[str]:
    move = ends.move
    return [sys.executable, __file__, move.queue_endpoint, move.key, ends.name, move.aws_endpoint, ends.url]


def drain_by_sdks(endpoint: str, key: str, queue: str, aws_endpoint: str, url: str) -> None:
    source = QueueClient(endpoint, queue, credential=key)
    sqs = boto3.client(
        "sqs",
        endpoint_url=aws_endpoint,
        region_name="ap-northeast-2",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )

    def work(_: int) -> None:
        while page := list(source.receive_messages(max_messages=32, messages_per_page=32, visibility_timeout=120)):
            for start in range(0, len(page), 10):
                batch = page[start : start + 10]
                entries = [{"Id": str(number), "MessageBody": one.content} for number, one in enumerate(batch)]
                answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
                for sent in answer["Successful"]:
                    source.delete_message(batch[int(sent["Id"])])

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(work, range(LANES)))


def measured(argv: list[str]) -> tuple[float, float]:
    """Run a program; return seconds on the clock, and of its CPU less those of starting."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.timeout(3600)
def test_drain(azurite: StorageAccount, moto_server: AwsEndpoint, tmp_path: Path) -> None:
    tools: dict[str, Callable[[Ends], list[str]]] = {"wkms-migrate": ours, "sdks": sdks}
    found = []
    for tool, argv in tools.items():
        empty = new_ends(azurite, moto_server, tmp_path / f"{tool}-empty")
        _, start_cpu = measured(argv(empty))
        runs = []
        for number in range(RUNS):
            ends = new_ends(azurite, moto_server, tmp_path / f"{tool}-{number}")
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(ends.source.send_message, numbered(MESSAGES)))
            wall, cpu = measured(argv(ends))
            assert ends.left() == 0
            assert len(ends.arrived()) == MESSAGES
            runs.append((wall, cpu - start_cpu))
        wall, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
        each = 1000 * cpu / MESSAGES
        row = {"case": "drain", "tool": tool, "messages": MESSAGES, "wall_s": round(wall, 2), "cpu_s": round(cpu, 2)}
        found.append(row | {"cpu_ms_per_message": round(each, 3)})
        print(f"\n{tool}: {MESSAGES / wall:.0f} messages/s, {each:.2f} ms of CPU a message ({wall:.1f} s, {RUNS} runs)")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    drain_by_sdks(*sys.argv[1:])
