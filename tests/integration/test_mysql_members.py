"""ENUM and SET by the number of the member: '' as a member, '' as a wrong value, and names that are numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import mysql
from endpoints import MysqlPair
from mysql_dump import prepare as prepare_halves
from mysql_move import execute, fetch, prepare

pytestmark = pytest.mark.integration

SCHEMA = "member_case"
# The number 3 is the name of another member; numbers 0 and 2 read alike.
ENUM = "ENUM('a','','4','3')"
SET = "SET('x','','2')"


@pytest.fixture(params=["mysql", "mysql to mariadb"])
def pair(request: pytest.FixtureRequest, mysql_pair: MysqlPair, mariadb_pair: MysqlPair) -> Iterator[MysqlPair]:
    target = mysql_pair.target if request.param == "mysql" else mariadb_pair.target
    yield MysqlPair(source=mysql_pair.source, target=target)
    for end in (mysql_pair.source, target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")


@pytest.fixture
def filled(pair: MysqlPair) -> MysqlPair:
    for end in (pair.source, pair.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")
    columns = f"id INT PRIMARY KEY AUTO_INCREMENT, e {ENUM}, s {SET}, plain ENUM('p','q')"
    execute(
        pair.source,
        f"CREATE DATABASE {SCHEMA}",
        f"USE {SCHEMA}",
        "SET SESSION sql_mode = ''",
        f"CREATE TABLE t ({columns})",
        f"CREATE TABLE wide ({columns}, filler TEXT)",
        f"CREATE TABLE keyless (e {ENUM}, s {SET})",
        "INSERT INTO t (e, s, plain) VALUES ('wrong', 0, 'wrong'), (1, 1, 1), (2, 2, 2), (3, 3, NULL), (4, 4, 1),"
        " (NULL, NULL, NULL), ('3', 7, 'q')",
        "INSERT INTO wide (e, s, plain, filler) SELECT e, s, plain, REPEAT('x', 2000) FROM t",
        "INSERT INTO keyless SELECT e + 0, s + 0 FROM t WHERE id > 1",
        "ANALYZE TABLE wide",
    )
    return pair


def members(end: object, table: str) -> list[tuple[str, ...]]:
    return sorted(fetch(end, f"SELECT CONCAT(e + 0), CONCAT(s + 0), e, s FROM {SCHEMA}.{table}"), key=repr)


def assert_exact(pair: MysqlPair) -> None:
    for table in ("t", "wide", "keyless"):
        assert [row[:2] for row in members(pair.target, table)] == [row[:2] for row in members(pair.source, table)]
    assert {row[0] for row in members(pair.source, "t")} == {"0", "1", "2", "3", "4", None}


def test_members_arrive_by_their_numbers(filled: MysqlPair, tmp_path: Path):
    state = prepare(filled, tmp_path, schemas=[SCHEMA], users=False).run()
    assert_exact(filled)
    assert all(one.ok for one in state.verified.values())


def test_members_come_back_from_a_dump(filled: MysqlPair, tmp_path: Path):
    halves = prepare_halves(filled, tmp_path, schemas=[SCHEMA], users=False)
    halves.dump()
    state = halves.load()
    assert_exact(filled)
    assert all(one.ok for one in state.verified.values())


def test_two_members_that_read_alike_are_told_apart_and_repaired(filled: MysqlPair, tmp_path: Path):
    move = prepare(filled, tmp_path, schemas=[SCHEMA], users=False)
    move.run()
    execute(filled.target, "SET SESSION sql_mode = ''", f"UPDATE {SCHEMA}.t SET e = 'wrong', s = 0 WHERE id = 3")
    ended = mysql(move.file, "verify")
    assert ended.code == 3
    (found,) = [one for one in ended.data["tables"] if one["rows"]]
    assert [(row["row"], [cell["column"] for cell in row["cells"]]) for row in found["rows"]] == [("id=3", ["e", "s"])]
    assert mysql(move.file, "repair", "--yes").code == 0
    assert_exact(filled)
