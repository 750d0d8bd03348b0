"""Sign-ins that end, missing rights, names that collide, full disks: told per object, and the rest goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas, generate_container_sas
from blob_driver import Move, Ran, new_move, run
from blob_source import Source, content
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate.errors import ConfigError, Partial, Refused, WkmsError

pytestmark = pytest.mark.integration
TESTS = Path(__file__).parents[2]
API_OF_SAS = "2025-05-05"


@pytest.fixture
def azure(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.blob_endpoint) as proxy:
        yield proxy


@pytest.fixture
def move(azurite: StorageAccount, azure: AzureProxy, source: Source, target: StrictS3, tmp_path: Path) -> Move:
    return new_move(azurite, target, {source.name: "target"}, tmp_path, through=azure.endpoint)


def objects(target):
    return target.store.buckets["target"].objects


def token(account: StorageAccount, *, hours: float = 1, note: str = "") -> str:
    return generate_account_sas(
        account.account,
        account.key,
        resource_types=ResourceTypes(service=True, container=True, object=True),
        permission=AccountSasPermissions(read=True, list=True, tag=True),
        expiry=datetime.now(UTC) + timedelta(hours=hours),
        start=datetime.now(UTC) - timedelta(hours=24),
        protocol=note or None,
    )


def by_sas(move: Move, sas: str, **options: object) -> Path:
    """Write the configuration with a SAS in the key's place."""
    path = move.write(**options)
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    storage = values["azure"]["storage"]
    del storage["key"]
    (move.folder / "sas").write_text(sas, encoding="utf-8")
    storage["sas"] = f"file:{move.folder / 'sas'}"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    return path


def go(path: Path) -> Ran:
    ran = run(path)
    assert all(one.ok for one in ran.verified)
    return ran


def test_a_sas_signs_in_for_the_account_and_for_one_container(move, azurite, source, target):
    source.put("a//한글 ?&", content(100), tags={"dept": "hr"})
    go(by_sas(move, token(azurite)))
    assert objects(target)["a//한글 ?&"].tags == [("dept", "hr")]
    narrow = generate_container_sas(
        azurite.account,
        source.name,
        azurite.key,
        permission="rlt",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    source.put("b", b"b")
    go(by_sas(move, f"https://x.blob.core.windows.net/{source.name}?{narrow}"))
    assert objects(target)["b"].data == b"b"


def test_a_sas_that_has_ended_is_told_with_its_end_and_not_its_content(move, azurite, source, target):
    source.put("a", b"1")
    ended = token(azurite, hours=-1)
    with pytest.raises(Partial, match="ended at 20") as caught:
        run(by_sas(move, ended))
    assert "new SAS" in caught.value.hint
    assert "sig=" not in str(caught.value)
    assert ended not in "".join(path.read_text(errors="ignore") for path in move.folder.rglob("*.jsonl"))
    assert objects(target) == {}


def test_what_is_no_sas_is_refused(move):
    with pytest.raises(ConfigError, match="not a SAS"):
        run(by_sas(move, "se=2030-01-01"))


@contextmanager
def meanwhile(target: StrictS3, act: Callable[[], None]) -> Iterator[None]:
    """Let a copy by one worker pause before its fifth object, and act then."""
    pause = target.faults.add(Fault("pause", "PUT", "/target/f/4"))

    def watch() -> None:
        assert pause.reached.wait(30)
        act()
        pause.release.set()

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    thread.join()


def test_a_sas_that_ends_during_the_copy_is_read_anew(move, azurite, azure, source, target):
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    path = by_sas(move, token(azurite), workers=1)
    fault = azure.faults.add(Fault("expired", "GET", f"{source.name}/f/5"))
    renewed = token(azurite, hours=2)

    def renew() -> None:
        """A new SAS is in the file before the old one is refused."""
        (move.folder / "sas").write_text(renewed, encoding="utf-8")

    with meanwhile(target, renew):
        go(path)
    assert fault.times == 0
    assert len(objects(target)) == 10


def test_a_sas_that_ends_during_the_copy_stops_it_and_the_next_run_goes_on(move, azurite, azure, source, target):
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    path = by_sas(move, token(azurite), workers=1)
    azure.faults.add(Fault("expired", "GET", f"{source.name}/f/5", times=100))
    with pytest.raises(Partial, match="is not accepted"):
        run(path)
    landed = len(objects(target))
    assert 0 < landed < 10
    azure.faults.clear()
    (move.folder / "sas").write_text(token(azurite, hours=3), encoding="utf-8")
    target.requests.clear()
    go(path)
    assert target.count("PUT") == 10 - landed


def test_a_token_that_has_ended_stops_the_copy_and_the_next_run_goes_on(move, azure, source, target):
    """A token of Microsoft Entra is renewed before it ends; this one was revoked."""
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    azure.faults.add(Fault("token_ended", "GET", f"{source.name}/f/5", times=100))
    with pytest.raises(Partial, match="have ended") as caught:
        move.run(workers=1)
    assert caught.value.exit_code == 5
    landed = len(objects(target))
    assert 0 < landed < 10
    azure.faults.clear()
    target.requests.clear()
    assert all(one.ok for one in move.run(workers=1).verified)
    assert target.count("PUT") == 10 - landed


def test_credentials_of_s3_that_end_stop_the_copy_and_the_next_run_goes_on(move, source, target):
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    target.faults.add(Fault("expired", "PUT", "/target/f/5", times=100))
    with pytest.raises(Partial, match="have ended"):
        move.run(workers=1)
    landed = len(objects(target))
    assert 0 < landed < 10
    target.faults.clear()
    target.requests.clear()
    assert all(one.ok for one in move.run(workers=1).verified)
    assert target.count("PUT") == 10 - landed


def test_credentials_of_s3_that_end_during_the_copy_are_read_anew(move, source, target):
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    fault = target.faults.add(Fault("expired", "PUT", "/target/f/5"))

    def renew() -> None:
        """New keys are in the file before the old ones are refused."""
        (move.folder / "aws_id").write_text("renewed", encoding="utf-8")
        target.keys["renewed"] = target.keys["testing"]

    path = move.write(workers=1)
    with meanwhile(target, renew):
        go(path)
    assert fault.times == 0
    assert len(objects(target)) == 10


def test_a_right_that_is_missing_for_one_name_leaves_that_object_only(move, source, target):
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    target.faults.add(Fault("denied", "PUT", "/target/f/5", times=100))
    with pytest.raises(Partial, match="1 of 10 objects"):
        move.run(workers=1)
    assert len(objects(target)) == 9
    found = next(one for one in move.state().findings.values() if one.code == "not-copied")
    assert found.object == f"{source.name}/f/5"
    assert "AccessDenied" in found.text
    target.faults.clear()
    assert len(move.run(workers=1).verified) > 0
    assert len(objects(target)) == 10


def test_a_right_on_the_source_that_is_missing_for_one_name_leaves_that_object_only(move, azure, source, target):
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    azure.faults.add(Fault("denied", "GET", f"{source.name}/f/5", times=100))
    with pytest.raises(Partial, match="1 of 10 objects") as caught:
        move.run(workers=1)
    assert caught.value.exit_code == 5
    assert len(objects(target)) == 9
    found = next(one for one in move.state().findings.values() if one.code == "not-copied")
    assert (found.object, found.severity) == (f"{source.name}/f/5", "error")
    assert "AuthorizationPermissionMismatch" in found.text


@pytest.mark.parametrize("where", ["comp=list", "/f/"])
def test_a_right_on_the_source_that_is_missing_for_all_is_refused_with_what_is_needed(
    move, azure, source, target, where
):
    for number in range(10):
        source.put(f"f/{number}", content(100, number))
    azure.faults.add(Fault("denied", "GET", where, times=1000))
    with pytest.raises(Refused, match="lack a right on the source") as caught:
        move.run(workers=1)
    assert caught.value.exit_code == 2
    assert "Storage Blob Data Reader" in caught.value.hint
    assert objects(target) == {}


def test_a_blob_that_never_keeps_still_is_left_and_the_rest_goes_on(move, azure, source, target):
    source.put("restless", content(100))
    source.put("large", content(11 << 20))
    source.put("still", content(50))
    for name in ("restless", "large"):
        azure.faults.add(Fault("changed", "GET", f"{source.name}/{name}", times=1000))
    with pytest.raises(Partial, match="2 of 3 objects") as caught:
        move.run(part_mib=5)
    assert caught.value.exit_code == 5
    assert set(objects(target)) == {"still"}
    left = {one.object for one in move.state().findings.values() if one.code == "not-copied"}
    assert left == {f"{source.name}/restless", f"{source.name}/large"}
    assert target.store.buckets["target"].uploads == {}
    azure.faults.clear()
    assert all(one.ok for one in move.run(part_mib=5).verified)
    assert len(objects(target)) == 3


@pytest.mark.parametrize(
    ("kind", "words", "hint"),
    [("denied", "another account", "s3:ListBucket"), ("elsewhere", "another region", "aws.region")],
)
def test_a_bucket_of_others_is_named_and_no_object_is_tried(move, source, target, kind, words, hint):
    source.put("a", b"1")
    target.faults.add(Fault(kind, "GET", "/target", times=100))
    with pytest.raises(Refused, match=words) as caught:
        move.run()
    assert hint in caught.value.hint
    assert target.count("PUT") == 0


def test_a_right_that_is_missing_for_all_stops_at_once(move, source, target):
    for number in range(30):
        source.put(f"f/{number}", content(100, number))
    target.faults.add(Fault("denied", "PUT", "/target", times=1000))
    with pytest.raises(Refused, match="lack a right"):
        move.run(workers=2)
    assert target.count("PUT") <= 4
    assert objects(target) == {}


def test_a_blob_that_is_deleted_during_the_copy_is_counted_and_the_rest_goes_on(move, source, target):
    source.put("first", content(500))
    source.put("later", content(100))
    pause = target.faults.add(Fault("pause", "PUT", "/target/first"))

    def delete() -> None:
        assert pause.reached.wait(30)
        source.client.delete_blob("later")
        pause.release.set()

    thread = threading.Thread(target=delete)
    thread.start()
    ran = move.run(workers=1)
    thread.join()
    assert set(objects(target)) == {"first"}
    assert "gone" in ran.codes()


def test_names_that_collide_after_a_rename_are_left_and_the_rest_goes_on(move, source, target, tmp_path):
    for name in ("a", "b", "c", "d", "e"):
        source.put(name, name.encode())
    renames = tmp_path / "renames.csv"
    renames.write_text("name,key\na,e\nb,x\nc,x\nd,y\n", encoding="utf-8")
    ran = move.run(renames=str(renames))
    assert {key: item.data for key, item in objects(target).items()} == {"e": b"e", "y": b"d"}
    left = {one.object for one in ran.findings if one.code == "left-collision"}
    assert left == {f"{source.name}/{name}" for name in "abc"}
    assert all(one.severity == "error" for one in ran.findings if one.code == "left-collision")
    assert all(one.ok for one in ran.verified)
    renames.write_text("name,key\na,1\nb,x\nc,z\nd,y\n", encoding="utf-8")
    move.run(renames=str(renames))
    assert set(objects(target)) == {"e", "y", "1", "x", "z"}


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_no_room_for_the_manifest_is_told_and_the_next_run_goes_on(move, source, target):
    for number in range(150):
        source.put(f"{number:04}" + "n" * 1000, b"1")
    file = move.write()
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, TESTS / "blob_driver.py", file],
        env=os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert limited.returncode == 1, limited.stderr
    assert "cannot be written" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert all(len(item.data) == 1 for item in objects(target).values())
    assert all(one.ok for one in move.run().verified)
    assert len(objects(target)) == 150


def test_a_key_and_a_sas_at_once_are_refused(move):
    path = by_sas(move, "sv=1&sig=2")
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["azure"]["storage"]["key"] = f"file:{move.folder / 'azure'}"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(WkmsError, match="key and sas"):
        run(path)
