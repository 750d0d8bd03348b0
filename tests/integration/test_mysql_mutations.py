"""A thousand small differences of every kind, each found by row and column, and all gone after one repair."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from commands import mysql
from endpoints import MysqlPair
from mysql_move import checksums, execute, prepare

pytestmark = pytest.mark.integration

SCHEMA = "mutations"
SETUP = (
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'",
    "SET SESSION sql_generate_invisible_primary_key = OFF, foreign_key_checks = 0, unique_checks = 0",
    "SET NAMES utf8mb4",
)
ROWS = 2400

# type -> two values that are as near as can be
NEAR = {
    "TINYINT": [("-128", "-127"), ("0", "NULL")],
    "INT UNSIGNED": [("4294967295", "4294967294"), ("0", "NULL"), ("1", "11")],
    "BIGINT": [("-9223372036854775808", "-9223372036854775807")],
    "BIGINT UNSIGNED": [("18446744073709551615", "18446744073709551614"), ("9007199254740993", "9007199254740992")],
    "DECIMAL(65,30)": [("0.000000000000000000000000000001", "0"), ("-0.1", "0.1")],
    "FLOAT": [
        ("16777216", "16777218"), ("0.1e0", "0.10000000894069672e0"), ("-0e0", "0e0"), ("0e0", "1.401298464e-45"),
    ],
    "DOUBLE": [("0.1e0", "0.10000000000000002e0"), ("-0e0", "0e0"), ("1e22", "1.0000000000000002e22")],
    "BIT(64)": [("18446744073709551615", "18446744073709551614"), ("b'0'", "b'1'")],
    "DATE": [("'0000-00-00'", "NULL"), ("'2024-01-00'", "'2024-01-01'"), ("'2023-02-31'", "'2023-03-03'")],
    "DATETIME(6)": [("'2024-02-29 23:59:59.999999'", "'2024-02-29 23:59:59.999998'")],
    "TIMESTAMP(6) NULL": [("'1970-01-01 00:00:01.000001'", "'1970-01-01 00:00:01'"), ("'0000-00-00'", "NULL")],
    "TIME(6)": [("'-00:00:00.000001'", "'00:00:00.000001'"), ("'838:59:59'", "'838:59:58.999999'")],
    "YEAR": [("0", "2000"), ("1901", "NULL")],
    "CHAR(10)": [("'a'", "'A'"), ("''", "NULL"), ("'é'", "'e'")],
    "VARCHAR(50)": [
        ("'a'", "'a '"), ("'a'", "'A'"), ("''", "NULL"), ("'NULL'", "NULL"), ("'~'", "NULL"), ("'ß'", "'ss'"),
        ("'é'", "'e\u0301'"), ("'😀'", "'😁'"), ("'1'", "'1;1:'"), ("'\\0'", "''"), ("'a;~'", "'a;'"), ("'ㅏ'", "'ᅡ'"),
    ],
    "VARCHAR(20) CHARACTER SET latin1": [("_latin1 x'e9'", "_latin1 x'e8'"), ("_latin1 x'c3a9'", "_latin1 x'e9'")],
    "BINARY(4)": [("x'01020000'", "x'01020001'"), ("x'01020000'", "x'01020020'"), ("x'20'", "x'00'")],
    "VARBINARY(30)": [("x''", "x'00'"), ("x''", "NULL"), ("x'7e'", "NULL"), ("x'41'", "x'4120'")],
    "TEXT": [("REPEAT('가', 3000)", "CONCAT(REPEAT('가', 2999), '각')"), ("''", "NULL"), ("'a'", "'A'")],
    "LONGTEXT": [("REPEAT('x', 9000)", "REPEAT('x', 8999)"), ("'~'", "NULL")],
    "BLOB": [("REPEAT(x'5c0a', 3000)", "CONCAT(REPEAT(x'5c0a', 2999), x'5c0b')"), ("x'00'", "x''")],
    "ENUM('a','b','~')": [("'a'", "'b'"), ("0", "NULL"), ("'~'", "NULL"), ("0", "'a'")],
    "SET('r','w','x')": [("'r,w'", "'r'"), ("''", "NULL")],
    "JSON": [
        ("'{\"a\": 1}'", "'{\"b\": 1}'"), ("'1'", "'1.0'"), ("'1'", "'\"1\"'"), ("'null'", "NULL"),
        ("'[1,2]'", "'[2,1]'"),
        ("'0.0'", "'-0.0'"), ("'{\"a\": {\"b\": [null]}}'", "'{\"a\": {\"b\": []}}'"), ("'\"a\"'", "'\"A\"'"),
    ],
    "GEOMETRY": [
        ("ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(1 2)', 4326)"),
        ("ST_GeomFromText('POINT(0 0)')", "ST_GeomFromText('POINT(0 -0.0)')"),
        ("ST_GeomFromText('LINESTRING(0 0,1 1)')", "ST_GeomFromText('LINESTRING(1 1,0 0)')"),
    ],
}  # fmt: skip
COLUMNS = [f"c{number}" for number in range(len(NEAR))]
ATTACKS = [
    (("a#b", "c"), ("a", "b#c")),
    (("ab", ""), ("a", "b")),
    (("", "ab"), ("ab", "")),
    (("1:a", "1:b"), ("1:a;1:b", "")),
    (("a;1:b", "c"), ("a", "b;1:c")),
    (("~", "x"), ("x", "~")),
    (("a,b", "c"), ("a", "b,c")),
    (("a\t", "b"), ("a", "\tb")),
]


@dataclass
class Plan:
    """What is done to both ends, what to the target alone, and what a comparison must then say."""

    both: list[str] = field(default_factory=list)
    target: list[str] = field(default_factory=list)
    cells: set[tuple[str, str, str]] = field(default_factory=set)  # table, row, column
    rows: set[tuple[str, str, str]] = field(default_factory=set)  # table, kind, row
    counts: set[tuple[int, int]] = field(default_factory=set)  # of keyless rows


def typed(plan: Plan, chance: random.Random) -> None:
    """600 cells of all types, 60 rows deleted, 60 added, 30 pairs of rows swapped, in one table with a key."""
    definition = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, NEAR, strict=True))
    plan.both.append(f"CREATE TABLE typed (id BIGINT PRIMARY KEY, {definition})")
    rows = [[chance.choice(pairs) for pairs in NEAR.values()] for _ in range(ROWS)]
    for at in range(0, ROWS, 50):
        values = ", ".join(
            f"({3 * number}, {', '.join(one for one, _ in rows[number])})" for number in range(at, at + 50)
        )
        plan.both.append(f"INSERT INTO typed VALUES {values}")
    chosen = chance.sample(range(ROWS), 720)
    for turn, number in enumerate(chosen[:600]):
        column = turn % len(COLUMNS)
        # By way of NULL: the server leaves a row alone when JSON 1 becomes 1.0.
        plan.target.append(f"UPDATE typed SET {COLUMNS[column]} = NULL WHERE id = {3 * number}")
        plan.target.append(f"UPDATE typed SET {COLUMNS[column]} = {rows[number][column][1]} WHERE id = {3 * number}")
        plan.cells.add(("typed", f"id={3 * number}", COLUMNS[column]))
    for number in chosen[600:660]:
        plan.target.append(f"DELETE FROM typed WHERE id = {3 * number}")
        plan.rows.add(("typed", "missing", f"id={3 * number}"))
    for _ in range(60):
        added = chance.randrange(-1000, 3 * ROWS + 1000) * 3 + 1
        plan.target.append(f"INSERT INTO typed (id) VALUES ({added})")
        plan.rows.add(("typed", "extra", f"id={added}"))
    for one, other in zip(chosen[660:690], chosen[690:720], strict=True):
        for move in ((one, -9), (other, one), (-9, other)):
            plan.target.append(f"UPDATE typed SET id = {3 * move[1]} WHERE id = {3 * move[0]}")
        plan.cells |= {
            ("typed", f"id={3 * number}", COLUMNS[column])
            for number in (one, other)
            for column in range(len(COLUMNS))
            if rows[one][column][0] != rows[other][column][0]
        }


def separated(plan: Plan) -> None:
    """80 rows whose two texts are cut elsewhere, and 40 whose cells are swapped."""
    plan.both.append("CREATE TABLE separated (id INT PRIMARY KEY, a VARCHAR(40), b VARCHAR(40))")
    for number in range(120):
        before, after = ATTACKS[number % len(ATTACKS)] if number < 80 else ((f"x{number}", "y"), ("y", f"x{number}"))
        plan.both.append(f"INSERT INTO separated VALUES ({number}, '{before[0]}', '{before[1]}')")
        plan.target.append(f"UPDATE separated SET a = '{after[0]}', b = '{after[1]}' WHERE id = {number}")
        plan.cells |= {("separated", f"id={number}", column) for column in "ab"}


def collated(plan: Plan) -> None:
    """40 keys whose case changes under a collation that does not see it, 20 whose trailing blanks do."""
    plan.both.append("CREATE TABLE collated (k VARCHAR(20), n INT, v INT, PRIMARY KEY (k, n))")
    for number in range(200):
        plan.both.append(f"INSERT INTO collated VALUES ('key{number:03}', {number % 3}, {number})")
    for number in range(60):
        old, new = f"key{3 * number:03}", f"Key{3 * number:03}" if number < 40 else f"key{3 * number:03} "
        plan.target.append(f"UPDATE collated SET k = '{new}' WHERE k = '{old}'")
        plan.rows.add(("collated", "missing", f"k='{old}', n=0"))
        plan.rows.add(("collated", "extra", f"k='{new}', n=0"))


def keyless(plan: Plan) -> None:
    """Duplicates that cancel under XOR, 40 rows once more, 40 rows once less, 60 with one cell changed."""
    plan.both.append("CREATE TABLE keyless (a INT, b VARCHAR(20), j JSON, f FLOAT)")
    for number in range(200):
        plan.both.append(f"INSERT INTO keyless VALUES ({number}, 'x', '{{}}', 0.1), ({number}, 'x', '{{}}', 0.1)")
    for number in range(40):
        plan.target.append(f"DELETE FROM keyless WHERE a = {number} LIMIT 1")
        plan.target.append(f"INSERT INTO keyless VALUES ({40 + number}, 'x', '{{}}', 0.1)")
    for number in range(80, 140):
        change = ("b = 'X'", "j = '[]'", "f = 0.10000000894069672e0")[number % 3]
        plan.target.append(f"UPDATE keyless SET {change} WHERE a = {number} LIMIT 1")
    plan.target.append("UPDATE keyless SET a = 900 WHERE a = 199")  # two equal rows become two others
    plan.counts = {(2, 1), (2, 3), (0, 1), (2, 0), (0, 2)}


@pytest.fixture(scope="module")
def plan() -> Plan:
    made = Plan()
    typed(made, random.Random(20251122))
    separated(made)
    collated(made)
    keyless(made)
    return made


@pytest.fixture
def ends(mysql_pair: MysqlPair, plan: Plan) -> Iterator[MysqlPair]:
    for end in (mysql_pair.source, mysql_pair.target):
        execute(
            end, *SETUP, f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", *plan.both
        )
        execute(end, f"ANALYZE TABLE {SCHEMA}.typed")
    assert checksums(mysql_pair.source, SCHEMA) == checksums(mysql_pair.target, SCHEMA)
    execute(mysql_pair.target, *SETUP, f"USE {SCHEMA}", *plan.target)
    yield mysql_pair
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, f"DROP DATABASE {SCHEMA}")


def test_a_thousand_mutations_are_found_by_row_and_column_and_repaired_in_one_pass(ends, plan, tmp_path):
    assert 600 + 60 + 60 + 30 + 120 + 60 + 40 + 40 + 60 + 1 >= 1000
    file = prepare(ends, tmp_path, schemas=[SCHEMA], chunk_mib=1).file
    found = mysql(file, "verify", "--limit", "5000")
    assert found.code == 3
    rows = {one["table"].removeprefix(f"{SCHEMA}."): one["rows"] for one in found.data["tables"]}
    keyed = [(table, row) for table in ("typed", "separated", "collated") for row in rows[table]]
    assert {(table, row["row"], cell["column"]) for table, row in keyed for cell in row["cells"]} == plan.cells
    assert {(table, row["kind"], row["row"]) for table, row in keyed if row["kind"] != "different"} == plan.rows
    assert not [cell for _, row in keyed for cell in row["cells"] if cell["source"] == cell["target"]]
    assert {(row["source"], row["target"]) for row in rows["keyless"]} == plan.counts
    assert len(rows["keyless"]) == 40 + 40 + 2 * 60 + 2

    repaired = mysql(file, "repair", "--yes")
    assert repaired.code == 0, repaired.told
    assert checksums(ends.target, SCHEMA) == checksums(ends.source, SCHEMA)
    assert mysql(file, "verify").code == 0
