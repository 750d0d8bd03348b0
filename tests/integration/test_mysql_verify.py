"""`mysql verify`, `diff` and `repair` between two live servers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from commands import mysql
from endpoints import MysqlPair
from mysql_move import Move, checksums, execute, fetch, filled, prepare

from wkms_migrate import cli, events
from wkms_migrate.errors import VerificationFailed
from wkms_migrate.phases.mysql import compare, verify_rows
from wkms_migrate.phases.mysql.chunks import Chunk
from wkms_migrate.phases.mysql.compare import Ends, Opened, Sessions
from wkms_migrate.phases.mysql.converted import Converted
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.pairs import Pair
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.verify_rows import Part
from wkms_migrate.plan import Context

pytestmark = pytest.mark.integration

SCHEMA = "verify_case"
OTHER = "verify_other"
NO_HIDDEN_KEYS = "SET SESSION sql_generate_invisible_primary_key = OFF"
DIES_BEFORE_COMMIT = """
import os
from wkms_migrate.cli import main
from wkms_migrate.phases.mysql import repair
repair._check = lambda *_: os._exit(9)
main()
"""
Make = Callable[..., Move]


@pytest.fixture
def make(mysql_pair: MysqlPair, tmp_path: Path) -> Iterator[Make]:
    """Return what fills both ends with the same and gives a configuration that compares them."""

    def clean() -> None:
        for end in (mysql_pair.source, mysql_pair.target):
            execute(end, "SET foreign_key_checks = 0", *(f"DROP DATABASE IF EXISTS {name}" for name in (SCHEMA, OTHER)))

    def made(*statements: str, on_target: str = SCHEMA, **options: object) -> Move:
        for end, name in ((mysql_pair.source, SCHEMA), (mysql_pair.target, on_target)):
            execute(end, NO_HIDDEN_KEYS, f"CREATE DATABASE {name}", f"USE {name}", *statements)
        return prepare(mysql_pair, tmp_path, **{"schemas": [SCHEMA], "chunk_mib": 1, **options})

    clean()
    yield made
    clean()


BIG = ("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(200))", f"INSERT INTO t {filled(30_000, 'n, REPEAT(n, 20)')}")


def test_equal_ends_are_equal(make):
    file = make(*BIG, "CREATE TABLE k (a INT)", "INSERT INTO k VALUES (1), (1)", "ANALYZE TABLE t").file
    ended = mysql(file, "verify")
    assert ended.code == 0, ended.told
    assert ended.data["equal"]
    assert [(one["table"], one["source"]["rows"]) for one in ended.data["tables"]] == [
        (f"{SCHEMA}.t", 30_000),
        (f"{SCHEMA}.k", 2),
    ]
    assert ended.data["tables"][0]["ranges"] > 1
    assert "30,002 rows: equal" in ended.told


def test_a_difference_is_followed_to_range_row_and_column(make, mysql_pair):
    file = make(*BIG, "ANALYZE TABLE t").file
    execute(
        mysql_pair.target,
        f"UPDATE {SCHEMA}.t SET v = CONCAT(LEFT(v, 30), 'X', SUBSTR(v, 32)) WHERE id = 20001",
        f"DELETE FROM {SCHEMA}.t WHERE id = 17",
        f"INSERT INTO {SCHEMA}.t VALUES (99999, NULL)",
    )
    ended = mysql(file, "verify")
    assert ended.code == 3
    found = ended.data["tables"][0]
    assert len(found["differing_ranges"]) == 3 < found["ranges"]
    assert [(row["kind"], row["row"]) for row in found["rows"]] == [
        ("missing", "id=17"),
        ("different", "id=20001"),
        ("extra", "id=99999"),
    ]
    (cell,) = found["rows"][1]["cells"]
    assert cell["column"] == "v"
    assert cell["source"] != cell["target"]
    assert "X" in cell["target"]
    assert "id=20001: v: " in ended.told
    assert ended.told.count("    differs: ") == 3


def test_a_table_on_one_end_only_is_a_difference(make, mysql_pair):
    file = make("CREATE TABLE t (id INT PRIMARY KEY)").file
    execute(mysql_pair.source, f"CREATE TABLE {SCHEMA}.ours (id INT)")
    execute(mysql_pair.target, f"CREATE TABLE {SCHEMA}.theirs (id INT)")
    ended = mysql(file, "verify")
    assert (ended.code, ended.data["missing"], ended.data["extra"]) == (3, [f"{SCHEMA}.ours"], [f"{SCHEMA}.theirs"])
    assert mysql(file, "verify", "--include", "*.t").code == 0


def test_no_table_is_no_success(make):
    file = make("CREATE TABLE t (id INT PRIMARY KEY)").file
    ended = mysql(file, "verify", "--include", "nothing.*")
    assert ended.code == 2
    assert "nothing would be compared" in ended.told


def test_diff_shows_definitions_objects_and_rows(make, mysql_pair):
    file = make(
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY by_a (a))",
        "INSERT INTO t VALUES (1, 1)",
        "CREATE VIEW v AS SELECT id FROM t",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM t WHERE id < 0",
    ).file
    execute(mysql_pair.target, f"ALTER EVENT {SCHEMA}.e DISABLE")
    assert mysql(file, "diff").code == 0
    execute(
        mysql_pair.target,
        f"USE {SCHEMA}",
        "ALTER TABLE t DROP KEY by_a",
        "CREATE OR REPLACE VIEW v AS SELECT a AS id FROM t",
        "DROP PROCEDURE p",
        "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1",
        "UPDATE t SET a = 2",
    )
    ended = mysql(file, "diff")
    assert ended.code == 3
    assert "    differs: " not in ended.told  # a table that is one range was named in the line above
    assert {one["object"]: (bool(one["source"]), bool(one["target"])) for one in ended.data["definitions"]} == {
        f"table {SCHEMA}.t": (True, False),
        f"view {SCHEMA}.v": (True, True),
        f"procedure {SCHEMA}.p": (True, False),
        f"function {SCHEMA}.f": (False, True),
    }
    assert [row["row"] for table in ended.data["tables"] for row in table["rows"]] == ["id=1"]
    assert mysql(file, "diff", "--schema-only").data["tables"] == []


def test_repair_asks_then_makes_alike_in_one_pass(make, mysql_pair):
    file = make(
        "CREATE TABLE t (id INT PRIMARY KEY, mail VARCHAR(20), UNIQUE KEY (mail))",
        f"INSERT INTO t {filled(5000, 'n, n')}",
        "CREATE TABLE child (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE)",
        "INSERT INTO child VALUES (1, 7)",
        "CREATE TABLE log (id INT)",
        "CREATE DEFINER=wkms_admin TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.mail = 'trigger'",
        "CREATE DEFINER=wkms_admin TRIGGER second AFTER DELETE ON t FOR EACH ROW INSERT INTO log VALUES (OLD.id)",
    ).file
    execute(
        mysql_pair.target,
        f"USE {SCHEMA}",
        "UPDATE t SET mail = 'x' WHERE id = 7",
        "UPDATE t SET mail = '7' WHERE id = 4999",  # two rows have swapped a unique value
        "UPDATE t SET mail = '4999' WHERE id = 7",
        "SET foreign_key_checks = 0",
        "DROP TRIGGER second",
        "DELETE FROM t WHERE id BETWEEN 100 AND 1300",
        "CREATE DEFINER=wkms_admin TRIGGER second AFTER DELETE ON t FOR EACH ROW INSERT INTO log VALUES (OLD.id)",
        "DROP TRIGGER tr",
        "INSERT INTO t VALUES (-5, 'extra')",
        "CREATE DEFINER=wkms_admin TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.mail = 'trigger'",
    )
    before = checksums(mysql_pair.target, SCHEMA)
    refused = mysql(file, "repair")
    assert refused.code == 2
    assert "no terminal to ask" in refused.told
    planned = mysql(file, "repair", "--dry-run")
    assert (planned.code, len(planned.data["differing"]), planned.data["repaired"]) == (0, 1, [])
    assert checksums(mysql_pair.target, SCHEMA) == before
    ended = mysql(file, "repair", "--yes")
    assert ended.code == 0, ended.told
    assert ended.data["repaired"] == [{"table": f"{SCHEMA}.t", "deleted": 3, "written": 1203}]
    assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)
    assert mysql(file, "diff").code == 0
    assert mysql(file, "repair", "--yes").data["repaired"] == []


def test_a_killed_repair_brings_its_triggers_back_when_it_runs_again(make, mysql_pair):
    file = make(
        "CREATE TABLE t (id INT PRIMARY KEY, v INT)",
        f"INSERT INTO t {filled(10, 'n, n')}",
        "CREATE DEFINER=wkms_admin TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 0",
        "CREATE DEFINER=wkms_admin TRIGGER second BEFORE INSERT ON t FOR EACH ROW SET NEW.v = NEW.v + 1",
    ).file
    shown = f"SELECT trigger_name, action_order FROM information_schema.triggers WHERE trigger_schema = '{SCHEMA}'"
    before = fetch(mysql_pair.target, f"{shown} ORDER BY action_order")
    assert len(before) == 2
    execute(mysql_pair.target, f"DELETE FROM {SCHEMA}.t WHERE id = 7")
    killed = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_COMMIT, "mysql", "repair", "--yes", "--config", file],
        cwd=file.parent,
        check=False,
        timeout=100,
    )
    assert killed.returncode == 9
    assert fetch(mysql_pair.target, shown) == []
    ended = mysql(file, "repair", "--yes")
    assert ended.code == 0, ended.told
    assert f"trigger {SCHEMA}.tr: put back" in ended.told
    assert fetch(mysql_pair.target, f"{shown} ORDER BY action_order") == before
    assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)
    assert mysql(file, "diff").code == 0


def test_no_trigger_is_taken_away_that_could_not_be_put_back(make, mysql_pair):
    file = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)").file
    execute(
        mysql_pair.target,
        f"USE {SCHEMA}",
        "DELETE FROM t",
        "CREATE TRIGGER theirs AFTER INSERT ON t FOR EACH ROW SET @a = 1",
    )
    ended = mysql(file, "repair", "--yes")
    assert ended.code == 2
    assert "theirs could not be put back" in ended.told
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.t") == []
    assert len(fetch(mysql_pair.target, f"SHOW TRIGGERS FROM {SCHEMA}")) == 1


def test_a_repair_that_does_not_fit_changes_nothing(make, mysql_pair):
    file = make("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO t VALUES (1, 'four'), (2, 'x')").file
    execute(mysql_pair.target, f"DELETE FROM {SCHEMA}.t", f"ALTER TABLE {SCHEMA}.t MODIFY v VARCHAR(3)")
    execute(mysql_pair.target, f"INSERT INTO {SCHEMA}.t VALUES (2, 'y')")
    ended = mysql(file, "repair", "--yes")
    assert ended.code == 1
    assert "rolled back" in ended.told
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.t") == [("2", "y")]


def test_rows_that_were_chosen_are_compared_where_they_went(make, mysql_pair):
    file = make(
        "CREATE TABLE t (id INT PRIMARY KEY, v INT)",
        f"INSERT INTO t {filled(20, 'n, n')}",
        on_target=OTHER,
        rename={SCHEMA: OTHER},
        where={f"{SCHEMA}.t": "id > 10 OR id = 3"},
    ).file
    ended = mysql(file, "verify")
    assert [row["row"] for row in ended.data["tables"][0]["rows"]] == [f"id={n}" for n in (1, 2, 4, 5, 6, 7, 8, 9, 10)]
    execute(mysql_pair.target, f"UPDATE {OTHER}.t SET v = 0 WHERE id = 3")
    assert mysql(file, "repair", "--yes").code == 0
    assert fetch(mysql_pair.target, f"SELECT COUNT(*), SUM(v) FROM {OTHER}.t") == [("11", "158")]
    assert mysql(file, "verify").code == 0
    assert mysql(file, "diff").code == 0


def test_a_repair_refuses_what_it_cannot_map(make, mysql_pair):
    file = make("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)").file
    execute(mysql_pair.target, f"DELETE FROM {SCHEMA}.t")
    for words, told in (
        (["--where", f"{SCHEMA}.gone=id > 1"], "no chosen table"),
        (["--schema", SCHEMA, "--schema", "mysql", "--rename", f"mysql={SCHEMA}", "--include", "*.t"], ""),
    ):
        ended = mysql(file, "repair", "--yes", *words)
        assert (ended.code == 2) == bool(told), ended.told
        assert told in ended.told
    execute(mysql_pair.target, f"ALTER TABLE {SCHEMA}.t DROP v")
    ended = mysql(file, "repair", "--yes")
    assert ended.code == 2
    assert "v: on one end only" in ended.told


def during(step: str, change: Callable[[], None]) -> Callable[[events.Event], None]:
    """Return a watcher that changes something when a step begins."""

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == step:
            change()

    return watch


@pytest.fixture
def move(mysql_pair: MysqlPair, make: Make) -> Move:
    made = make(*BIG, "ANALYZE TABLE t")
    execute(mysql_pair.target, f"DROP DATABASE {SCHEMA}")
    return made


def test_the_phase_names_the_range_and_the_row_and_that_it_was_the_target(move, mysql_pair):
    def change() -> None:
        execute(mysql_pair.target, f"UPDATE {SCHEMA}.t SET v = 'y' WHERE id = 15000")

    with pytest.raises(VerificationFailed, match="digest"):
        move.run(during("mysql/verify/rows", change))
    state = move.context().state
    ranges = state.verified["mysql/verify/rows", f"{SCHEMA}.t", "ranges"]
    assert int(ranges.target) == int(ranges.source) - 1 > 1
    (found,) = [one for one in state.findings.values() if one.code == "mysql-rows-differ"]
    assert found.text.startswith("The target was changed after it was copied")
    assert ": id=15000: v: " in found.text
    assert "(id) after" in found.object


def test_rows_are_compared_in_the_order_of_the_index_or_from_the_last_that_was_copied(make, mysql_pair, monkeypatch):
    """So each finds them in the memory of the target, beside the index that is made of them or after the copy."""
    move = make(
        *BIG,
        *("CREATE TABLE u LIKE t", "INSERT INTO u SELECT * FROM t"),
        *("CREATE TABLE i (id BIGINT PRIMARY KEY, v VARCHAR(200), KEY (v(10)))", "INSERT INTO i SELECT * FROM t"),
        "ANALYZE TABLE t, u, i",
        workers=1,
    )
    execute(mysql_pair.target, f"DROP DATABASE {SCHEMA}")
    copied: list[str] = []
    compared: list[str] = []
    there = verify_rows._there

    def asked(ends: Ends, part: Part) -> Digest:
        compared.append(f"{part.table.id}#{part.chunk.number}")
        return there(ends, part)

    def watch(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and event.step == "mysql/data" and "bounds" not in event.key:
            copied.append(event.key)

    monkeypatch.setattr(verify_rows, "_there", asked)
    state = move.run(watch)
    assert {key.partition("#")[0] for key in copied} == {f"{SCHEMA}.t", f"{SCHEMA}.u", f"{SCHEMA}.i"}
    indexed = [key for key in copied if key.startswith(f"{SCHEMA}.i#")]
    assert len(indexed) > 2
    assert compared == indexed + [key for key in copied if key not in indexed][::-1]
    assert all(one.ok for one in state.verified.values())


@pytest.mark.parametrize(("words", "connections"), [([], 6), (["--threads", "1"], 1)])
def test_live_ends_are_read_from_the_last_range_over_as_many_connections_as_asked_for(
    make, monkeypatch, words, connections
):
    """The configuration says 3 workers; none of its own for MySQL means twice as many to compare."""
    file = make(*BIG, "ANALYZE TABLE t").file
    opened, read_source = compare.opened, compare._read_source
    taken: list[int] = []
    read: list[int] = []

    def opening(context: Context, settings: MysqlSettings, workers: int) -> AbstractContextManager[Opened]:
        taken.append(workers)
        return opened(context, settings, workers)

    def reading(sessions: Sessions, pair: Pair, chunk: Chunk) -> tuple[Digest, Converted]:
        read.append(chunk.number)
        return read_source(sessions, pair, chunk)

    monkeypatch.setattr(compare, "opened", opening)
    monkeypatch.setattr(compare, "_read_source", reading)
    cli.app(["mysql", "verify", "--config", str(file), *words], standalone_mode=False)
    assert taken == [connections]
    assert len(read) > 2
    if connections == 1:
        assert read == sorted(read, reverse=True)


def test_later_writes_of_the_source_are_no_fault_of_the_copy(move, mysql_pair):
    def change() -> None:
        execute(mysql_pair.source, f"UPDATE {SCHEMA}.t SET v = 'y' WHERE id = 15000")

    state = move.run(during("mysql/verify/rows", change))
    assert all(check.ok for check in state.verified.values())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE t ADD n INT", "definition"),
        ("ALTER TABLE t ADD KEY (v)", "definition"),
        ("CREATE TABLE late (id INT PRIMARY KEY)", "exists"),
        ("CREATE VIEW late AS SELECT 1", "views"),
        ("RENAME TABLE t TO gone", "exists"),
    ],
)
def test_a_change_of_definitions_after_the_copy_is_seen(move, mysql_pair, change, told):
    with pytest.raises(VerificationFailed, match=told):
        move.run(during("mysql/verify", lambda: execute(mysql_pair.source, f"USE {SCHEMA}", change)))


def test_after_a_move_into_another_name_nothing_differs(make, mysql_pair):
    move = make(
        "CREATE TABLE p (id INT PRIMARY KEY)",
        "CREATE TABLE t (id INT PRIMARY KEY, p INT, v JSON, FOREIGN KEY (p) REFERENCES p (id))",
        "INSERT INTO p VALUES (1)",
        "INSERT INTO t VALUES (1, 1, JSON_OBJECT('price', CAST(1.10 AS DECIMAL(4,2))))",
        "CREATE VIEW v AS SELECT t.id FROM t JOIN p ON p.id = t.p",
        "CREATE PROCEDURE one() SELECT 1",
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.v = '{}'",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM t WHERE id < 0",
        rename={SCHEMA: OTHER},
    )
    execute(mysql_pair.target, f"DROP DATABASE {SCHEMA}")
    move.run()
    ended = mysql(move.file, "diff")
    assert ended.code == 0, ended.told
    execute(mysql_pair.target, f"DELETE FROM {OTHER}.t")
    ended = mysql(move.file, "repair", "--yes")
    assert ended.data["repaired"] == [{"table": f"{SCHEMA}.t", "deleted": 0, "written": 1}]
    assert fetch(mysql_pair.target, f"SELECT v FROM {OTHER}.t") == [('{"price": 1.1}',)]
    assert mysql(move.file, "diff").code == 0


def test_a_big_table_without_a_key_is_searched_by_buckets(make, mysql_pair):
    file = make("CREATE TABLE k (a INT, b VARCHAR(20))", f"INSERT INTO k {filled(60_000, 'n % 30000, n % 7')}").file
    execute(
        mysql_pair.target,
        f"UPDATE {SCHEMA}.k SET b = 'x' WHERE a = 77 LIMIT 1",
        f"INSERT INTO {SCHEMA}.k VALUES (88, '4')",
    )
    ended = mysql(file, "verify")
    rows = [(row["row"], row["source"], row["target"]) for row in ended.data["tables"][0]["rows"]]
    had = int(fetch(mysql_pair.source, f"SELECT COUNT(*) FROM {SCHEMA}.k WHERE a = 88 AND b = '4'")[0][0])
    assert len(rows) == 3
    assert ("a=77, b='x'", 0, 1) in rows
    assert ("a=88, b='4'", had, had + 1) in rows
    assert mysql(file, "repair", "--yes").code == 0
    assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)
