"""Killed at any moment, run again: nothing is sent twice that had landed, and no upload is left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import blob_driver
import pytest
from blob_driver import Move, new_move
from blob_source import Source, content
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate.errors import Interrupted

pytestmark = pytest.mark.integration
MIB = 1 << 20
DEADLINE = 60


@pytest.fixture
def move(azurite: StorageAccount, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path)


def kill_when(target: StrictS3, fault: Fault, config: Path) -> None:
    """Run the phase in a process of its own, and kill it when the fault meets its request."""
    target.faults.add(fault)
    program = [sys.executable, blob_driver.__file__, str(config)]
    with subprocess.Popen(program, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as process:
        try:
            assert fault.reached.wait(DEADLINE), f"the request never came; the program ended with {process.poll()}"
        finally:
            process.kill()
    fault.release.set()
    target.settle()


def part_numbers(target: StrictS3) -> list[int]:
    found = [path for method, path in target.requests if method == "PUT" and "partNumber" in path]
    return sorted(int(path.partition("partNumber=")[2].partition("&")[0]) for path in found)


def test_killed_between_objects_goes_on_with_the_rest(move, source, target):
    for number in range(60):
        source.put(f"f/{number:02}", content(1000, number))
    config = move.write(workers=4)
    kill_when(target, Fault("pause", "PUT", every=25), config)
    landed = dict(target.store.buckets["target"].objects)
    assert 20 <= len(landed) < 60
    target.requests.clear()
    ran = blob_driver.run(config)
    sent = [path.removeprefix("/target/") for method, path in target.requests if method == "PUT"]
    # What was on its way when the process died had landed without being noted: it is recognised, not sent again.
    assert sorted([*sent, *landed]) == [f"f/{number:02}" for number in range(60)]
    assert all(one.ok for one in ran.verified)


@pytest.mark.parametrize("stored_md5", [True, False], ids=["md5", "no-md5"])
def test_killed_inside_a_large_object_sends_only_what_had_not_landed(move, source, target, stored_md5):
    data = content(48 * MIB)
    (source.put if stored_md5 else source.put_without_md5)("big", data)
    config = move.write(part_mib=5, workers=2)
    kill_when(target, Fault("pause", "PUT", "partNumber=7"), config)
    (upload,) = target.store.buckets["target"].uploads.values()
    landed = set(upload.parts)
    assert landed >= {1, 2, 3, 4, 5}
    target.requests.clear()
    ran = blob_driver.run(config)
    sent = part_numbers(target)
    assert len(sent) == len(set(sent))
    assert set(sent) <= {6, 7, 8, 9, 10}
    assert target.store.buckets["target"].objects["big"].data == data
    assert target.store.buckets["target"].uploads == {}
    assert all(one.ok for one in ran.verified)


def test_an_upload_that_was_begun_and_never_noted_is_aborted(move, source, target):
    source.put("big", content(12 * MIB))
    config = move.write(part_mib=5)
    kill_when(target, Fault("pause", "POST", "uploads"), config)
    assert len(target.store.buckets["target"].uploads) == 1
    blob_driver.run(config)
    assert target.store.buckets["target"].uploads == {}
    assert target.store.buckets["target"].objects["big"].data == content(12 * MIB)


def test_an_upload_of_an_older_version_is_aborted_and_never_mixed_in(move, source, target):
    source.put_without_md5("big", content(23 * MIB, 1))
    config = move.write(part_mib=5, workers=1)
    kill_when(target, Fault("pause", "PUT", "partNumber=3"), config)
    source.put_without_md5("big", content(23 * MIB, 2))
    blob_driver.run(config)
    assert target.store.buckets["target"].objects["big"].data == content(23 * MIB, 2)
    assert target.store.buckets["target"].uploads == {}


def test_a_blob_added_meanwhile_does_not_cost_what_had_landed_of_a_large_one(move, source, target):
    source.put("big", content(48 * MIB))
    config = move.write(part_mib=5, workers=2)
    kill_when(target, Fault("pause", "PUT", "partNumber=7"), config)
    source.put("new", b"new")
    target.requests.clear()
    blob_driver.run(config)
    assert set(part_numbers(target)) <= {6, 7, 8, 9, 10}
    assert set(target.store.buckets["target"].objects) == {"big", "new"}


def test_killed_after_the_completion_finds_the_object_there(move, source, target):
    source.put("big", content(12 * MIB))
    config = move.write(part_mib=5)
    kill_when(target, Fault("pause", "POST", "uploadId"), config)
    target.requests.clear()
    ran = blob_driver.run(config)
    assert part_numbers(target) == []
    assert target.store.buckets["target"].objects["big"].data == content(12 * MIB)
    assert all(one.ok for one in ran.verified)


def test_killed_again_and_again_ends_with_everything_once(move, source, target):
    for number in range(40):
        source.put(f"f/{number:02}", content(2000, number))
    source.put("big", content(33 * MIB, 99))
    config = move.write(part_mib=5, workers=3)
    for every in (3, 5, 8, 13):
        kill_when(target, Fault("pause", "PUT", every=every), config)
    ran = blob_driver.run(config)
    found = target.store.buckets["target"].objects
    assert {key: item.data for key, item in found.items() if key != "big"} == {
        f"f/{number:02}": content(2000, number) for number in range(40)
    }
    assert found["big"].data == content(33 * MIB, 99)
    assert target.store.buckets["target"].uploads == {}
    assert all(one.ok for one in ran.verified)


def test_stopped_by_the_user_keeps_what_had_landed(move, source, target):
    source.put("big", content(48 * MIB))
    config = move.write(part_mib=5, workers=2)
    fault = target.faults.add(Fault("pause", "PUT", "partNumber=7"))
    program = [sys.executable, blob_driver.__file__, str(config)]
    with subprocess.Popen(
        program, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert fault.reached.wait(DEADLINE)
        process.send_signal(signal.SIGINT)
        assert process.stdout is None
        fault.release.set()
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == Interrupted.exit_code, errors
    target.settle()
    (upload,) = target.store.buckets["target"].uploads.values()
    landed = set(upload.parts)
    target.requests.clear()
    blob_driver.run(config)
    assert sorted([*landed, *part_numbers(target)]) == list(range(1, 11))
    assert target.store.buckets["target"].objects["big"].data == content(48 * MIB)
    assert target.store.buckets["target"].uploads == {}
