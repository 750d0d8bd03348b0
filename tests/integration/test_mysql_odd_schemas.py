"""Schemas that break tools, from MySQL to MySQL and to MariaDB: hostile names, cycles of keys, no key, many tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import mysql
from endpoints import MysqlEndpoint, MysqlPair
from mysql_move import Move, execute, fetch, prepare

from wkms_migrate import events
from wkms_migrate.errors import VerificationFailed
from wkms_migrate.journal import RunState

pytestmark = pytest.mark.integration

ONE, TWO = "odd_one", "odd_two"
HOSTILE = "odd ho`st'il\"e */ 한글\n☃"
NEW_ONE, NEW_TWO = "odd_new_one", "odd_new `두\n번째`"
SCHEMAS = (ONE, TWO, HOSTILE, NEW_ONE, NEW_TWO)
Make = Callable[..., Move]


def quoted(name: str) -> str:
    """Return an identifier in backticks."""
    return "`" + name.replace("`", "``") + "`"


def text(words: str) -> str:
    """Return a string of SQL."""
    return "'" + words.replace("'", "''") + "'"


@pytest.fixture(params=["mysql", "mariadb"])
def pair(request: pytest.FixtureRequest, mysql_pair: MysqlPair) -> MysqlPair:
    if request.param == "mysql":
        return mysql_pair
    mariadb: MysqlPair = request.getfixturevalue("mariadb_pair")
    return MysqlPair(source=mysql_pair.source, target=mariadb.target)


@pytest.fixture
def make(pair: MysqlPair, tmp_path: Path) -> Iterator[Make]:
    """Return what fills schemas of the source and makes a move of them."""

    def clean() -> None:
        drops = [f"DROP DATABASE IF EXISTS {quoted(name)}" for name in SCHEMAS]
        for end in (pair.source, pair.target):
            execute(end, "SET foreign_key_checks = 0", *drops)

    def made(*statements: str, schemas: tuple[str, ...] = (ONE,), **options: object) -> Move:
        created = [f"CREATE DATABASE {quoted(name)}" for name in schemas]
        execute(
            pair.source,
            "SET foreign_key_checks = 0, SESSION sql_generate_invisible_primary_key = OFF",
            *created,
            f"USE {quoted(schemas[0])}",
            *statements,
        )
        return prepare(pair, tmp_path, **{"schemas": list(schemas), "users": False, **options})

    clean()
    yield made
    clean()


def assert_verified(state: RunState, *tables: str) -> None:
    """Of every table rows, digest and definition were compared, and all were equal."""
    assert all(one.ok for one in state.verified.values())
    compared = {(one.object, one.check) for one in state.verified.values()}
    assert {(name, check) for name in tables for check in ("rows", "digest", "definition")} <= compared


NAMED = {  # what of a schema has a name, asked of the dictionary and not of SHOW CREATE, which the phase reads
    "tables": ("table_name, table_comment", "table_schema", "table_type = 'BASE TABLE'"),
    "columns": ("table_name, ordinal_position, column_name, column_comment", "table_schema", "TRUE"),
    "statistics": ("table_name, index_name, seq_in_index, column_name", "table_schema", "TRUE"),
    "table_constraints": ("table_name, constraint_name, constraint_type", "table_schema", "TRUE"),
    "key_column_usage": (
        "table_name, constraint_name, column_name, referenced_table_name, referenced_column_name",
        "table_schema",
        "referenced_table_name IS NOT NULL",
    ),
    "views": ("table_name", "table_schema", "TRUE"),
    "triggers": ("event_object_table, trigger_name", "trigger_schema", "TRUE"),
    "routines": ("routine_name, routine_comment", "routine_schema", "TRUE"),
    "parameters": ("specific_name, parameter_name", "specific_schema", "TRUE"),
    "events": ("event_name, event_comment", "event_schema", "TRUE"),
}


def named(end: MysqlEndpoint, schema: str) -> dict[str, list[tuple[str, ...]]]:
    return {
        view: sorted(
            fetch(
                end,
                f"SELECT {columns} FROM information_schema.{view} WHERE {at} = {text(schema)} AND {only}",
            )
        )
        for view, (columns, at, only) in NAMED.items()
    }


NAMES = [
    "back`tick",
    "new\nline",
    "quo'te",
    'dou"ble',
    "end */ of",
    "한글 표",
    "☃ ☎",  # signs beyond U+FFFF are in no name of MySQL
    "per%cent_",
    "se;mi -- colon",
    "a.b`.`c",
    "back\\slash",
    "(paren, thesis",
]


STRINGS = r"""'it''s', "a`b``c", '\\ \' \n 😀', N'한글', _latin1 x'e9', _utf8mb4'é' COLLATE utf8mb4_bin"""


def hostile(name: str) -> list[str]:
    """Return statements that use a name for everything that has one."""
    table, comment = quoted(name), f"{name} 😀".replace("\\", "\\\\")
    index, check, key, view, trigger, procedure, event, parameter = (
        quoted(f"{sign} {name}") for sign in ("k", "c", "f", "v", "t", "p", "e", "i")
    )
    return [
        (
            f"CREATE TABLE {table} ({table} INT PRIMARY KEY, v INT COMMENT {text(f'{comment} */')},"
            f" w INT AS (v + 1), KEY {index} (v), CONSTRAINT {check} CHECK (v <> 7),"
            f" CONSTRAINT {key} FOREIGN KEY (v) REFERENCES {table} ({table}))"
            f" COMMENT {text(f'{comment}, AUTO_INCREMENT=5')}"
        ),
        f"INSERT INTO {table} ({table}, v) VALUES (1, 1), (2, NULL)",
        f"CREATE VIEW {view} AS SELECT {table} AS {quoted(f'x {name}')} FROM {table}",
        f"CREATE TRIGGER {trigger} BEFORE INSERT ON {table} FOR EACH ROW SET NEW.v = NEW.{table}",
        (
            f"CREATE PROCEDURE {procedure}({parameter} INT) COMMENT {text(comment)}"
            f" SELECT {parameter}, {text(comment)} AS {view}, {STRINGS}"
        ),
        f"CREATE EVENT {event} ON SCHEDULE EVERY 1 DAY COMMENT {text(comment)} DO DELETE FROM {table} WHERE v < 0",
    ]


@pytest.mark.parametrize("schema", [ONE, HOSTILE], ids=["plain schema", "hostile schema"])
@pytest.mark.parametrize("renamed", [False, True], ids=["same name", "new name"])
def test_hostile_names_arrive(make, pair, schema, renamed):
    target = NEW_TWO if renamed else schema
    statements = [statement for name in NAMES for statement in hostile(name)]
    move = make(*statements, schemas=(schema,), rename={schema: target} if renamed else {})
    state = move.run()
    assert_verified(state, *(f"{schema}.{name}" for name in NAMES))
    assert not state.outputs("mysql")["objects_left"]
    assert named(pair.target, target) == named(pair.source, schema)
    for name in NAMES:
        rows = f"SELECT {quoted(name)}, v, w FROM {{}}.{quoted(name)} ORDER BY 1"
        assert fetch(pair.target, rows.format(quoted(target))) == [("1", "1", "2"), ("2", None, None)]
        through = f"SELECT {quoted(f'x {name}')} FROM {quoted(target)}.{quoted(f'v {name}')} ORDER BY 1"
        assert fetch(pair.target, through) == [("1",), ("2",)]
    compared = mysql(move.file, "diff")
    assert compared.code == 0, compared.told


BODIES = {
    "PROCEDURE": "p() SELECT '{}'",
    "FUNCTION": "p() RETURNS VARCHAR(9) CHARSET utf8mb4 DETERMINISTIC RETURN '{}'",
    "TRIGGER": "p BEFORE INSERT ON t FOR EACH ROW SET NEW.v = '{}'",
    "EVENT": "p ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE DO DELETE FROM t WHERE v = '{}'",
}


@pytest.mark.parametrize("kind", BODIES)
def test_another_sign_in_a_body_is_found(make, pair, kind):
    """In the dictionary both signs are question marks."""

    def change(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "mysql/verify":
            execute(pair.target, f"DROP {kind} p", f"CREATE {kind} {BODIES[kind].format('😃')}", schema=ONE)

    move = make("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))", f"CREATE {kind} {BODIES[kind].format('😀')}")
    with pytest.raises(
        VerificationFailed, match=rf"{kind.lower()} {ONE}\.p: definition is .*😀.* on the source and .*😃"
    ):
        move.run(change)
    compared = mysql(move.file, "diff", "--schema-only")
    assert compared.code == 3
    assert [one["object"] for one in compared.data["definitions"]] == [f"{kind.lower()} {ONE}.p"]


def test_a_cycle_of_keys_across_schemas_arrives_under_new_names(make, pair):
    state = make(
        f"CREATE TABLE a (id INT PRIMARY KEY, other INT, CONSTRAINT to_b FOREIGN KEY (other) REFERENCES {TWO}.b (id))",
        (
            f"CREATE TABLE {TWO}.b (id INT PRIMARY KEY, other INT, twin INT,"
            f" CONSTRAINT to_a FOREIGN KEY (other) REFERENCES {ONE}.a (id),"
            f" CONSTRAINT to_b_again FOREIGN KEY (twin) REFERENCES {TWO}.b (id))"
        ),
        "INSERT INTO a VALUES (1, 1), (2, NULL)",
        f"INSERT INTO {TWO}.b VALUES (1, 2, 1)",
        schemas=(ONE, TWO),
        rename={ONE: NEW_ONE, TWO: NEW_TWO},
    ).run()
    assert_verified(state, f"{ONE}.a", f"{TWO}.b")
    keys = fetch(
        pair.target,
        "SELECT constraint_name, constraint_schema, unique_constraint_schema, referenced_table_name FROM"
        f" information_schema.referential_constraints WHERE constraint_schema IN ('{NEW_ONE}', '{NEW_TWO}') ORDER BY 1",
    )
    assert keys == [
        ("to_a", NEW_TWO, NEW_ONE, "a"), ("to_b", NEW_ONE, NEW_TWO, "b"), ("to_b_again", NEW_TWO, NEW_TWO, "b"),
    ]  # fmt: skip
    assert fetch(pair.target, f"SELECT * FROM {NEW_ONE}.a ORDER BY id") == [("1", "1"), ("2", None)]
    assert fetch(pair.target, f"SELECT * FROM {quoted(NEW_TWO)}.b") == [("1", "2", "1")]
    assert not fetch(pair.target, f"SHOW DATABASES LIKE '{ONE}'")


def test_equal_rows_without_a_key_keep_their_number(make, pair):
    state = make(
        "CREATE TABLE t (a INT, b VARCHAR(10))",
        "INSERT INTO t VALUES (1, 'x'), (1, 'x'), (NULL, NULL), (NULL, NULL), (1, 'y'), (1, 'X')",
        rename={ONE: NEW_ONE},
    ).run()
    assert_verified(state, f"{ONE}.t")
    query = "SELECT a, HEX(b), COUNT(*) FROM {}.t GROUP BY 1, 2 ORDER BY 1, 2"
    assert fetch(pair.target, query.format(NEW_ONE)) == fetch(pair.source, query.format(ONE))
    assert ("1", "78", "2") in fetch(pair.target, query.format(NEW_ONE))


def test_a_thousand_tables_arrive(make, pair):
    """Of every table the rows, the keys and the definition are compared by the phase itself, and their number here."""
    statements = (
        statement
        for number in range(1000)
        for statement in (
            f"CREATE TABLE t{number} (id INT PRIMARY KEY, v VARCHAR(20), n INT, KEY (v), CHECK (n <> {number}))",
            f"INSERT INTO t{number} VALUES (1, 'x{number}', -1), (2, NULL, NULL)",
        )
    )
    state = make(*statements).run()
    assert_verified(state, *(f"{ONE}.t{number}" for number in range(1000)))
    counted = f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{ONE}'"
    assert fetch(pair.target, counted) == [("1000",)]
    assert fetch(pair.target, f"SELECT v FROM {ONE}.t999 ORDER BY id") == [("x999",), (None,)]
