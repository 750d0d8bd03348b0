"""The lab as a whole: up, status, down, reset, remove, and what a dead AWS means. Its VM is in test_deploy.py."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pymysql
import pytest
import yaml
from azure.storage.blob import BlobServiceClient
from external import need

from wkms_migrate import config, phases
from wkms_migrate.lab import lab

pytestmark = pytest.mark.integration

NO_VM = "this test goes without a VM"
NAMES = ["azurite", "cosmos", "moto", "mysql-source", "mysql-target"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A lab of its own, and what it said."""

    path: Path
    said: list[str]

    def up(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in lab.up(self.said.append, self.path)}

    def overlay(self) -> dict[str, Any]:
        return dict(yaml.safe_load((self.path / "endpoints.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    need("node")
    patch = pytest.MonkeyPatch()
    patch.setattr(lab.deploy_overlay, "up", lambda *_: {"unavailable": NO_VM})
    patch.setattr(lab.vm, "stop", lambda _: False)
    patch.setattr(lab.vm, "remove", lambda _: None)
    made = Trial(tmp_path_factory.mktemp("lab") / ".lab", [])
    yield made
    lab.down(made.said.append, made.path)
    patch.undo()


def test_up_starts_everything_and_writes_a_configuration_that_loads(trial: Trial, tmp_path: Path) -> None:
    assert sorted(trial.up()) == NAMES
    file = tmp_path / "lab.yaml"
    file.write_text(f"environment: lab\noverlay: {trial.path / 'endpoints.yaml'}\n", encoding="utf-8")
    settings = config.load(file, {phase.name: phase.settings for phase in phases.load()})
    assert settings.phases.deploy.unavailable == NO_VM
    assert settings.run_name.startswith("lab-2")
    assert all(reference.reveal() for reference in settings.secrets().values())
    storage = settings.azure.storage
    with BlobServiceClient(storage.blob_endpoint, credential=storage.key.reveal()) as blobs:
        assert list(blobs.list_containers()) == []


def test_up_again_changes_nothing(trial: Trial) -> None:
    before, run = trial.up(), trial.overlay()["run"]
    trial.said.clear()
    assert trial.up() == before
    assert trial.overlay()["run"] == run
    assert trial.said == [f"No VM, so the deploy phase will be skipped: {NO_VM}"]


def test_secrets_are_for_their_owner_only(trial: Trial) -> None:
    trial.up()
    files = [*(trial.path / "secrets").iterdir(), trial.path / "tls" / "server-key.pem"]
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    argv = b"".join(Path(f"/proc/{row['pid']}/cmdline").read_bytes() for row in lab.status(trial.path))
    assert not [file.name for file in files if file.read_bytes().strip() in argv]


def test_when_aws_has_died_the_target_begins_anew_and_the_source_is_kept(trial: Trial) -> None:
    rows, overlay = trial.up(), trial.overlay()
    _fill(overlay)
    _kill(rows["moto"]["pid"])
    trial.said.clear()
    trial.up()
    after = trial.overlay()
    assert after["run"] != overlay["run"]
    assert after["phases"]["provision"]["state_dir"] != overlay["phases"]["provision"]["state_dir"]
    assert any(f"an empty target begins, as run {after['run']}" in line for line in trial.said)
    assert _contents(after) == {"source": ["kept"], "target": [], "buckets": [], "containers": ["kept"]}


def test_down_ends_every_process_and_up_finds_the_source_again(trial: Trial) -> None:
    rows = trial.up()
    if "kept" not in _schemas(trial.overlay()["azure"]["mysql"]):
        _fill(trial.overlay())
    lab.down(trial.said.append, trial.path)
    assert [row for row in rows.values() if Path(f"/proc/{row['pid']}").exists()] == []
    assert lab.status(trial.path) == []
    trial.up()
    found = _contents(trial.overlay())
    assert (found["source"], found["containers"]) == (["kept"], ["kept"])


def test_a_dead_database_comes_back_with_its_data_and_the_same_run(trial: Trial) -> None:
    rows, overlay = trial.up(), trial.overlay()
    with _login(overlay["aws"]["mysql"]) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS survivor")
    _kill(rows["mysql-target"]["pid"])
    trial.up()
    assert trial.overlay()["run"] == overlay["run"]
    assert "survivor" in _schemas(trial.overlay()["aws"]["mysql"])


def test_reset_empties_both_sides(trial: Trial) -> None:
    trial.up()
    _fill(trial.overlay())
    run = trial.overlay()["run"]
    assert sorted(row["name"] for row in lab.reset(trial.said.append, trial.path)) == NAMES
    assert trial.overlay()["run"] != run
    assert _contents(trial.overlay()) == {"source": [], "target": [], "buckets": [], "containers": []}


def test_remove_leaves_no_process_and_no_file(trial: Trial) -> None:
    rows = trial.up()
    lab.remove(trial.said.append, trial.path)
    assert [row for row in rows.values() if Path(f"/proc/{row['pid']}").exists()] == []
    assert not trial.path.exists()
    lab.remove(trial.said.append, trial.path)


def _fill(overlay: dict[str, Any]) -> None:
    for server in (overlay["azure"]["mysql"], overlay["aws"]["mysql"]):
        with _login(server) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS kept")
    _s3(overlay).create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    with _blobs(overlay) as blobs:
        if "kept" not in [container.name for container in blobs.list_containers()]:
            blobs.create_container("kept")


def _contents(overlay: dict[str, Any]) -> dict[str, list[str]]:
    with _blobs(overlay) as blobs:
        containers = [str(container.name) for container in blobs.list_containers()]
    return {
        "source": _schemas(overlay["azure"]["mysql"]),
        "target": _schemas(overlay["aws"]["mysql"]),
        "buckets": [bucket["Name"] for bucket in _s3(overlay).list_buckets()["Buckets"]],
        "containers": containers,
    }


def _schemas(server: dict[str, Any]) -> list[str]:
    with _login(server) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        own = {"information_schema", "mysql", "performance_schema", "sys"}
        return sorted({str(name) for (name,) in cursor.fetchall()} - own)


def _login(server: dict[str, Any]) -> pymysql.Connection:
    return pymysql.connect(
        host=server["host"],
        port=server["port"],
        user=server["user"],
        password=_revealed(server["password"]),
        ssl={"ca": server["ca"]},
    )


def _s3(overlay: dict[str, Any]) -> Any:
    aws = overlay["aws"]
    return boto3.client(
        "s3",
        endpoint_url=aws["endpoint_url"],
        region_name="ap-northeast-2",
        aws_access_key_id=_revealed(aws["access_key_id"]),
        aws_secret_access_key=_revealed(aws["secret_access_key"]),
    )


def _blobs(overlay: dict[str, Any]) -> BlobServiceClient:
    storage = overlay["azure"]["storage"]
    return BlobServiceClient(storage["blob_endpoint"], credential=_revealed(storage["key"]))


def _revealed(reference: str) -> str:
    return Path(reference.removeprefix("file:")).read_text(encoding="ascii")


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
