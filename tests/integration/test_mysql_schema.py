"""What is chosen, renamed and left: tables, keys and objects between two real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from endpoints import MysqlPair
from mysql_move import Move, execute, fetch, filled, prepare

from wkms_migrate import events
from wkms_migrate.errors import Refused, VerificationFailed
from wkms_migrate.journal import RunState

pytestmark = pytest.mark.integration

ONE, TWO = "fidelity_one", "fidelity_two"
NEW_ONE, NEW_TWO = "fidelity_new_one", "fidelity_new_two"
RENAMED = {ONE: NEW_ONE, TWO: NEW_TWO}
Make = Callable[..., Move]


@pytest.fixture
def make(mysql_pair: MysqlPair, tmp_path: Path) -> Iterator[Make]:
    """Return what fills two schemas of the source and makes a move of them."""

    def clean() -> None:
        drops = [f"DROP DATABASE IF EXISTS {name}" for name in (*RENAMED, *RENAMED.values())]
        for end in (mysql_pair.source, mysql_pair.target):
            execute(end, "SET foreign_key_checks = 0", *drops)

    def made(*statements: str, **options: object) -> Move:
        created = [f"CREATE DATABASE {name}" for name in (ONE, TWO)]
        execute(mysql_pair.source, *created, f"USE {ONE}", "SET foreign_key_checks = 0", *statements)
        return prepare(mysql_pair, tmp_path, **{"schemas": [ONE, TWO], "users": False, **options})

    clean()
    yield made
    clean()


def told(state: RunState, code: str) -> dict[str, str]:
    """Return the findings of one code: text by object."""
    return {one.object: one.text for one in state.findings.values() if one.code == code}


CYCLE = (
    f"CREATE TABLE a (id INT PRIMARY KEY, other INT, CONSTRAINT to_b FOREIGN KEY (other) REFERENCES {TWO}.b (id))",
    (
        f"CREATE TABLE {TWO}.b (id INT PRIMARY KEY, other INT, twin INT,"
        f" CONSTRAINT to_a FOREIGN KEY (other) REFERENCES {ONE}.a (id),"
        f" CONSTRAINT to_b_again FOREIGN KEY (twin) REFERENCES {TWO}.b (id))"
    ),
    "INSERT INTO a VALUES (1, 1), (2, NULL)",
    f"INSERT INTO {TWO}.b VALUES (1, 2, 1)",
)


def test_views_follow_a_rename_and_texts_that_name_it_are_left(make, mysql_pair):
    state = make(
        *CYCLE,
        "CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1",
        f"CREATE VIEW wide AS SELECT a.id, b.twin, '`{ONE}`.`a`' AS text, {ONE}.one() AS n FROM a JOIN {TWO}.b"
        " ON b.id = a.other",
        "CREATE VIEW above AS SELECT id FROM wide",
        f"CREATE VIEW puzzling AS SELECT {ONE}.id FROM a {ONE}",
        "CREATE TRIGGER plain BEFORE INSERT ON a FOR EACH ROW SET NEW.other = NULL",
        f"CREATE TRIGGER names_it AFTER INSERT ON a FOR EACH ROW UPDATE {TWO}.b SET twin = 1",
        f"CREATE PROCEDURE quietly() SELECT '{ONE} is only a word'",
        f"CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM `{ONE}` . a WHERE id < 0",
        rename=RENAMED,
    ).run()
    assert fetch(mysql_pair.target, f"SELECT * FROM {NEW_ONE}.wide") == [("1", "1", f"`{ONE}`.`a`", "1")]
    assert fetch(mysql_pair.target, f"SELECT * FROM {NEW_ONE}.above") == [("1",)]
    left = state.outputs("mysql")["objects_left"]
    assert set(left) == {f"view {ONE}.puzzling", f"trigger {ONE}.names_it", f"event {ONE}.nightly"}
    assert left == {
        name: text.removeprefix("Not made on the target: ").removesuffix(".")
        for name, text in told(state, "mysql-object-left").items()
    }
    assert state.outputs("mysql")["objects"] == {"procedure": 1, "function": 1, "view": 2, "trigger": 1, "event": 0}


def test_what_points_to_a_table_that_stays_is_left_with_it(make, mysql_pair):
    state = make(
        *CYCLE,
        f"CREATE VIEW on_b AS SELECT id FROM {TWO}.b",
        "CREATE VIEW on_that AS SELECT id FROM on_b",
        "CREATE VIEW on_a AS SELECT id FROM a",
        f"CREATE TRIGGER {TWO}.of_b BEFORE INSERT ON {TWO}.b FOR EACH ROW SET NEW.twin = 1",
        exclude=[f"{TWO}.B"],
    ).run()
    assert fetch(mysql_pair.target, f"SHOW TABLES FROM {TWO}") == []
    assert fetch(mysql_pair.target, f"SHOW TABLES FROM {ONE}") == [("a",), ("on_a",)]
    assert list(told(state, "mysql-foreign-key-left")) == [f"{ONE}.a `to_b`"]
    assert set(state.outputs("mysql")["objects_left"]) == {
        f"view {ONE}.on_b", f"view {ONE}.on_that", f"trigger {TWO}.of_b",
    }  # fmt: skip
    assert "stays behind" in told(state, "mysql-object-left")[f"trigger {TWO}.of_b"]


def test_rows_whose_parents_a_condition_left_behind_are_told(make, mysql_pair):
    state = make(
        "CREATE TABLE p (id INT PRIMARY KEY)",
        "CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT up FOREIGN KEY (p) REFERENCES p (id))",
        "INSERT INTO p VALUES (1), (2), (3)",
        "INSERT INTO c VALUES (1, 1), (2, 2), (3, 3)",
        where={f"{ONE}.p": "id < 2 OR id > 9"},
    ).run()
    assert fetch(mysql_pair.target, f"SELECT id FROM {ONE}.p") == [("1",)]
    assert told(state, "mysql-orphans") == {
        f"{ONE}.c `up`": "2 rows have no parent by `up`; these stayed behind by phases.mysql.where."
    }


def test_two_schemas_may_become_one_unless_their_tables_meet(make, mysql_pair):
    move = make(*CYCLE, rename={ONE: NEW_ONE, TWO: NEW_ONE}, accept=["rename-clash"])
    move.run()
    assert fetch(mysql_pair.target, f"SHOW TABLES FROM {NEW_ONE}") == [("a",), ("b",)]


def test_two_tables_for_one_place_are_refused(make):
    move = make(
        "CREATE TABLE t (id INT)",
        f"CREATE TABLE {TWO}.t (id INT)",
        rename={TWO: NEW_ONE, ONE: NEW_ONE},
        accept=["rename-clash"],
    )
    with pytest.raises(Refused, match=rf"{ONE}\.t and {TWO}\.t would both be {NEW_ONE}\.t"):
        move.run()


def test_another_default_of_the_target_changes_no_table(make, mysql_pair):
    target = mysql_pair.target
    variables = {"collation_server": "latin1_swedish_ci", "default_collation_for_utf8mb4": "utf8mb4_general_ci"}
    before = {name: fetch(target, f"SELECT @@GLOBAL.{name}")[0][0] for name in variables}
    move = make(
        "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), b CHAR(9) CHARACTER SET latin1, c TEXT COLLATE utf8mb4_bin)",
        "CREATE TABLE u (id INT PRIMARY KEY, a VARCHAR(9) CHARACTER SET utf8mb4) CHARACTER SET latin1",
    )
    execute(target, *(f"SET GLOBAL {name} = {value}" for name, value in variables.items()))
    try:
        move.run()
    finally:
        execute(target, *(f"SET GLOBAL {name} = {value}" for name, value in before.items()))
    query = (
        "SELECT table_name, column_name, character_set_name, collation_name FROM information_schema.columns"
        f" WHERE table_schema = '{ONE}' ORDER BY 1, 2"
    )
    assert fetch(target, query) == fetch(mysql_pair.source, query)


def test_the_next_value_of_a_counter_is_kept_and_compared(make, mysql_pair):
    move = make("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY)", "INSERT INTO t VALUES (5), (70)", "DELETE FROM t")

    def lower(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "mysql/verify":
            execute(mysql_pair.target, f"TRUNCATE TABLE {ONE}.t")

    with pytest.raises(VerificationFailed, match="next value is 71 on the source"):
        move.run(lower)
    execute(mysql_pair.target, f"ALTER TABLE {ONE}.t AUTO_INCREMENT = 71")
    move.run()


@pytest.mark.parametrize(
    "change", ["ALTER TABLE {} ADD COLUMN n INT", "ALTER TABLE {} DROP COLUMN v", "TRUNCATE TABLE {}", "DROP TABLE {}"]
)
def test_a_table_that_changes_while_it_is_copied_is_named(make, mysql_pair, change):
    rows = filled(9000, "n, REPEAT('x', 1000)")
    move = make(
        "CREATE TABLE t (id INT PRIMARY KEY, v TEXT)",
        f"INSERT INTO t {rows}",
        f"ANALYZE TABLE {ONE}.t",
        chunk_mib=1,
    )
    changed: list[bool] = []

    def alter(event: events.Event) -> None:
        """Change the table when its first chunk has landed: with waiting transactions this would never return."""
        if isinstance(event, events.Checkpoint) and "#" in event.key and "bounds" not in event.key and not changed:
            changed.append(True)
            execute(mysql_pair.source, "SET SESSION lock_wait_timeout = 30", change.format(f"{ONE}.t"))

    with pytest.raises(Refused, match=rf"{ONE}\.t was changed on the source while it was copied"):
        move.run(alter)
    assert changed
    assert move.context().state.steps["mysql/data"].status == "failed"


def test_a_column_added_behind_the_last_chunk_is_seen(make, mysql_pair):
    move = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")

    def alter(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and event.key.endswith("#0"):
            execute(mysql_pair.source, f"ALTER TABLE {ONE}.t ADD n INT")

    with pytest.raises(Refused, match=rf"{ONE}\.t has another definition"):
        move.run(alter)


def test_an_object_whose_text_was_changed_fails_verification(make, mysql_pair):
    move = make("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE PROCEDURE p() SELECT 1")

    def change(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "mysql/verify":
            execute(
                mysql_pair.target, f"DROP PROCEDURE {ONE}.p", f"CREATE DEFINER=wkms_admin PROCEDURE {ONE}.p() SELECT 2"
            )

    with pytest.raises(VerificationFailed, match=rf"procedure {ONE}\.p: definition"):
        move.run(change)


def test_definers_change_as_told(make, mysql_pair):
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, "DROP USER IF EXISTS fidelity_old, fidelity_new")
    execute(mysql_pair.source, "CREATE USER fidelity_old")
    execute(mysql_pair.target, "CREATE USER fidelity_new")
    make("CREATE DEFINER=fidelity_old PROCEDURE p() SELECT 1", definers={"fidelity_old@%": "fidelity_new@%"}).run()
    query = f"SELECT definer FROM information_schema.routines WHERE routine_schema = '{ONE}'"
    assert fetch(mysql_pair.target, query) == [("fidelity_new@%",)]
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, "DROP USER IF EXISTS fidelity_old, fidelity_new")
