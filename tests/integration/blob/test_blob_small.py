"""Small blobs on one thread: which of them leave it, and that none is lost, torn or asked for too soon on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import blob_driver
import pytest
from blob_driver import Move, new_move
from blob_source import Source, content
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate.errors import Interrupted, WkmsError
from wkms_migrate.phases.blob import copy
from wkms_migrate.phases.blob.small import SMALL_BYTES

pytestmark = pytest.mark.integration
DEADLINE = 60
SIZES = (0, 1, 1000, SMALL_BYTES - 1, SMALL_BYTES, SMALL_BYTES + 1)


@pytest.fixture
def proxy(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.blob_endpoint, structured=True) as running:
        yield running


@pytest.fixture
def move(azurite: StorageAccount, source: Source, proxy: AzureProxy, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path, through=proxy.endpoint)


@pytest.fixture
def on_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the blobs that a thread copied."""
    names: list[str] = []
    whole = copy._copy

    def noted(job, item):
        names.append(item.blob.name)
        whole(job, item)

    monkeypatch.setattr(copy, "_copy", noted)
    return names


def stored(target):
    return {key: item.data for key, item in target.store.buckets["target"].objects.items()}


def filled(source, count, sizes=SIZES):
    for number in range(count):
        source.put(f"인사팀/{number}", content(sizes[number % len(sizes)], number))
    return {f"인사팀/{number}": content(sizes[number % len(sizes)], number) for number in range(count)}


@pytest.mark.parametrize("structured", [True, False], ids=["crc64", "md5"])
def test_blobs_around_the_limit_arrive_whole(move, source, proxy, target, structured):
    proxy.structured = structured
    expected = filled(source, 60)
    ran = move.run()
    assert stored(target) == expected
    assert all(one.ok for one in ran.verified)


def test_once_connections_are_open_no_thread_is_taken(move, source, target, on_threads):
    expected = filled(source, 300, sizes=(2000,))
    move.run(workers=8)
    assert stored(target) == expected
    assert len(on_threads) <= 2 * 8, "those for which a connection had to be opened at one end"


def test_what_goes_wrong_leaves_the_thread_and_nothing_else_does(move, source, proxy, target, on_threads):
    """Damage, a broken answer, a refusal for now, an answer that is lost: each is for a thread, once."""
    expected = filled(source, 200, sizes=(2000,))
    for name, kind in {"150": "damage_out", "160": "truncate", "170": "unavailable"}.items():
        proxy.faults.add(Fault(kind, "GET", f"{source.name}/인사팀/{name}"))
    for name, kind in {"155": "damage_in", "165": "reset", "175": "unavailable"}.items():
        target.faults.add(Fault(kind, "PUT", f"/target/인사팀/{name}"))
    ran = move.run(workers=4)
    assert stored(target) == expected
    troubled = {f"인사팀/{number}" for number in (150, 155, 160, 165, 170, 175)}
    assert troubled <= set(on_threads)
    assert len(on_threads) <= len(troubled) + 2 * 4 + 3, "and those for which a connection had to be opened"
    assert [one.object for one in ran.verified if not one.ok] == []


def test_a_service_that_wants_to_be_left_alone_is(move, source, target):
    source.put("a", content(1000))
    target.faults.add(Fault("unavailable", "PUT", "/target/a", retry_after=2))
    began = time.monotonic()
    move.run()
    assert time.monotonic() - began >= 2
    assert stored(target) == {"a": content(1000)}


def test_a_failure_lets_what_is_under_way_arrive_and_be_known(move, source, target):
    """The next run asks for none of it: what had been sent when the sign-in ended is in the manifest."""
    expected = filled(source, 120, sizes=(2000,))
    target.faults.add(Fault("expired", "PUT", "/target/인사팀/60", times=1000))
    with pytest.raises(WkmsError, match="ended"):
        move.run(workers=16)
    target.faults.clear()
    target.settle()
    landed = set(stored(target))
    assert 0 < len(landed) < len(expected)
    target.requests.clear()
    move.run(workers=16)
    sent = Counter(method for method, _ in target.requests)
    assert (sent["HEAD"], sent["PUT"]) == (0, len(expected) - len(landed))
    assert stored(target) == expected


def test_a_stop_ends_what_is_under_way_and_the_next_run_does_the_rest(move, source, target):
    """The stop comes while an object is on its way: it arrives and is known, so nothing is sent or asked for twice."""
    expected = filled(source, 60, sizes=(2000,))
    config = move.write(workers=4)
    fault = target.faults.add(Fault("pause", "PUT", "/target/인사팀/40"))
    program = [sys.executable, blob_driver.__file__, str(config)]
    with subprocess.Popen(
        program, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert fault.reached.wait(DEADLINE)
        process.send_signal(signal.SIGINT)
        threading.Timer(0.5, fault.release.set).start()  # the signal has reached its handler by then
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == Interrupted.exit_code, errors
    target.settle()
    landed = set(stored(target))
    assert "인사팀/40" in landed
    target.requests.clear()
    blob_driver.run(config)
    sent = Counter(method for method, _ in target.requests)
    assert sent["PUT"] == len(expected) - len(landed) > 0
    assert sent["HEAD"] == 0
    assert stored(target) == expected
