"""From MySQL to MariaDB: what has a like there arrives, the rest is told object by object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from endpoints import MysqlPair
from mysql_move import Move, execute, fetch, filled, prepare
from mysql_types import MATRIX, RELAXED

from wkms_migrate import events
from wkms_migrate.errors import Refused, VerificationFailed

pytestmark = pytest.mark.integration

SCHEMA = "to_mariadb"
OTHERWISE = {"-0e0"}  # as tests/integration/test_mysql_floats.py proves of MariaDB's columns
Make = Callable[..., Move]


@pytest.fixture
def pair(mysql_pair: MysqlPair, mariadb_pair: MysqlPair) -> MysqlPair:
    return MysqlPair(source=mysql_pair.source, target=mariadb_pair.target)


@pytest.fixture
def make(pair: MysqlPair, tmp_path: Path) -> Iterator[Make]:
    """Return what fills a schema of the source and makes a move of it."""

    def clean() -> None:
        for end in (pair.source, pair.target):
            execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")

    def made(*statements: str, **options: object) -> Move:
        execute(pair.source, f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", *statements)
        return prepare(pair, tmp_path, **{"schemas": [SCHEMA], "users": False, **options})

    clean()
    yield made
    clean()


def test_every_type_that_mariadb_has_arrives_with_its_values(make, pair):
    statements = [RELAXED]
    for number, (kind, values) in enumerate(MATRIX.items()):
        statements.append(f"CREATE TABLE t{number} (id INT PRIMARY KEY, v {kind})")
        rows = [value for value in values if value not in OTHERWISE]
        rows += [] if "NOT NULL" in kind else ["NULL"]
        statements += [f"INSERT INTO t{number} VALUES ({at}, {value})" for at, value in enumerate(rows)]
    make(*statements).run()
    for number, kind in enumerate(MATRIX):
        query = f"SELECT id, v, LENGTH(v) FROM {SCHEMA}.t{number} ORDER BY id"
        found = fetch(pair.source, query)
        assert found
        assert fetch(pair.target, query) == found, kind


def test_definitions_arrive_in_words_of_mariadb(make, pair):
    state = make(
        "CREATE TABLE p (id INT PRIMARY KEY AUTO_INCREMENT, b VARCHAR(20) DEFAULT 'it''s' COMMENT 'INVISIBLE */',"
        " c VARCHAR(20) COLLATE utf8mb4_bin, d VARCHAR(9) COLLATE utf8mb4_sv_0900_ai_ci, UNIQUE KEY (b))",
        "CREATE TABLE c (id INT PRIMARY KEY, up INT, hidden INT INVISIBLE, j JSON DEFAULT (JSON_ARRAY()),"
        " twice INT AS (up * 2) STORED, at TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),"
        " n DECIMAL(10,2) NOT NULL DEFAULT 1.5, e ENUM('a', 'b''c') DEFAULT 'a', KEY f ((up + 1)),"
        " KEY k (up) INVISIBLE, CONSTRAINT idle CHECK (id > 0) NOT ENFORCED, CONSTRAINT held CHECK (id > -9),"
        " CONSTRAINT fk FOREIGN KEY (up) REFERENCES p (id))",
        "CREATE TABLE parts (id INT, y INT, PRIMARY KEY (id, y DESC)) PARTITION BY RANGE (y)"
        " (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN MAXVALUE)",
        "INSERT INTO p (b) VALUES ('x')",
        "INSERT INTO c (id, up, hidden, j) VALUES (1, 1, 5, JSON_OBJECT('price', CAST(1.10 AS DECIMAL(4,2))))",
        "INSERT INTO parts VALUES (1, 1), (2, 20)",
        "CREATE VIEW v AS SELECT p.id, c.twice FROM p JOIN c ON c.up = p.id WHERE p.b <> '가'",
        "CREATE FUNCTION g(x INT) RETURNS VARCHAR(9) CHARSET utf8mb4 DETERMINISTIC RETURN CONCAT('가', x)",
        "CREATE TRIGGER t BEFORE INSERT ON p FOR EACH ROW SET NEW.b = CONCAT(NEW.b, '!')",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM p WHERE id < 0",
    ).run()
    assert fetch(pair.target, f"SELECT id, twice FROM {SCHEMA}.v") == [("1", "2")]
    assert fetch(pair.target, f"SELECT hidden, j FROM {SCHEMA}.c") == [("5", '{"price": 1.10}')]
    ((shown,),) = [row[1:] for row in fetch(pair.target, f"SHOW CREATE TABLE {SCHEMA}.c")]
    for part in ("`hidden` int(11) INVISIBLE", "KEY `k` (`up`) IGNORED", "CONSTRAINT `fk`", "CONSTRAINT `held`"):
        assert part in shown
    assert "COLLATE=utf8mb4_uca1400_nopad_ai_ci" in shown
    told = {(one.code, one.object): one for one in state.findings.values()}
    lost = told["mysql-no-equal", f"{SCHEMA}.c"]
    assert lost.kind == "lost"
    assert "`f`" in lost.text
    assert "`idle`" in lost.text
    assert "sv_0900_ai_ci to utf8mb4_uca1400_swedish_nopad_ai_ci" in told["mysql-collation", f"{SCHEMA}.p"].text


def test_what_mariadb_refuses_is_named_table_by_table(make, pair):
    move = make(
        "CREATE TABLE fits (id INT PRIMARY KEY)",
        "CREATE TABLE one (id INT PRIMARY KEY, v VECTOR(3))",
        "CREATE TABLE two (id INT PRIMARY KEY, a CHAR(36) DEFAULT (BIN_TO_UUID(UUID_TO_BIN(UUID(), 1), 1)))",
    )
    with pytest.raises(Refused, match="The target refuses 2 tables") as refused:
        move.run()
    assert f"{SCHEMA}.one: " in refused.value.message
    assert f"{SCHEMA}.two: " in refused.value.message
    execute(pair.source, f"DROP TABLE {SCHEMA}.two", f"DROP TABLE {SCHEMA}.one")
    execute(pair.target, f"DROP DATABASE {SCHEMA}")


def test_a_collation_may_be_chosen(make, pair):
    make(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9) COLLATE utf8mb4_0900_ai_ci) COLLATE utf8mb4_bin",
        collations={"utf8mb4_0900_ai_ci": "utf8mb4_unicode_520_ci"},
    ).run()
    where = f"table_schema = '{SCHEMA}' AND collation_name IS NOT NULL"
    query = f"SELECT collation_name FROM information_schema.columns WHERE {where}"
    assert fetch(pair.target, query) == [("utf8mb4_unicode_520_ci",)]


def test_a_key_that_is_sorted_otherwise_keeps_every_row(make, pair):
    """Ranges of one end are not those of the other: what a chunk empties there must never be another chunk's rows."""
    first = "ELT(n % 8 + 1, '-', '_', '~', 'z', '가', 'Ω', '😀', '①')"
    options = {"chunk_mib": 1, "workers": 1, "collations": {"utf8mb4_0900_ai_ci": "utf8mb4_unicode_520_ci"}}
    move = make("CREATE TABLE t (id VARCHAR(40) PRIMARY KEY, v VARCHAR(300))", **options)
    execute(pair.source, f"INSERT INTO {SCHEMA}.t {filled(12_000, f'CONCAT({first}, n), REPEAT(n, 50)')}")
    execute(pair.source, f"ANALYZE TABLE {SCHEMA}.t")
    move.run()
    query = f"SELECT HEX(id), v FROM {SCHEMA}.t ORDER BY 1"
    assert fetch(pair.target, query) == fetch(pair.source, query)


def test_a_negative_zero_is_told_as_the_difference_that_it_is(make):
    move = make(
        "CREATE TABLE t (id INT PRIMARY KEY, d DOUBLE, f FLOAT)", "INSERT INTO t VALUES (1, -0e0, 0), (2, 1, 1)"
    )
    with pytest.raises(VerificationFailed, match=rf"{SCHEMA}\.t: ranges is 1 on the source and 0 on the target"):
        move.run()
    told = [one for one in move.context().state.findings.values() if one.code == "mysql-rows-differ"]
    assert ["id=1: d: -0 ≠ 0" in one.text for one in told] == [True]


def test_a_narrower_column_fails_verification(make, pair):
    def narrow(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "mysql/verify":
            execute(pair.target, f"ALTER TABLE {SCHEMA}.t MODIFY v VARCHAR(8)")

    move = make("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))")
    with pytest.raises(VerificationFailed, match=rf"{SCHEMA}\.t: definition is v \| varchar"):
        move.run(narrow)
