"""What goes wrong at a copy, as whoever runs the command sees it: object, cause, fix, exit code, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from commands import Ended, mysql
from endpoints import MysqlEndpoint, MysqlPair
from mysql_move import execute, fetch, filled, prepare

from wkms_migrate import events
from wkms_migrate.errors import Refused

pytestmark = pytest.mark.integration

SCHEMA = "bad_input"


@dataclass(frozen=True, slots=True)
class Case:
    """What is done to the pair, and what the user is to read."""

    code: int
    told: tuple[str, ...]
    to_pair: Callable[[MysqlPair], MysqlPair] = lambda pair: pair
    statements: tuple[str, ...] = ()
    on_target: tuple[str, ...] = ()


def elsewhere(pair: MysqlPair) -> MysqlPair:
    return replace(pair, target=replace(pair.target, port=1))


def nobody(pair: MysqlPair) -> MysqlPair:
    return replace(pair, source=replace(pair.source, user="bad_nobody", password="a-wrong-password"))


def poor(pair: MysqlPair) -> MysqlPair:
    execute(
        pair.source, "CREATE USER bad_poor IDENTIFIED BY 'poor-password'", f"GRANT SELECT ON {SCHEMA}.* TO bad_poor"
    )
    return replace(pair, source=replace(pair.source, user="bad_poor", password="poor-password"))


CASES = {
    "unreachable host": Case(1, ("target MySQL server 127.0.0.1:1 cannot be reached", "mysql.port"), elsewhere),
    "wrong password": Case(2, ("refuses user bad_nobody", "mysql.password"), nobody),
    "missing privilege": Case(2, ("source-privilege", "TRIGGER", SCHEMA, "Grant it on the source"), poor),
    "target with data": Case(
        2,
        ("target-not-empty", SCHEMA, "on_existing"),
        on_target=(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.other (id INT PRIMARY KEY)"),
    ),
}


@pytest.fixture
def pair(mysql_pair: MysqlPair) -> Iterator[MysqlPair]:
    def clean() -> None:
        for end in (mysql_pair.source, mysql_pair.target):
            execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}", "DROP USER IF EXISTS bad_poor")

    clean()
    execute(
        mysql_pair.source,
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v TEXT)",
        f"CREATE TABLE {SCHEMA}.other (id INT PRIMARY KEY, v TEXT)",
        f"INSERT INTO {SCHEMA}.t {filled(6000, 'n, REPEAT(n, 300)')}",
        f"INSERT INTO {SCHEMA}.other {filled(3000, 'n, REPEAT(n, 300)')}",
        f"ANALYZE TABLE {SCHEMA}.t, {SCHEMA}.other",
    )
    yield mysql_pair
    clean()


def copy(pair: MysqlPair, folder: Path) -> Ended:
    return mysql(prepare(pair, folder, schemas=[SCHEMA], chunk_mib=1, users=False).file, "copy", "--yes")


def tables(end: MysqlEndpoint) -> list[str]:
    found = fetch(end, f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{SCHEMA}' ORDER BY 1")
    return [name for (name,) in found]


@pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))
def test_object_cause_fix_and_exit_code(pair, tmp_path, case):
    execute(pair.target, *case.on_target)
    ends = case.to_pair(pair)
    before = fetch(pair.source, "SHOW BINARY LOG STATUS"), tables(pair.target)
    ended = copy(ends, tmp_path)
    assert ended.code == case.code, ended.told
    assert not [part for part in case.told if part not in ended.told], ended.told
    assert ends.source.password not in ended.told
    assert (fetch(pair.source, "SHOW BINARY LOG STATUS"), tables(pair.target)) == before


def loads(end: MysqlEndpoint) -> int:
    return int(fetch(end, "SHOW GLOBAL STATUS LIKE 'Com_load'")[0][1])


def test_ddl_on_the_source_during_the_copy_names_the_table_and_keeps_the_others(pair, tmp_path):
    move = prepare(pair, tmp_path, schemas=[SCHEMA], chunk_mib=1, workers=1, users=False)
    change = f"ALTER TABLE {SCHEMA}.other ADD COLUMN n INT"
    landed: list[str] = []

    def alter(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and f"{SCHEMA}.t#" in event.key and "bounds" not in event.key:
            landed.append(event.key)
            if len(landed) == 1:
                execute(pair.source, "SET SESSION lock_wait_timeout = 30", change)

    with pytest.raises(Refused, match=rf"{SCHEMA}\.other was changed on the source while it was copied") as refused:
        move.run(alter)
    assert "Start a new run" in refused.value.hint
    assert refused.value.exit_code == 2
    steps = move.context().state.steps
    assert steps["mysql/data"].status == "failed"
    assert len(landed) > 1
    assert set(landed) <= steps["mysql/data"].cursors.keys()
    assert fetch(pair.target, f"SELECT COUNT(*) FROM {SCHEMA}.other") == [("0",)]
    with pytest.raises(Refused, match=rf"{SCHEMA}\.other has another definition on the target"):
        move.run()
    execute(pair.target, change)  # the fix that the message names: both alike
    before = loads(pair.target)
    state = move.run()
    assert loads(pair.target) - before == state.outputs("mysql")["tables"][f"{SCHEMA}.other"]["chunks"]
    assert all(one.ok for one in state.verified.values())
