"""The mysql phase between two real servers with the grants that Azure and RDS give to their administrators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from endpoints import MysqlPair
from mysql_dump import Halves
from mysql_move import Move, checksums, execute, fetch, filled, prepare

from wkms_migrate import events
from wkms_migrate.errors import ConfigError, Refused, TransientError, VerificationFailed, WkmsError
from wkms_migrate.lab import seed

pytestmark = pytest.mark.integration

SCHEMA = "move_case"
OTHER = "move_other"
Make = Callable[..., Move]


@pytest.fixture
def make(mysql_pair: MysqlPair, tmp_path: Path) -> Iterator[Make]:
    """Return what fills the source's schema and makes a move of it."""

    def clean() -> None:
        for end in (mysql_pair.source, mysql_pair.target):
            execute(end, "SET foreign_key_checks = 0", *(f"DROP DATABASE IF EXISTS {name}" for name in (SCHEMA, OTHER)))
            execute(end, "DROP USER IF EXISTS 'kept'@'%', 'gone'@'%'")

    def made(*statements: str, **options: object) -> Move:
        execute(mysql_pair.source, f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", *statements)
        return prepare(mysql_pair, tmp_path, **{"schemas": [SCHEMA], "chunk_mib": 1, **options})

    clean()
    yield made
    clean()


def same(pair: MysqlPair, query: str) -> list[tuple[object, ...]]:
    """Assert that a query gives the same on both ends, and something; return it."""
    source = fetch(pair.source, query)
    assert source
    assert fetch(pair.target, query) == source
    return source


def test_tables_arrive_with_all_that_belongs_to_them(make, mysql_pair):
    make(
        "CREATE TABLE parent (id INT PRIMARY KEY, code VARCHAR(20) COLLATE utf8mb4_bin, UNIQUE KEY (code))",
        "CREATE TABLE `we``ird, (name` (`a b` INT NOT NULL COMMENT 'x, KEY (y) '' \\\\', `수` INT INVISIBLE,"
        " doubled INT AS (`a b` * 2) STORED, KEY `k``1` (`수`), KEY f ((`a b` + 1)), CHECK (`a b` <> 7))",
        "SET SESSION sql_generate_invisible_primary_key = OFF",
        "CREATE TABLE child (id INT NOT NULL AUTO_INCREMENT, parent INT, other INT, KEY counter (id),"
        " KEY (parent), CONSTRAINT fk FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE SET NULL)"
        " AUTO_INCREMENT=77",
        "CREATE TABLE parted (id INT, y INT, PRIMARY KEY (id, y)) PARTITION BY HASH (y) PARTITIONS 3",
        "INSERT INTO parent VALUES (1, 'a'), (2, 'A')",
        "INSERT INTO `we``ird, (name` (`a b`, `수`) VALUES (1, 5), (2, NULL)",
        "INSERT INTO child (parent) VALUES (1), (2), (NULL)",
        "INSERT INTO parted VALUES (1, 1), (2, 2)",
        "CREATE TABLE keyless (a INT, b TEXT, FULLTEXT KEY ft (b) WITH PARSER ngram)",
        "INSERT INTO keyless VALUES (1, '연차 휴가'), (1, '연차 휴가'), (NULL, NULL)",
    ).run()
    for table in ("parent", "we``ird, (name", "child", "parted", "keyless"):
        shown = same(mysql_pair, f"SHOW CREATE TABLE {SCHEMA}.`{table}`")
        assert ("my_row_id" in shown[0][1]) == (table == "we``ird, (name")
    assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)


def test_objects_arrive_and_events_sleep(make, mysql_pair):
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, "CREATE USER IF NOT EXISTS 'kept'@'%'", f"GRANT ALL ON {SCHEMA}.* TO 'kept'@'%'")
    execute(mysql_pair.source, "CREATE USER IF NOT EXISTS 'gone'@'%'")
    state = make(
        "CREATE TABLE t (id INT PRIMARY KEY, fired VARCHAR(20) DEFAULT '')",
        "CREATE DEFINER='kept'@'%' FUNCTION counted() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM t)",
        "CREATE DEFINER='gone'@'%' PROCEDURE p(IN 한글 INT) COMMENT 'it''s' SELECT 한글, 'DEFINER=`x`@`y`'",
        "CREATE VIEW z_base AS SELECT id, counted() AS n FROM t",
        "CREATE VIEW a_top AS SELECT * FROM z_base",
        "CREATE TRIGGER first BEFORE INSERT ON t FOR EACH ROW SET NEW.fired = CONCAT(NEW.fired, '1')",
        "CREATE TRIGGER after_it BEFORE INSERT ON t FOR EACH ROW FOLLOWS first SET NEW.fired = CONCAT(NEW.fired, '2')",
        "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
        """CREATE PROCEDURE ansi() SELECT 'a' || "id" FROM t""",
        "CREATE EVENT daily ON SCHEDULE EVERY 1 DAY ENABLE COMMENT 'ENABLE' DO DELETE FROM t WHERE id < 0",
        "INSERT INTO t (id) VALUES (1), (2)",
        users=False,
    ).run()
    assert same(mysql_pair, f"SELECT * FROM {SCHEMA}.a_top") == [("1", "2"), ("2", "2")]
    same(mysql_pair, f"SELECT * FROM {SCHEMA}.t")
    execute(mysql_pair.target, f"INSERT INTO {SCHEMA}.t (id) VALUES (3)", f"CALL {SCHEMA}.ansi()")
    assert fetch(mysql_pair.target, f"SELECT fired FROM {SCHEMA}.t WHERE id = 3") == [("12",)]
    assert fetch(mysql_pair.target, f"SHOW EVENTS FROM {SCHEMA}")[0][10] == "DISABLED"
    definers = dict(
        fetch(
            mysql_pair.target,
            f"SELECT routine_name, definer FROM information_schema.routines WHERE routine_schema = '{SCHEMA}'",
        )
    )
    assert definers == {"counted": "kept@%", "p": "wkms_admin@%", "ansi": "wkms_admin@%"}
    assert state.outputs("mysql")["events_to_enable"] == [f"event {SCHEMA}.daily"]
    codes = {finding.code for finding in state.findings.values()}
    assert {"mysql-definer", "mysql-event-disabled"} <= codes


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("id INT PRIMARY KEY", "n, REPEAT('가', 100)"),
        ("id BIGINT PRIMARY KEY", "n * n * n - 4000000000, REPEAT('가', 100)"),
        ("id VARCHAR(40) PRIMARY KEY", "CONCAT(ELT(1 + n % 4, 'é', 'E', 'f ', '한'), n), REPEAT('가', 100)"),
        ("id VARBINARY(28) PRIMARY KEY", "UNHEX(SHA2(n, 224)), REPEAT('가', 100)"),
        ("id CHAR(10) CHARACTER SET latin1 PRIMARY KEY", "CONCAT('é', n), REPEAT('가', 100)"),
        ("a INT, id DATETIME(3), PRIMARY KEY (a, id)", "n DIV 5000, NOW(3) + INTERVAL n SECOND, REPEAT('가', 100)"),
        (
            "a VARCHAR(9), b DECIMAL(9,2), c DATE, PRIMARY KEY (a, b DESC, c)",
            "ELT(1 + n % 3, 'a', 'B', 'c'), n DIV 7 / 4, '2024-01-01' + INTERVAL n DAY, REPEAT('가', 100)",
        ),
        ("id ENUM('b','a') , n INT, PRIMARY KEY (id, n)", "ELT(1 + n % 2, 'a', 'b'), n, REPEAT('가', 100)"),
    ],
    ids=["dense", "sparse", "collated", "binary", "latin1", "composite", "descending", "enum"],
)
def test_a_table_is_cut_by_its_key_and_put_together_again(make, mysql_pair, key, values):
    move = make(
        f"CREATE TABLE t ({key}, v TEXT)", f"INSERT INTO t {filled(15000, values)}", f"ANALYZE TABLE {SCHEMA}.t"
    )
    state = move.run()
    assert (state.outputs("mysql")["tables"][f"{SCHEMA}.t"]["chunks"] > 2) == ("ENUM" not in key)
    assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)


def test_json_that_text_cannot_carry_is_told(make, mysql_pair):
    state = make(
        "CREATE TABLE t (id INT PRIMARY KEY, j JSON)",
        "INSERT INTO t VALUES (1, JSON_OBJECT('price', CAST(1.10 AS DECIMAL(4,2)))), (2, '{\"price\": 1.1}')",
    ).run()
    found = [one for one in state.findings.values() if one.code == "mysql-json-number"]
    assert [(one.object, one.kind, one.text[:6]) for one in found] == [(f"{SCHEMA}.t", "converted", "1 row ")]
    assert fetch(mysql_pair.target, f"SELECT j FROM {SCHEMA}.t ORDER BY id") == [('{"price": 1.1}',)] * 2


def test_json_that_text_cannot_carry_is_told_by_column(make):
    exact, loose = "'{\"a\": 1.1}'", "JSON_OBJECT('a', CAST(1.10 AS DECIMAL(4,2)))"
    state = make(
        "CREATE TABLE t (id INT PRIMARY KEY, j JSON, `가, b` JSON, never JSON)",
        f"INSERT INTO t VALUES (1, {loose}, {loose}, '1'), (2, {exact}, {loose}, NULL), (3, NULL, {exact}, '2')",
    ).run()
    (told,) = [one for one in state.findings.values() if one.code == "mysql-json-number"]
    assert told.object == f"{SCHEMA}.t"
    assert told.text.startswith("2 rows hold JSON")
    assert told.text.endswith("By column: j: 1, 가, b: 2.")


def test_a_warning_is_no_failure_when_the_rows_are_exact(make, mysql_pair):
    state = make(
        "CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','b'))",
        "SET SESSION sql_mode = ''",
        "INSERT INTO t VALUES (1, 'not in the list'), (2, 'b')",
    ).run()
    assert "mysql-load-warning" in {one.code for one in state.findings.values()}
    same(mysql_pair, f"SELECT id, e + 0 FROM {SCHEMA}.t")


@pytest.mark.parametrize("narrower", ["VARCHAR(3)", "VARCHAR(20) NOT NULL"])
def test_nothing_is_loaded_that_does_not_fit(make, mysql_pair, narrower):
    move = make(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))",
        "INSERT INTO t VALUES (1, 'a'), (2, '가나다라'), (3, NULL)",
    )

    def narrow(event: events.Event) -> None:
        """Change the target behind the definition check: the first checkpoint of the data step comes after it."""
        if isinstance(event, events.Checkpoint) and event.key.endswith("#bounds"):
            execute(mysql_pair.target, f"ALTER TABLE {SCHEMA}.t MODIFY v {narrower}")

    with pytest.raises(WkmsError, match="rolled back"):
        move.run(narrow)
    assert fetch(mysql_pair.target, f"SELECT COUNT(*) FROM {SCHEMA}.t") == [("0",)]
    assert move.context().state.steps["mysql/data"].status == "failed"


def test_a_table_changed_under_way_is_refused(make, mysql_pair):
    move = make("CREATE TABLE t (id INT PRIMARY KEY)")

    def change(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "mysql/data":
            execute(mysql_pair.source, f"ALTER TABLE {SCHEMA}.t ADD n INT")

    with pytest.raises(Refused, match="another definition"):
        move.run(change)


def test_a_changed_row_on_the_target_fails_verification(make, mysql_pair):
    move = make("CREATE TABLE t (a INT, b INT)", "INSERT INTO t VALUES (1, 1), (1, 1), (2, 2)")

    def swap(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "mysql/verify/rows":
            execute(mysql_pair.target, f"UPDATE {SCHEMA}.t SET a = 3, b = 3 WHERE a = 1")

    with pytest.raises(VerificationFailed, match="digest"):
        move.run(swap)


def test_a_second_run_does_nothing(make):
    move = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    move.run()
    seen: list[events.Event] = []
    move.run(seen.append)
    assert not [event for event in seen if isinstance(event, events.StepStarted)]


def test_a_full_target_is_refused_before_anything_is_written(make, mysql_pair):
    move = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    execute(mysql_pair.target, f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.theirs (id INT)")
    with pytest.raises(Refused, match="target-not-empty"):
        move.run()
    assert fetch(mysql_pair.target, f"SHOW TABLES FROM {SCHEMA}") == [("theirs",)]


def test_append_keeps_what_is_there(make, mysql_pair):
    move = make(
        "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (2, 2), (4, 4)", on_existing="append"
    )
    execute(
        mysql_pair.target,
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)",
        f"INSERT INTO {SCHEMA}.t VALUES (1, 10), (3, 30)",
    )
    move.run()
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.t") == [("1", "10"), ("2", "2"), ("3", "30"), ("4", "4")]


def test_a_chunk_with_a_row_that_the_source_cannot_join_goes_row_by_row(make, mysql_pair):
    move = make("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
    execute(mysql_pair.source, f"INSERT INTO {SCHEMA}.t {filled(60_000, 'n, REPEAT(0xEAB080, n % 9)')}")
    execute(mysql_pair.source, f"UPDATE {SCHEMA}.t SET v = REPEAT('나', 400000) WHERE id = 30000")
    execute(mysql_pair.source, f"ANALYZE TABLE {SCHEMA}.t", "SET GLOBAL max_allowed_packet = 1048576")
    try:
        move.run()
    finally:
        execute(mysql_pair.source, "SET GLOBAL max_allowed_packet = 67108864")
    assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)


def test_json_that_is_written_differently_is_counted(make):
    decimals = ("1.10", "CAST('123456789012345678901234567890' AS DECIMAL(40))", "CAST(-1e19 AS DECIMAL(20))")
    kept = ("18446744073709551615", "CAST(7 AS DECIMAL(5))", "0.5e0", "1e300", "'1.10'", "CAST('2026-01-01' AS DATE)")
    values = [f"({at}, JSON_ARRAY({value}))" for at, value in enumerate((*decimals, *kept))]
    state = make("CREATE TABLE t (id INT PRIMARY KEY, v JSON)", f"INSERT INTO t VALUES {', '.join(values)}").run()
    told = [one.text for one in state.findings.values() if one.code == "mysql-json-number"]
    assert [text.split()[0] for text in told] == [str(len(decimals))]


def test_append_does_not_overwrite(make, mysql_pair):
    move = make("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)", on_existing="append")
    execute(
        mysql_pair.target,
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)",
        f"INSERT INTO {SCHEMA}.t VALUES (1, 10)",
    )
    with pytest.raises(WkmsError, match="1062"):
        move.run()
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.t") == [("1", "10")]


def test_replace_backs_up_first(make, mysql_pair, tmp_path):
    move = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", on_existing="replace")
    execute(
        mysql_pair.target,
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v TEXT)",
        f"INSERT INTO {SCHEMA}.t VALUES (7, 'ta\\tb'), (8, NULL)",
        f"CREATE VIEW {SCHEMA}.theirs AS SELECT 1",
    )
    move.run()
    same(mysql_pair, f"SELECT * FROM {SCHEMA}.t")
    (backup,) = (tmp_path / "runs" / "test" / "backup").iterdir()
    Halves(move.file, str(backup)).load()
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.t") == [("7", "ta\tb"), ("8", None)]
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.theirs") == [("1",)]


def test_orphans_are_moved_and_told(make):
    state = make(
        "CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b))",
        "CREATE TABLE c (id INT PRIMARY KEY, a INT, b INT, CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES p (a, b))",
        "SET SESSION foreign_key_checks = 0",
        "INSERT INTO c VALUES (1, 1, 1), (2, NULL, 1)",
    ).run()
    found = [one for one in state.findings.values() if one.code == "mysql-orphans"]
    assert [one.text[:6] for one in found] == ["1 row "]


def test_preflight_names_every_problem_at_once(make, mysql_pair):
    move = make("CREATE TABLE t (id INT PRIMARY KEY)", schemas=[SCHEMA, "not_there"])
    execute(mysql_pair.target, "SET GLOBAL local_infile = OFF")
    try:
        with pytest.raises(Refused) as refused:
            move.run()
    finally:
        execute(mysql_pair.target, "SET GLOBAL local_infile = ON")
    assert "local-infile" in refused.value.message
    assert "schema-missing not_there" in refused.value.message


def test_a_wrong_password_is_told_without_it(make, tmp_path):
    move = make("CREATE TABLE t (id INT PRIMARY KEY)")
    (tmp_path / "source.secret").write_text("wrong-password", encoding="utf-8")
    with pytest.raises(ConfigError, match="refuses user wkmsadmin") as refused:
        move.run()
    assert "wrong-password" not in str(refused.value)


def test_an_unreachable_server_is_told(mysql_pair, tmp_path):
    away = MysqlPair(source=replace(mysql_pair.source, port=1), target=mysql_pair.target)
    with pytest.raises(TransientError, match=r"source MySQL server .*:1 cannot be reached"):
        prepare(away, tmp_path, schemas=[SCHEMA]).run()


def test_a_certificate_of_another_authority_is_refused(mysql_pair, tmp_path):
    import certifi

    other = MysqlPair(source=replace(mysql_pair.source, ca=Path(certifi.where())), target=mysql_pair.target)
    with pytest.raises(ConfigError, match=r"TLS with the source .* failed"):
        prepare(other, tmp_path, schemas=[SCHEMA]).run()


def test_the_whole_wkms_arrives(mysql_pair, tmp_path):
    execute(mysql_pair.target, "DROP DATABASE IF EXISTS wkms")
    move = prepare(mysql_pair, tmp_path, schemas=["wkms"], chunk_mib=4)
    seeded = seed.seed(move.context().settings, "s", print, parts=["mysql"], manifest=tmp_path / "seed.json")
    state = move.run()
    tables = state.outputs("mysql")["tables"]
    assert {name: table["source"][0] for name, table in tables.items()} == {
        f"wkms.{name}": expected["count"] for name, expected in seeded["parts"]["mysql"].items()
    }
    source, target = checksums(mysql_pair.source, "wkms"), checksums(mysql_pair.target, "wkms")
    # The seed plants DECIMALs inside JSON, which LOAD DATA makes doubles: told, and nothing else differs.
    told = {finding.object for finding in state.findings.values() if finding.code == "mysql-json-number"}
    assert {f"wkms.{name}" for name in source if source[name] != target[name]} == told == {"wkms.documents"}
    same(mysql_pair, "SELECT id, title, legacy_code, relevance, flags + 0, HEX(content_sha256) FROM wkms.documents")
    execute(mysql_pair.target, "DROP DATABASE wkms")
