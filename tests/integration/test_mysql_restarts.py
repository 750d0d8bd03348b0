"""A server that dies and comes back in any step but the copy of rows: the step begins anew, and the result is exact."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from endpoints import MysqlEndpoint, MysqlPair
from mysql_dump import prepare as prepare_halves
from mysql_move import Move, checksums, execute, fetch, filled, prepare
from private_server import PrivateServer, private_target

from wkms_migrate import events
from wkms_migrate.errors import TransientError
from wkms_migrate.phases.mysql import (
    catalog,
    fidelity,
    load,
    objects,
    pairs,
    patience,
    roster,
    schema,
    survey,
    unchanged,
    users,
    verify_rows,
)
from wkms_migrate.phases.mysql.dump_rows import RowsDump
from wkms_migrate.phases.mysql.load_rows import RowsLoad

pytestmark = pytest.mark.integration

SCHEMA = "restart_case"
PEOPLE = ("rc_one", "rc_three", "rc_two")
PATIENCE = 60.0


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    with private_target(tmp_path_factory.mktemp("private")) as server:
        yield server


def clean(pair: MysqlPair) -> None:
    for end in (pair.source, pair.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}", f"DROP USER IF EXISTS {', '.join(PEOPLE)}")


def fill(pair: MysqlPair) -> None:
    clean(pair)
    execute(
        pair.source,
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
        f"CREATE USER {', '.join(PEOPLE)}",
        f"GRANT SELECT ON {SCHEMA}.* TO {', '.join(PEOPLE)}",
    )


@pytest.fixture
def pair(mysql_pair: MysqlPair, private: PrivateServer) -> Iterator[MysqlPair]:
    """A target that may be killed."""
    made = MysqlPair(source=mysql_pair.source, target=private.endpoint)
    fill(made)
    yield made
    clean(made)


@pytest.fixture
def turned(mysql_pair: MysqlPair, private: PrivateServer) -> Iterator[MysqlPair]:
    """A source that may be killed."""
    made = MysqlPair(source=private.endpoint, target=mysql_pair.target)
    fill(made)
    yield made
    clean(made)


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
    [
        (schema, "_make_table", 2),
        (pairs, "sorted_alike", 1),
        (unchanged, "check", 2),
        (objects, "put", 2),
        (verify_rows, "_there", 2),
        (fidelity, "compare_objects", 1),
    ],
    ids=["schema", "before the rows", "after the rows", "objects", "verify rows", "verify"],
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


def test_a_load_waits_for_a_target_that_is_away_as_the_rows_begin(pair, private, tmp_path, monkeypatch):
    halves = prepare_halves(pair, tmp_path, schemas=[SCHEMA], users=False)
    halves.dump()
    back = threading.Thread(target=private.start)
    begin = RowsLoad.__init__

    def begun(*arguments: Any) -> None:
        private.kill()
        back.start()
        begin(*arguments)

    monkeypatch.setattr(RowsLoad, "__init__", begun)
    state = halves.load()
    back.join(PATIENCE)
    assert_exact(pair)
    assert all(one.ok for one in state.verified.values())


@dataclass(slots=True)
class Absence:
    """A private server that dies in the middle of a step, and is back no sooner than the step says that it waits."""

    private: PrivateServer
    starting: list[threading.Thread] = field(default_factory=list)

    def before(self, function: Callable[..., Any], at: int) -> Callable[..., Any]:
        """Return the function, before whose call number `at` the server dies."""
        calls = 0

        def called(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                self.private.kill()
            return function(*args, **options)

        return called

    def watch(self, event: events.Event) -> None:
        if isinstance(event, events.Log) and event.text.startswith("Waiting until the server answers"):
            self.starting.append(threading.Thread(target=self.private.start))
            self.starting[-1].start()

    def assert_waited_once(self) -> None:
        for thread in self.starting:
            thread.join(PATIENCE)
        assert len(self.starting) == 1


@pytest.fixture
def absence(private: PrivateServer) -> Iterator[Absence]:
    made = Absence(private)
    yield made
    for thread in made.starting:
        thread.join(PATIENCE)
    private.start()


def people(end: MysqlEndpoint) -> list[str]:
    return [row[0] for row in fetch(end, "SELECT user FROM mysql.user WHERE user LIKE 'rc%' ORDER BY user")]


@pytest.mark.parametrize("place", [(survey, "take", 1), (users, "_create", 2)], ids=["preflight", "users"])
def test_the_first_steps_wait_for_the_target(pair, tmp_path, monkeypatch, absence, place):
    module, name, at = place
    monkeypatch.setattr(module, name, absence.before(getattr(module, name), at))
    state = prepare(pair, tmp_path, schemas=[SCHEMA]).run(absence.watch)
    absence.assert_waited_once()
    assert_exact(pair)
    assert people(pair.target) == list(PEOPLE)
    assert not [one for one in state.findings.values() if one.code == "mysql-user-kept"]


def test_a_backup_waits_for_the_target_and_is_whole(pair, tmp_path, monkeypatch, absence):
    """It is of a snapshot, which dies with the server's connections."""
    execute(pair.target, f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.mine (id INT PRIMARY KEY)")
    execute(pair.target, f"INSERT INTO {SCHEMA}.mine VALUES (1), (2)")
    monkeypatch.setattr(RowsDump, "_attempt", absence.before(RowsDump._attempt, 1))
    move = prepare(pair, tmp_path, schemas=[SCHEMA], on_existing="replace")
    move.run(absence.watch)
    absence.assert_waited_once()
    assert_exact(pair)
    run_dir = move.context().run_dir
    backup = move.context().output("mysql", "backup")
    assert [path.name for path in (run_dir / "backup").iterdir()] == [Path(backup).name]
    execute(pair.target, f"DROP DATABASE {SCHEMA}")
    prepare_halves(pair, tmp_path, place=str(run_dir / backup), schemas=[SCHEMA]).load()
    assert fetch(pair.target, f"SELECT id FROM {SCHEMA}.mine ORDER BY id") == [("1",), ("2",)]


@pytest.mark.parametrize("place", [(load, "_check_target", 1), (users, "_create", 2)], ids=["check", "users"])
def test_the_first_steps_of_a_load_wait_for_the_target(pair, tmp_path, monkeypatch, absence, place):
    halves = prepare_halves(pair, tmp_path, schemas=[SCHEMA])
    halves.dump()
    module, name, at = place
    monkeypatch.setattr(module, name, absence.before(getattr(module, name), at))
    state = halves.load(absence.watch)
    absence.assert_waited_once()
    assert_exact(pair)
    assert people(pair.target) == list(PEOPLE)
    told = {(one.code, one.object.strip("`").partition("`")[0]) for one in state.findings.values()}
    assert {("mysql-user-locked", name) for name in PEOPLE} <= told
    assert "mysql-user-kept" not in {code for code, _ in told}


@pytest.mark.parametrize(
    "place",
    [(survey, "take", 1), (catalog, "definitions", 1), (roster, "read", 2), (fidelity, "compare_tables", 1)],
    ids=["preflight", "schema", "grants", "verify"],
)
def test_a_step_waits_for_the_source(turned, tmp_path, monkeypatch, absence, place):
    module, name, at = place
    monkeypatch.setattr(module, name, absence.before(getattr(module, name), at))
    state = prepare(turned, tmp_path, schemas=[SCHEMA]).run(absence.watch)
    absence.assert_waited_once()
    assert_exact(turned)
    assert people(turned.target) == list(PEOPLE)
    assert all(one.ok for one in state.verified.values())


def test_a_server_that_never_answered_is_not_waited_for(pair, tmp_path, private, absence):
    private.kill()
    with pytest.raises(TransientError, match=r"target MySQL server .* cannot be reached"):
        prepare(pair, tmp_path, schemas=[SCHEMA]).run(absence.watch)
    assert not absence.starting
