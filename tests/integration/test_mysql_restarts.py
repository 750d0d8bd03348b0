"""A target that dies and comes back in any step but the copy of rows: the step begins anew, and the result is exact."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from endpoints import MysqlPair
from mysql_dump import prepare as prepare_halves
from mysql_move import Move, checksums, execute, fetch, filled, prepare
from private_server import PrivateServer, private_target

from wkms_migrate.errors import TransientError
from wkms_migrate.phases.mysql import fidelity, objects, patience, schema, verify_rows

pytestmark = pytest.mark.integration

SCHEMA = "restart_case"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    with private_target(tmp_path_factory.mktemp("private")) as server:
        yield server


@pytest.fixture
def pair(mysql_pair: MysqlPair, private: PrivateServer) -> Iterator[MysqlPair]:
    made = MysqlPair(source=mysql_pair.source, target=private.endpoint)
    for end in (made.source, made.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")
    execute(
        made.source,
        f"CREATE DATABASE {SCHEMA}",
        f"USE {SCHEMA}",
        "CREATE TABLE p (id INT PRIMARY KEY, v INT, KEY (v))",
        "CREATE TABLE big (id INT PRIMARY KEY, up INT, v VARCHAR(300), w VARCHAR(300), KEY (v), KEY (w, v),"
        " KEY both_ways (v, w), FULLTEXT KEY words (v), CONSTRAINT fk FOREIGN KEY (up) REFERENCES p (id))",
        "INSERT INTO p VALUES (1, 1)",
        f"INSERT INTO big {filled(12_000, 'n, 1, CONCAT(LEFT(SHA2(n, 224), 40), n), REPEAT(SHA2(n, 256), 2)')}",
        "ANALYZE TABLE big",
        "CREATE VIEW one AS SELECT id FROM p",
        "CREATE VIEW two AS SELECT id FROM one",
        "CREATE TRIGGER t BEFORE INSERT ON p FOR EACH ROW SET NEW.v = NEW.v + 1",
    )
    yield made
    for end in (made.source, made.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")


@pytest.fixture
def move(pair: MysqlPair, tmp_path: Path) -> Move:
    return prepare(pair, tmp_path, schemas=[SCHEMA], chunk_mib=1, users=False)


def assert_exact(pair: MysqlPair) -> None:
    assert checksums(pair.target, SCHEMA) == checksums(pair.source, SCHEMA)
    for table in ("p", "big"):
        shown = f"SHOW CREATE TABLE {SCHEMA}.{table}"
        parts = [sorted(fetch(end, shown)[0][1].replace(",\n", "\n").split("\n")) for end in (pair.source, pair.target)]
        assert parts[0] == parts[1]
    assert fetch(pair.target, f"SELECT COUNT(*) FROM {SCHEMA}.two") == [("1",)]


def dying(private: PrivateServer, function: Callable[..., Any], at: int = 2) -> Callable[..., Any]:
    """Return the function, before whose call number `at` the target dies and comes back."""
    calls = 0
    lock = threading.Lock()

    def called(*args: Any, **options: Any) -> Any:
        nonlocal calls
        with lock:
            calls += 1
            if calls == at:
                private.kill()
                private.start()
        return function(*args, **options)

    return called


@pytest.mark.parametrize(
    "place",
    [(schema, "_make_table", 2), (objects, "put", 2), (verify_rows, "_there", 2), (fidelity, "compare_objects", 1)],
    ids=["schema", "objects", "verify rows", "verify"],
)
def test_a_step_begins_anew_when_the_target_is_back(move, pair, private, monkeypatch, place):
    module, name, at = place
    monkeypatch.setattr(module, name, dying(private, getattr(module, name), at))
    state = move.run()
    assert_exact(pair)
    assert all(one.ok for one in state.verified.values())


def killing(pair: MysqlPair, private: PrivateServer, statement: str) -> tuple[threading.Thread, list[str]]:
    """Kill the target as soon as it is at such a statement."""
    killed: list[str] = []
    running = f"SELECT info FROM information_schema.processlist WHERE info LIKE '{statement}%'"

    def kill() -> None:
        deadline = time.monotonic() + PATIENCE
        while not killed and time.monotonic() < deadline:
            if found := fetch(pair.target, running):
                private.kill()
                killed.append(found[0][0])

    return threading.Thread(target=kill), killed


def test_a_target_that_dies_while_it_builds_an_index_is_waited_for(move, pair, private):
    thread, killed = killing(pair, private, "ALTER TABLE")
    back = threading.Thread(target=lambda: (thread.join(PATIENCE), private.start()))
    thread.start()
    back.start()
    state = move.run()
    back.join(PATIENCE)
    assert killed
    assert_exact(pair)
    assert all(one.ok for one in state.verified.values())


def test_a_target_that_stays_away_says_to_run_again_and_that_goes_on(move, pair, private, monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 2.0)
    thread, killed = killing(pair, private, "ALTER TABLE")
    thread.start()
    with pytest.raises(TransientError, match="target MySQL server") as failed:
        move.run()
    thread.join(PATIENCE)
    assert killed
    assert "run the same command again" in failed.value.hint
    assert failed.value.exit_code == 1
    steps = move.context().state.steps
    assert steps["mysql/data"].status == "done"
    assert steps["mysql/indexes"].status != "done"
    private.start()
    state = move.run()
    assert_exact(pair)
    assert all(one.ok for one in state.verified.values())


def test_a_load_whose_target_dies_between_objects_goes_on(pair, private, tmp_path, monkeypatch):
    halves = prepare_halves(pair, tmp_path, schemas=[SCHEMA], users=False)
    halves.dump()
    monkeypatch.setattr(objects, "put", dying(private, objects.put))
    state = halves.load()
    assert_exact(pair)
    assert all(one.ok for one in state.verified.values())
