"""Memory of a copy: `SCALE=1 pytest tests/bench/bench_blob_memory.py -s`, each mix in a process of its own.

Azurite to the strict S3 double. `SCALE=1` is 20,000 small blobs, or 1 GiB. The bar is 256 MiB for every mix, with 128
transfers and checksums on. Writes build/bench/blob-memory.json, a list of {case, objects, mib, rss_mib, cpu_s}.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import blob_driver
import pytest
from blob_driver import Move
from blob_source import Source, content, new_container
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate.clients.http_origin import Origin, Request
from wkms_migrate.clients.shared_key import shared_key

pytestmark = pytest.mark.integration
SCALE = float(os.environ.get("SCALE", "0.05"))
MOST_MIB = 256
MIB = 1 << 20
TESTS = Path(__file__).parents[1]
# The kernel's peak of this program alone: what `wait4` tells would be at least that of the process that started it.
PROGRAM = """
import re, resource, runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
used = resource.getrusage(resource.RUSAGE_SELF)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
print(int(peak) / 1024, used.ru_utime + used.ru_stime)
"""
RESULTS = TESTS.parent / "build" / "bench" / "blob-memory.json"
Blobs = Iterator[tuple[str, int]]


def scaled(count: int) -> int:
    return max(1, int(count * SCALE))


def small() -> Blobs:
    yield from ((f"f/{number:06}", 10_240) for number in range(scaled(20_000)))


def medium() -> Blobs:
    """Each as large as one request may be: the most memory that objects copied whole can take."""
    yield from ((f"m/{number:03}", 16 * MIB) for number in range(scaled(64)))


def large() -> Blobs:
    yield "large", scaled(1024) * MIB


def odd() -> Blobs:
    """Sizes that never fit a spare buffer."""
    yield from ((f"o/{number:03}", (1 + number % 31) * MIB + number) for number in range(scaled(128)))


def long_names() -> Blobs:
    yield from ((f"{number:06}" + "n" * 1000, 10) for number in range(scaled(20_000)))


def mixed() -> Blobs:
    yield from small()
    yield from medium()
    yield from odd()


MIXES: dict[str, Callable[[], Blobs]] = {
    "small": small,
    "16 MiB each": medium,
    "one large": large,
    "odd sizes": odd,
    "long names": long_names,
    "mixed": mixed,
}


@pytest.fixture
def source(azurite: StorageAccount) -> Source:
    return new_container(azurite)


def fill(account: StorageAccount, source: Source, blobs: Blobs) -> tuple[int, int]:
    """Put the blobs, in blocks where they are large; return how many and how many bytes."""
    origin = Origin("Azurite", account.blob_endpoint, shared_key(account.account, account.key))
    base = f"{urllib.parse.urlsplit(account.blob_endpoint).path}/{source.name}"
    body = content(16 * MIB)
    sizes: list[int] = []

    def put(blob: tuple[str, int]) -> None:
        name, size = blob
        sizes.append(size)
        if size > len(body):
            blocks = range(-(-size // len(body)))
            client = source.client.get_blob_client(name)
            for number in blocks:
                client.stage_block(f"{number:08}", body[: min(len(body), size - number * len(body))])
            client.commit_block_list([f"{number:08}" for number in blocks])
            return
        headers = {"x-ms-blob-type": "BlockBlob"}
        origin.call(Request(method="PUT", path=f"{base}/{name}", headers=headers, body=memoryview(body)[:size]))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, blobs))
    origin.close()
    return len(sizes), sum(sizes)


@pytest.mark.parametrize("case", MIXES)
def test_memory_stays_below_its_bar(azurite, source, tmp_path, case):
    objects, size = fill(azurite, source, MIXES[case]())
    with StrictS3() as target:
        target.bucket("target")
        move = Move(
            folder=tmp_path / "move",
            blob_endpoint=azurite.blob_endpoint,
            account=azurite.account,
            key=azurite.key,
            s3_endpoint=target.endpoint,
            containers={source.name: "target"},
        )
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, blob_driver.__file__, move.write()],
            env=os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
            capture_output=True,
            text=True,
            timeout=1800,
            check=True,
        )
        rss_mib, cpu_s = map(float, ended.stdout.split())
        assert len(target.store.buckets["target"].objects) == objects
    row = {
        "case": case,
        "objects": objects,
        "mib": round(size / MIB, 1),
        "rss_mib": round(rss_mib, 1),
        "cpu_s": round(cpu_s, 2),
    }
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps([*(one for one in known if one["case"] != case), row], indent=2), encoding="utf-8")
    sys.stdout.write(f"\n{row}\n")
    assert rss_mib <= MOST_MIB
