"""What commands cost before they do any work, in CPU time: `RUNS=15 pytest tests/bench/bench_cli.py -s`.

Each is a process of its own, from its start to its end, with bytecode on disk and nothing to copy; beside it, in turn,
a bare interpreter, which tells how busy the machine was. Writes build/bench/cli.json, a list of {command, cpu_ms,
bare_ms}.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import blob_driver
import boto3
import mysql_move
import pytest
from azure.storage.blob import BlobServiceClient
from endpoints import AwsEndpoint, MysqlPair, StorageAccount

RUNS = int(os.environ.get("RUNS", "5"))
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "bench" / "cli.json"
WKMS = ("-m", "wkms_migrate")
NOTHING = "nothing"
MOST_MS = 500


def cpu_ms(*words: str, cwd: Path = ROOT) -> float:
    """Run Python with these words; return its CPU time in ms."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measured(*words: str, cwd: Path = ROOT) -> float:
    """Return the least CPU time of several runs of a command, in ms: what the machine does besides only adds."""
    cpu_ms(*WKMS, *words, cwd=cwd)  # writes bytecode, and the templates of reports
    pairs = [(cpu_ms(*WKMS, *words, cwd=cwd), cpu_ms("-c", "pass")) for _ in range(RUNS)]
    ours, bare = (min(column) for column in zip(*pairs, strict=True))
    shown = " ".join(word for word in words if word not in {"--config", str(cwd / "test.yaml")})
    print(f"\n{shown}: {ours:.0f} ms of CPU, bare interpreter {bare:.0f} ms, ratio {ours / bare:.1f}")
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    rest = [row for row in found if row["command"] != shown]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    row = {"command": shown, "cpu_ms": round(ours), "bare_ms": round(bare)}
    RESULTS.write_text(json.dumps([*rest, row], indent=2) + "\n", encoding="utf-8")
    return ours


@pytest.fixture(scope="module")
def empty_container(
    azurite: StorageAccount, moto_server: AwsEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    s3 = boto3.client(
        "s3",
        endpoint_url=moto_server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    s3.create_bucket(Bucket="wkms-nothing")
    credential = {"account_name": azurite.account, "account_key": azurite.key}
    BlobServiceClient(azurite.blob_endpoint, credential=credential).create_container(NOTHING)
    move = blob_driver.Move(
        folder=tmp_path_factory.mktemp("cli") / "blob",
        blob_endpoint=azurite.blob_endpoint,
        account=azurite.account,
        key=azurite.key,
        s3_endpoint=moto_server.endpoint_url,
        containers={NOTHING: "wkms-nothing"},
    )
    return move.write()


def test_help() -> None:
    assert measured("--help") <= 150


@pytest.mark.parametrize("command", ["status", "plan blob", "phase blob --dry-run", "phase blob --redo --yes"])
def test_an_empty_container(empty_container: Path, command: str) -> None:
    assert measured(*command.split(), "--config", str(empty_container), cwd=empty_container.parent) <= MOST_MS


def test_an_empty_schema(mysql_pair: MysqlPair, tmp_path: Path) -> None:
    for end in (mysql_pair.source, mysql_pair.target):
        mysql_move.execute(end, f"CREATE DATABASE {NOTHING}", f"CREATE TABLE {NOTHING}.empty (id BIGINT PRIMARY KEY)")
    file = mysql_move.prepare(mysql_pair, tmp_path, schemas=[NOTHING]).file.rename(tmp_path / "test.yaml")
    assert measured("mysql", "verify", "--config", str(file), cwd=tmp_path) <= MOST_MS
