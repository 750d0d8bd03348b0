"""Deaths, writers and damage; DEATHS=20, MUTATIONS=200 and OBJECTS=20000 in the environment make them many."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import urllib.parse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import blob_driver
import pytest
from blob_driver import Move
from blob_source import Source, content
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate.clients.http_origin import Origin, Request
from wkms_migrate.clients.shared_key import shared_key
from wkms_migrate.errors import WkmsError

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
MIB = 1 << 20
DEADLINE = 120
DEATHS = int(os.environ.get("DEATHS", "3"))
MUTATIONS = int(os.environ.get("MUTATIONS", "30"))
OBJECTS = int(os.environ.get("OBJECTS", "1200"))
WORKERS = 8


@pytest.fixture
def move(azurite: StorageAccount, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    return moving(azurite, azurite.blob_endpoint, source, target, tmp_path)


def moving(account: StorageAccount, endpoint: str, source: Source, target: StrictS3, folder: Path) -> Move:
    return Move(
        folder=folder / "move",
        blob_endpoint=endpoint,
        account=account.account,
        key=account.key,
        s3_endpoint=target.endpoint,
        containers={source.name: "target"},
    )


def stored(target: StrictS3) -> dict[str, bytes]:
    return {key: item.data for key, item in target.store.buckets["target"].objects.items()}


def die(target: StrictS3, config: Path, fault: Fault) -> bool:
    """Run the phase in a process and kill it when the fault meets its request; False when it had ended before."""
    target.faults.clear()
    target.faults.add(fault)
    program = [sys.executable, blob_driver.__file__, str(config)]
    with subprocess.Popen(program, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as process:
        ended = threading.Thread(target=lambda: (process.wait(), fault.reached.set()))
        ended.start()
        assert fault.reached.wait(DEADLINE)
        alive = process.poll() is None
        process.kill()
        ended.join()
    fault.release.set()
    target.settle()
    return alive


def test_deaths_at_any_request_cost_what_was_on_its_way_and_leave_nothing(move, source, target):
    dice = random.Random(20250101)
    expected = {f"f/{number:03}": content(3000, number) for number in range(30 * DEATHS)}
    expected |= {f"big-{number}": content(33 * MIB, 1000 + number) for number in range(2)}
    for name, data in expected.items():
        (source.put_without_md5 if name.startswith("big-1") else source.put)(name, data)
    config = move.write(part_mib=5, workers=WORKERS)
    for _ in range(DEATHS):
        large = any(name not in stored(target) for name in ("big-0", "big-1"))  # then an upload begins or ends
        at_put = Fault("pause", "PUT", every=dice.randint(1, 25))
        assert die(target, config, dice.choice([at_put, at_put, Fault("pause", "POST")]) if large else at_put)
    target.faults.clear()
    ran = blob_driver.run(config)
    assert stored(target) == expected
    assert target.store.buckets["target"].uploads == {}
    assert all(one.ok for one in ran.verified)
    # The upload id of a part is left out: a part sent again under another upload is sent again.
    sent = Counter(path.partition("&uploadId")[0] for method, path in target.requests if method == "PUT")
    again = sum(count - 1 for count in sent.values())
    sys.stdout.write(f"\n{DEATHS} deaths, {sum(sent.values())} bodies sent, {again} of them again\n")
    assert again <= WORKERS * DEATHS


def test_a_blob_that_changes_under_the_copy_is_never_torn(move, source, target):
    sizes = {f"blob-{number}": (6 * MIB, MIB, 20_000)[number % 3] + number for number in range(12)}
    versions = dict.fromkeys(sizes, 0)
    done = threading.Event()

    def write(name: str) -> None:
        source.put_without_md5(name, bytes([versions[name] % 256]) * sizes[name])

    def mutate() -> None:
        dice = random.Random(7)
        try:
            for _ in range(MUTATIONS):
                name = dice.choice(list(sizes))
                versions[name] += 1
                write(name)
        finally:
            done.set()

    for name in sizes:
        write(name)
    writer = threading.Thread(target=mutate)
    writer.start()
    copies = changed = 0
    while True:
        last = done.is_set()
        with suppress(WkmsError):  # changed too often, or since it was copied: said, and copied by a later run
            move.run(part_mib=5, workers=4)
        copies += 1
        changed += "changed" in {found.code for found in move.state().findings.values()}
        found = stored(target)
        assert [name for name, data in found.items() if data != data[:1] * sizes[name]] == []
        if last:
            break
    writer.join()
    sys.stdout.write(f"\n{MUTATIONS} mutations in {copies} copies\n")
    assert changed
    ran = move.run(part_mib=5, workers=4)
    assert stored(target) == {name: bytes([versions[name] % 256]) * size for name, size in sizes.items()}
    assert all(one.ok for one in ran.verified)


def test_a_storm_of_every_kind_of_damage_ends_with_the_right_bytes(azurite, source, target, tmp_path):
    expected = {f"f/{number:02}": content(20_000, number) for number in range(60)}
    expected |= {"big": content(33 * MIB, 99)}
    for name, data in expected.items():
        (source.put if hash(len(name)) % 2 else source.put_without_md5)(name, data)
    with AzureProxy(azurite.blob_endpoint, structured=True) as proxy:
        faults = [
            proxy.faults.add(Fault(kind, "GET", f"{source.name}/", times=8, every=3))
            for kind in ("damage_out", "truncate", "unavailable")
        ]
        faults += [
            target.faults.add(Fault(kind, "PUT", times=8, every=4)) for kind in ("damage_in", "unavailable", "reset")
        ]
        faults += [target.faults.add(Fault(kind, "POST", "uploadId")) for kind in ("late_error",)]
        ran = moving(azurite, proxy.endpoint, source, target, tmp_path).run(part_mib=5, workers=WORKERS)
    assert [fault.kind for fault in faults if fault.times] == []
    assert stored(target) == expected
    assert all(one.ok for one in ran.verified)
    assert target.store.buckets["target"].uploads == {}


def test_what_has_not_changed_costs_two_listings_and_no_head(move, azurite, source, target):
    origin = Origin("Azurite", azurite.blob_endpoint, shared_key(azurite.account, azurite.key))
    base = f"{urllib.parse.urlsplit(azurite.blob_endpoint).path}/{source.name}"

    def put(number: int) -> None:
        headers = {"x-ms-blob-type": "BlockBlob"}
        origin.call(Request(method="PUT", path=f"{base}/f/{number:06}", headers=headers, body=b"%d" % number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(OBJECTS)))
    move.run()
    assert target.count("HEAD") == 0
    target.requests.clear()
    assert move.run().ran == 0
    assert target.requests == []
    put(OBJECTS)
    ran = move.run()
    origin.close()
    assert ran.ran == 2
    assert target.count("HEAD") == 0
    assert target.count("PUT") == 1
    pages = -(-OBJECTS // 1000)
    # Both steps list; the copy also asks for uploads that nobody will end.
    assert target.count("GET") == target.count("GET", "list-type=2") + 1
    assert target.count("GET", "list-type=2") <= 2 * (pages + 1)
