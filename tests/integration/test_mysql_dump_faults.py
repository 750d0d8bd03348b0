"""A dump and its load under attack: killed anywhere, out of space, cut off, in S3 that fails."""

from __future__ import annotations

import json
import resource
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import AwsEndpoint, MysqlPair
from mysql_dump import Halves, prepare
from mysql_kills import kill_half_at
from mysql_move import checksums, execute, fetch, filled

from wkms_migrate import events
from wkms_migrate.errors import Interrupted, Refused, WkmsError
from wkms_migrate.journal import RunState
from wkms_migrate.phases.mysql.dump_store import PART_BYTES

pytestmark = pytest.mark.integration

SCHEMA = "dump_faults"
TABLES = ("big", "names", "keyless")


@pytest.fixture
def filled_source(mysql_pair: MysqlPair) -> Iterator[MysqlPair]:
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")
    execute(
        mysql_pair.source,
        f"CREATE DATABASE {SCHEMA}",
        f"USE {SCHEMA}",
        "CREATE TABLE big (id INT PRIMARY KEY, v TEXT, KEY (v(10)))",
        "INSERT INTO big " + filled(12000, "n, REPEAT('가', 100)"),
        "CREATE TABLE names (name VARCHAR(40) PRIMARY KEY, v TEXT)",
        "INSERT INTO names " + filled(9000, "CONCAT('이름', n), REPEAT('나', 100)"),
        "SET SESSION sql_generate_invisible_primary_key = OFF",
        "CREATE TABLE keyless (a INT, b TEXT, FULLTEXT KEY (b))",
        "INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, NULL)",
        "CREATE VIEW v AS SELECT COUNT(*) AS n FROM big",
        "ANALYZE TABLE big, names, keyless",
    )
    yield mysql_pair
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")


@pytest.fixture
def halves(filled_source: MysqlPair, tmp_path: Path) -> Halves:
    return prepare(filled_source, tmp_path, schemas=[SCHEMA], chunk_mib=1)


@pytest.fixture
def strict_s3() -> Iterator[StrictS3]:
    with StrictS3() as double:
        double.bucket("dumps")
        yield double


def in_strict_s3(pair: MysqlPair, folder: Path, double: StrictS3) -> Halves:
    end = AwsEndpoint(endpoint_url=double.endpoint)
    return prepare(pair, folder, place="s3://dumps/야간/2025", s3=end, schemas=[SCHEMA], chunk_mib=1)


def is_done(halves: Halves) -> bool:
    """Say whether the dump was whole when its process died: it is of that moment, and is not made again."""
    known = halves.state("dump-source").steps.get("mysql-dump/dump")
    return known is not None and known.status == "done"


def assert_exact(pair: MysqlPair) -> None:
    assert checksums(pair.target, SCHEMA) == checksums(pair.source, SCHEMA)
    for table in TABLES:
        shown = f"SHOW CREATE TABLE {SCHEMA}.{table}"
        assert fetch(pair.target, shown) == fetch(pair.source, shown)
    assert fetch(pair.target, f"SELECT * FROM {SCHEMA}.v") == fetch(pair.source, f"SELECT * FROM {SCHEMA}.v")


def counted(written: list[str]) -> Callable[[events.Event], None]:
    def watch(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and event.key.endswith(".zst"):
            written.append(event.key)

    return watch


def test_a_dump_killed_again_and_again_ends_exact(halves, filled_source):
    """Rows change between the attempts: no file of an earlier moment may stay in the dump."""
    deaths = 0
    while kill_half_at(halves, "dump", 3 + 2 * deaths):
        deaths += 1
        if is_done(halves):
            continue
        execute(
            filled_source.source,
            f"UPDATE {SCHEMA}.big SET v = 'changed {deaths}' WHERE id = {deaths * 700}",
            f"DELETE FROM {SCHEMA}.names WHERE name = '이름{deaths * 70}'",
            f"INSERT INTO {SCHEMA}.keyless VALUES ({deaths}, 'new')",
        )
    assert deaths >= 5
    halves.load()
    assert_exact(filled_source)


def test_a_load_killed_again_and_again_ends_exact(halves, filled_source):
    halves.dump()
    deaths = 0
    while kill_half_at(halves, "load", 4 + 2 * deaths):
        deaths += 1
    assert deaths >= 5
    assert_exact(filled_source)


def test_what_was_dumped_and_still_holds_is_not_dumped_again(halves, filled_source):
    stopped_at: list[str] = []

    def stop(event: events.Event) -> None:
        counted(stopped_at)(event)
        if len(stopped_at) == 3:
            raise Interrupted("enough")

    with pytest.raises(Interrupted):
        halves.dump(stop)
    files = {path: path.stat().st_mtime_ns for path in Path(halves.place).rglob("*.zst")}
    execute(filled_source.source, f"UPDATE {SCHEMA}.big SET v = 'changed' WHERE id = 1")
    halves.dump()
    again = {path.name for path, at in files.items() if path.stat().st_mtime_ns != at}
    assert len(files) - len(again) >= 1
    manifest = json.loads((Path(halves.place) / "manifest.json").read_text(encoding="utf-8"))
    assert {table["name"] for table in manifest["tables"]} == set(TABLES)
    halves.load()
    assert_exact(filled_source)


def test_a_kept_file_that_was_damaged_meanwhile_is_dumped_again(halves, filled_source):
    seen: list[str] = []

    def stop(event: events.Event) -> None:
        counted(seen)(event)
        if len(seen) == 4:
            raise Interrupted("enough")

    with pytest.raises(Interrupted):
        halves.dump(stop)
    file = Path(halves.place) / seen[0]
    whole = file.read_bytes()
    file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    halves.dump()
    halves.load()
    assert_exact(filled_source)


def test_a_full_disk_is_told_and_the_dump_goes_on_after_it(halves, filled_source):
    """A limit on the size of files stands in for a small disk: it fails in the same call."""
    execute(filled_source.source, f"UPDATE {SCHEMA}.big SET v = HEX(RANDOM_BYTES(100))")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The journal of this run grows to less than that, and a chunk of random text does not.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(WkmsError, match=r"rows/.*\.zst cannot be written: File too large") as told:
            halves.dump()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "Free space" in told.value.hint
    with pytest.raises(Refused, match="not complete"):
        halves.load()
    halves.dump()
    halves.load()
    assert_exact(filled_source)


def test_a_definition_that_changes_meanwhile_is_told(halves, filled_source):
    def change(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and "keyless" in event.key and event.key.endswith(".zst"):
            execute(filled_source.source, f"CREATE OR REPLACE VIEW {SCHEMA}.v AS SELECT 1 AS n")

    with pytest.raises(WkmsError, match=f"Definitions changed while they were dumped: view {SCHEMA}.v"):
        halves.dump(change)
    assert not (Path(halves.place) / "manifest.json").exists()


def test_a_connection_that_dies_during_the_load_is_made_anew(halves, filled_source):
    halves.dump()
    state = loaded_while_killing(halves, filled_source)
    assert state.steps["mysql-load/verify"].status == "done"
    assert_exact(filled_source)


def loaded_while_killing(halves: Halves, pair: MysqlPair) -> RunState:
    killed_once: list[int] = []

    def kill(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and not killed_once:
            threads = fetch(
                pair.target,
                f"SELECT id FROM information_schema.processlist WHERE user = '{pair.target.user}'",
            )
            if len(threads) == 1:
                return  # the others are not there yet
            killed_once.append(len(threads))
            execute(pair.target, *(f"KILL {thread}" for (thread,) in threads))

    state = halves.load(kill)
    assert killed_once
    return state


def test_through_s3_that_is_strict(filled_source, tmp_path, strict_s3):
    halves = in_strict_s3(filled_source, tmp_path, strict_s3)
    halves.dump()
    keys = set(strict_s3.store.buckets["dumps"].objects)
    assert "야간/2025/manifest.json" in keys
    assert all(key.startswith("야간/2025/") for key in keys)
    halves.load()
    assert_exact(filled_source)


def test_a_dump_into_s3_is_killed_and_goes_on(filled_source, tmp_path, strict_s3):
    halves = in_strict_s3(filled_source, tmp_path, strict_s3)
    deaths = 0
    while kill_half_at(halves, "dump", 5 + 4 * deaths):
        deaths += 1
        if not is_done(halves):
            execute(filled_source.source, f"UPDATE {SCHEMA}.big SET v = 'changed {deaths}' WHERE id = {deaths * 700}")
    assert deaths >= 3
    halves.load()
    assert_exact(filled_source)


def test_s3_that_fails_now_and_then(filled_source, tmp_path, strict_s3):
    halves = in_strict_s3(filled_source, tmp_path, strict_s3)
    strict_s3.faults.add(Fault("unavailable", "PUT", ".zst", times=3, every=2))
    strict_s3.faults.add(Fault("damage_in", "PUT", ".zst", times=1, every=3))
    halves.dump()
    strict_s3.faults.add(Fault("reset", "GET", ".zst", times=2, every=2))
    strict_s3.faults.add(Fault("truncate", "GET", ".zst", times=2, every=3))
    halves.load()
    assert_exact(filled_source)


def test_a_file_that_s3_gives_back_damaged_is_refused(filled_source, tmp_path, strict_s3):
    halves = in_strict_s3(filled_source, tmp_path, strict_s3)
    halves.dump()
    strict_s3.faults.add(Fault("damage_out", "GET", ".zst", times=1))
    with pytest.raises(WkmsError, match="is not the file that the manifest names"):
        halves.load()
    halves.load()
    assert_exact(filled_source)


def test_a_file_of_many_parts_in_s3(filled_source, tmp_path, strict_s3):
    execute(
        filled_source.source,
        f"CREATE TABLE {SCHEMA}.blobs (id INT PRIMARY KEY, v BLOB)",
        f"INSERT INTO {SCHEMA}.blobs " + filled(20_000, "n, RANDOM_BYTES(1000)"),
    )
    halves = in_strict_s3(filled_source, tmp_path, strict_s3)
    halves.dump(chunk_mib=1024)
    stored = strict_s3.store.buckets["dumps"]
    assert max(len(one.data) for one in stored.objects.values()) > 2 * PART_BYTES
    halves.load(chunk_mib=1024)
    assert checksums(filled_source.target, SCHEMA) == checksums(filled_source.source, SCHEMA)


def test_through_moto(filled_source, tmp_path, moto_server):
    bucket = f"b{uuid.uuid4().hex[:12]}"
    client = boto3.client(
        "s3",
        endpoint_url=moto_server.endpoint_url,
        region_name=moto_server.region,
        aws_access_key_id=moto_server.access_key_id,
        aws_secret_access_key=moto_server.secret_access_key,
    )
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": moto_server.region})
    halves = prepare(filled_source, tmp_path, place=f"s3://{bucket}", s3=moto_server, schemas=[SCHEMA], chunk_mib=1)
    halves.dump()
    halves.load()
    assert_exact(filled_source)
    other = Halves(halves.file, "s3://no-such-bucket-here/x")
    with pytest.raises(Refused, match="cannot be used"):
        other.dump(chunk_mib=2)
