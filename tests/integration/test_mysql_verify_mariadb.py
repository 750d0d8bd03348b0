"""Verification between MySQL and MariaDB, and between two MariaDB servers."""

from __future__ import annotations

import pytest
from commands import mysql
from endpoints import MysqlPair
from mysql_move import execute, prepare

pytestmark = pytest.mark.integration

SCHEMA = "verify_families"
TABLE = """CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, d DOUBLE, n DECIMAL(20,5), b BIT(12), y YEAR,
 ts TIMESTAMP(6) NULL, h TIME(3), e ENUM('a','b'), s SET('x','y'), v VARBINARY(20), txt LONGTEXT, g GEOMETRY, j JSON)
 CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"""
ROWS = """INSERT INTO t VALUES
 (1, 0.1, 0.1, 1.1, b'101', 2024, '2024-02-29 23:59:59.999999', '-00:00:00.001', 'b', 'x,y', x'00ff', '한글😀',
 ST_GeomFromText('POINT(1 2)'), '{"a": 1}'),
 (2, 16777216, 1e22, -0.00001, 0, 1901, NULL, '838:59:59', NULL, '', '', '', NULL, '[1, 2.5, null]')"""
WORDS = "CREATE TABLE words (w VARCHAR(20) PRIMARY KEY) CHARACTER SET utf8mb4 COLLATE {collation}"
TABLES = (
    "SET NAMES utf8mb4",
    f"DROP DATABASE IF EXISTS {SCHEMA}",
    f"CREATE DATABASE {SCHEMA}",
    f"USE {SCHEMA}",
    TABLE,
    ROWS,
    WORDS,
    "INSERT INTO words VALUES ('a'), ('B'), ('é'), ('한')",
)


def fill(end, collation="utf8mb4_general_ci"):
    execute(end, *(statement.replace("{collation}", collation) for statement in TABLES))


def test_two_mariadb_servers_differ_by_row_and_column_and_are_repaired(mariadb_pair, tmp_path):
    for end in (mariadb_pair.source, mariadb_pair.target):
        fill(end)
    file = prepare(mariadb_pair, tmp_path, schemas=[SCHEMA]).file
    assert mysql(file, "diff").code == 0
    execute(
        mariadb_pair.target,
        f"UPDATE {SCHEMA}.t SET d = 0.10000000000000002e0 WHERE id = 1",
        f"DELETE FROM {SCHEMA}.words",
    )
    ended = mysql(file, "verify")
    assert ended.code == 3
    found = {row["row"]: row for one in ended.data["tables"] for row in one["rows"]}
    assert found["id=1"]["cells"] == [{"column": "d", "source": "0.1", "target": "0.10000000000000002"}]
    assert mysql(file, "repair", "--yes").code == 0
    assert mysql(file, "verify").code == 0


def test_a_negative_zero_that_mariadb_does_not_keep_is_a_difference(mysql_pair, mariadb_pair, tmp_path):
    pair = MysqlPair(source=mysql_pair.source, target=mariadb_pair.target)
    for end in (pair.source, pair.target):
        fill(end)
        execute(end, f"UPDATE {SCHEMA}.t SET d = '-0' WHERE id = 2")
    ended = mysql(prepare(pair, tmp_path, schemas=[SCHEMA]).file, "verify")
    assert ended.code == 3
    assert "id=2: d: -0 ≠ 0" in ended.told


def test_mysql_and_mariadb_agree_on_every_type(mysql_pair, mariadb_pair, tmp_path):
    pair = MysqlPair(source=mysql_pair.source, target=mariadb_pair.target)
    fill(pair.source, "utf8mb4_0900_ai_ci")
    fill(pair.target, "utf8mb4_unicode_ci")  # another order of keys: compared without ranges
    file = prepare(pair, tmp_path, schemas=[SCHEMA]).file
    ended = mysql(file, "verify")
    assert ended.code == 0, ended.told
    assert all(not one["columns"]["not_compared"] for one in ended.data["tables"])
    execute(
        pair.target, f"UPDATE {SCHEMA}.t SET j = '{{\"a\": 2}}' WHERE id = 1", f"DELETE FROM {SCHEMA}.words LIMIT 1"
    )
    ended = mysql(file, "verify")
    rows = {one["table"]: one["rows"] for one in ended.data["tables"]}
    assert [cell["column"] for cell in rows[f"{SCHEMA}.t"][0]["cells"]] == ["j"]
    assert [(row["source"], row["target"]) for row in rows[f"{SCHEMA}.words"]] == [(1, 0)]
    assert mysql(file, "repair", "--yes").code == 0
    assert mysql(file, "verify").code == 0


def test_what_cannot_be_compared_is_said(mysql_pair, mariadb_pair, tmp_path):
    pair = MysqlPair(source=mariadb_pair.source, target=mysql_pair.target)
    fill(pair.source)
    fill(pair.target)
    file = prepare(pair, tmp_path, schemas=[SCHEMA]).file
    ended = mysql(file, "verify")
    assert ended.code == 0, ended.told
    (said,) = [reason for one in ended.data["tables"] for reason in one["columns"]["not_compared"]]
    assert said.startswith("j: longtext keeps JSON as it was written")
    assert "but for 1 column that cannot be compared" in ended.told
    execute(pair.target, f"UPDATE {SCHEMA}.t SET f = 1")
    assert mysql(file, "repair", "--yes").code == 2
