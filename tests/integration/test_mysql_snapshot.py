"""The snapshot ladder under write load: each rung exact, and each fallen from for its reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from doubles.slow_link import slow_link
from endpoints import MysqlEndpoint, MysqlPair
from mysql_move import execute, fetch, prepare
from mysql_snapshots import seen, taker
from mysql_writers import writing

from wkms_migrate.errors import Refused
from wkms_migrate.phases.mysql import snapshot

pytestmark = pytest.mark.integration

SCHEMA = "snapshot_case"


@pytest.fixture
def source(mysql_pair: MysqlPair) -> Iterator[MysqlEndpoint]:
    yield mysql_pair.source
    execute(mysql_pair.source, f"DROP DATABASE IF EXISTS {SCHEMA}")


@pytest.mark.parametrize(("tries", "method"), [(2000, "double read"), (0, "LOCK TABLES")])
def test_every_snapshot_is_exact(source, tmp_path, tries, method):
    take = taker(source, tmp_path, SCHEMA)
    with writing(source, SCHEMA, pause=0.005) as writers:
        for _ in range(25):
            with take(tries=tries) as taken:
                assert taken.method == method
                assert seen(taken, writers.see) == {writers.at(taken.position)}
    assert len(writers.spans) > 100


@pytest.mark.parametrize(("tries", "method"), [(2000, "equal log positions"), (0, "LOCK TABLES")])
def test_every_snapshot_of_mariadb_is_exact(mariadb_pair, tmp_path, tries, method):
    end = mariadb_pair.source
    take = taker(end, tmp_path, SCHEMA)
    with writing(end, SCHEMA, pause=0.005) as writers:
        for _ in range(25):
            with take(tries=tries) as taken:
                assert taken.method == method
                assert seen(taken, writers.see) == {writers.at(taken.position)}
    execute(end, f"DROP DATABASE {SCHEMA}")
    assert len(writers.spans) > 100


def test_the_position_is_the_servers(source, tmp_path):
    execute(source, f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)")
    row = fetch(source, "SHOW BINARY LOG STATUS")[0]
    with taker(source, tmp_path, SCHEMA)() as taken:
        assert taken.position.to_json() == {
            "server_uuid": fetch(source, "SELECT @@server_uuid")[0][0],
            "gtid_executed": row[4].replace("\n", ""),
            "binlog_file": row[0],
            "binlog_position": int(row[1]),
        }
        assert (taken.method, taken.tries, taken.blocked) == ("double read", 1, 0.0)


@contextmanager
def holding(end: MysqlEndpoint, *statements: str) -> Iterator[None]:
    """Keep a transaction of the owner's open."""
    with end.connect(as_owner=True, autocommit=False, database=SCHEMA) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        yield
        connection.rollback()


def test_a_transaction_that_keeps_a_table_leads_to_the_global_lock(source, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "LOCK_TRIES", 2)
    execute(source, f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)")
    with holding(source, "INSERT INTO t VALUES (1)"), taker(source, tmp_path, SCHEMA)(tries=0) as taken:
        assert taken.method == "global read lock"
        assert seen(taken, lambda session: int(session.value(f"SELECT COUNT(*) FROM {SCHEMA}.t"))) == {0}
    with source.connect(as_owner=True, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {SCHEMA}.t VALUES (2)")  # no lock is left behind


@pytest.fixture
def meek(source: MysqlEndpoint) -> Iterator[MysqlEndpoint]:
    """An account that may read and nothing else: neither the log's status nor any lock."""
    name = "snapshot_meek"
    execute(
        source,
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)",
        f"CREATE USER {name} IDENTIFIED BY '{source.password}'",
        f"GRANT SELECT ON {SCHEMA}.* TO {name}",
    )
    yield replace(source, user=name)
    execute(source, f"DROP USER {name}")


def test_without_any_rung_it_is_refused_with_all_reasons(meek, tmp_path):
    with pytest.raises(Refused) as refused, taker(meek, tmp_path, SCHEMA)():
        pass
    assert "no binary log with GTIDs" in refused.value.message
    assert "LOCK TABLES: not allowed (1044)" in refused.value.message
    assert "global read lock: not allowed (1227)" in refused.value.message
    assert "phases.mysql.inconsistent" in refused.value.hint


def test_inconsistent_is_never_silent(meek, tmp_path):
    with taker(meek, tmp_path, SCHEMA)(inconsistent=True) as taken:
        assert not taken.consistent
        assert taken.position.gtid_executed == ""
        assert seen(taken, lambda session: int(session.value(f"SELECT COUNT(*) FROM {SCHEMA}.t"))) == {0}


def test_many_tables_are_locked_by_more_than_one_session(source, tmp_path):
    before = fetch(source, "SELECT @@GLOBAL.max_allowed_packet")[0][0]
    names = [f"t{number:03}_{'x' * 50}" for number in range(200)]
    execute(source, f"CREATE DATABASE {SCHEMA}", "SET GLOBAL max_allowed_packet = 4096")
    locks = (
        f"SELECT COUNT(DISTINCT owner_thread_id), COUNT(DISTINCT object_name) FROM performance_schema.metadata_locks"
        f" WHERE object_schema = '{SCHEMA}' AND lock_type = 'SHARED_READ_ONLY'"
    )
    held: list[tuple[int, int]] = []
    try:
        execute(source, *(f"CREATE TABLE {SCHEMA}.{name} (id INT PRIMARY KEY)" for name in names))
        original = snapshot._Ladder._open
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                snapshot._Ladder,
                "_open",
                lambda ladder: (held.append(tuple(map(int, fetch(source, locks)[0]))), original(ladder)),
            )
            with taker(source, tmp_path, SCHEMA)(tries=0) as taken:
                assert taken.method == "LOCK TABLES"
    finally:
        execute(source, f"SET GLOBAL max_allowed_packet = {before}")
    sessions, tables = held[0]
    assert tables == len(names)
    assert sessions > 5


@pytest.mark.parametrize("readers", [2, 8])
def test_the_lock_lasts_as_many_round_trips_for_many_sessions_as_for_few(source, tmp_path, readers):
    """Lock, starts and unlock are a round trip each; one by one the starts would be `readers` of them."""
    round_trip = 0.1
    execute(source, f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)")
    with slow_link(source.host, source.port, round_trip) as port:
        far = replace(source, port=port)
        with taker(far, tmp_path, SCHEMA)(tries=0, connections=readers) as taken:
            assert 3 * round_trip <= taken.blocked < 5 * round_trip


def test_the_phase_says_that_rows_are_of_no_single_time(meek, mysql_pair, tmp_path):
    pair = MysqlPair(source=meek, target=mysql_pair.target)
    execute(mysql_pair.target, f"DROP DATABASE IF EXISTS {SCHEMA}")
    wishes = {"schemas": [SCHEMA], "users": False}
    accept = ["source-privilege", "routine-privilege"]
    state = prepare(pair, tmp_path, **wishes, accept=accept, inconsistent=True).run()
    found = [one for one in state.findings.values() if one.code == "mysql-inconsistent"]
    assert {one.severity for one in found} == {"error"}
    assert {one.step for one in found} == {"mysql/data", "mysql/verify/rows"}
    execute(mysql_pair.target, f"DROP DATABASE {SCHEMA}")
