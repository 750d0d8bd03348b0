"""Servers that fail under the copy: it goes on and is exact, or it says what, why and what next, and is not done."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from endpoints import MysqlEndpoint, MysqlPair
from external import missing
from mysql_move import Move, checksums, execute, fetch, filled, prepare
from private_server import MIB, PrivateServer, private_target

from wkms_migrate import events
from wkms_migrate.errors import ConfigError, TransientError, WkmsError
from wkms_migrate.phases.mysql import patience

pytestmark = pytest.mark.integration

SCHEMA = "fault_case"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    with private_target(tmp_path_factory.mktemp("private")) as server:
        yield server


@pytest.fixture
def extra() -> Callable[[MysqlEndpoint], None]:
    """Return what fills the source further; a test may have its own."""
    return lambda _: None


@pytest.fixture
def pair(mysql_pair: MysqlPair, private: PrivateServer, extra: Callable[[MysqlEndpoint], None]) -> Iterator[MysqlPair]:
    made = MysqlPair(source=mysql_pair.source, target=private.endpoint)
    for end in (made.source, made.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")
    execute(
        made.source,
        f"CREATE DATABASE {SCHEMA}",
        f"USE {SCHEMA}",
        "CREATE TABLE big (id INT PRIMARY KEY, v TEXT)",
        f"INSERT INTO big {filled(4000, 'n, REPEAT(n, 500)')}",
        "ANALYZE TABLE big",
    )
    extra(made.source)
    before = fetch(made.source, "SHOW BINARY LOG STATUS")
    yield made
    assert fetch(made.source, "SHOW BINARY LOG STATUS") == before, "the source was written to"
    execute(made.source, f"DROP DATABASE {SCHEMA}")
    execute(made.target, f"DROP DATABASE IF EXISTS {SCHEMA}")


@pytest.fixture
def move(pair: MysqlPair, tmp_path: Path) -> Move:
    return prepare(pair, tmp_path, schemas=[SCHEMA], chunk_mib=1)


def once(fault: Callable[[], None], after: int = 2) -> Callable[[events.Event], None]:
    """Return a watch that brings the fault about when so many chunks have landed."""
    landed = 0

    def watch(event: events.Event) -> None:
        nonlocal landed
        if isinstance(event, events.Checkpoint) and "#bounds" not in event.key:
            landed += 1
            if landed == after:
                fault()

    return watch


def assert_exact(pair: MysqlPair) -> None:
    assert checksums(pair.target, SCHEMA) == checksums(pair.source, SCHEMA)


def assert_not_done(move: Move) -> None:
    """The journal must not say of the copy that it is done, nor of anything after it."""
    steps = move.context().state.steps
    assert steps["mysql/data"].status == "failed"
    assert not [name for name in steps if name.startswith("mysql/verify")]


def assert_goes_on(move: Move, pair: MysqlPair) -> None:
    move.run()
    assert_exact(pair)


def test_a_target_that_restarts_under_the_load_is_waited_for(move, pair, private):
    def restart() -> None:
        private.kill()
        private.start()

    move.run(once(restart))
    assert_exact(pair)


def test_a_target_that_stays_away_is_named(move, pair, private, monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 2.0)
    with pytest.raises(TransientError, match="target MySQL server") as failed:
        move.run(once(private.kill))
    assert "running again goes on" in failed.value.hint or "firewall" in failed.value.hint
    assert_not_done(move)
    private.start()
    assert_goes_on(move, pair)


@contextmanager
def cutting(end: MysqlEndpoint, statement: str) -> Iterator[list[str]]:
    """Kill one connection of the copy as soon as it is at such a statement."""
    killed: list[str] = []
    ended = threading.Event()
    running = (
        f"SELECT id FROM information_schema.processlist WHERE user = '{end.user}' AND info LIKE '{statement}%' LIMIT 1"
    )

    def cut() -> None:
        deadline = time.monotonic() + PATIENCE
        while not ended.is_set() and time.monotonic() < deadline:
            if found := fetch(end, running):
                execute(end, f"KILL {found[0][0]}")
                killed.append(found[0][0])
                return

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join(PATIENCE)


@pytest.mark.parametrize(
    ("side", "statement"), [("source", "SELECT `id`, `v`, LEFT("), ("target", "LOAD DATA")], ids=["source", "target"]
)
def test_a_connection_killed_inside_a_chunk_costs_that_chunk(pair, tmp_path, side, statement):
    move = prepare(pair, tmp_path, schemas=[SCHEMA], chunk_mib=1, max_rate_mib=2)
    with cutting(getattr(pair, side), statement) as killed:
        state = move.run()
    assert killed
    assert_exact(pair)
    assert all(one.ok for one in state.verified.values())


def test_a_full_disk_is_told(move, pair, private):
    if not private.limited:
        missing("only root can give the server a small disk to fill")
    with private.nearly_full(4 * MIB), pytest.raises(WkmsError, match=r"full") as failed:
        move.run()
    assert f"{SCHEMA}" in failed.value.message
    assert "storage" in failed.value.hint
    assert failed.value.exit_code == 1
    assert_not_done(move)
    assert_goes_on(move, pair)


def test_a_password_that_expired_is_told(move, pair):
    user = f"'{pair.target.user}'@'%'"
    execute(pair.target, f"ALTER USER {user} PASSWORD EXPIRE")
    try:
        with pytest.raises(ConfigError, match="expired") as failed:
            move.run()
        assert "password" in failed.value.hint
        assert pair.target.password not in str(failed.value)
    finally:
        execute(pair.target, f"ALTER USER {user} IDENTIFIED BY '{pair.target.password}' PASSWORD EXPIRE DEFAULT")
    assert_goes_on(move, pair)


def test_a_privilege_taken_away_under_the_load_is_told(move, pair):
    role = "'rds_superuser_role'@'%'"

    def shut_out() -> None:
        execute(pair.target, f"REVOKE INSERT ON *.* FROM {role}")
        sessions = f"SELECT id FROM information_schema.processlist WHERE user = '{pair.target.user}'"
        execute(pair.target, *(f"KILL {number}" for (number,) in fetch(pair.target, sessions)))

    try:
        with pytest.raises(WkmsError, match=r"INSERT command denied .* table 'big'") as failed:
            move.run(once(shut_out))
        assert failed.value.exit_code in {1, 2}
        assert "Grant" in failed.value.hint
        assert_not_done(move)
    finally:
        execute(pair.target, f"GRANT INSERT ON *.* TO {role} WITH GRANT OPTION")
        execute(pair.target, f"REVOKE INSERT ON mysql.* FROM {role}", f"REVOKE INSERT ON sys.* FROM {role}")
    assert_goes_on(move, pair)


@contextmanager
def small_packet(end: MysqlEndpoint) -> Iterator[None]:
    before = fetch(end, "SELECT @@GLOBAL.max_allowed_packet")[0][0]
    execute(end, f"SET GLOBAL max_allowed_packet = {MIB}")
    try:
        yield
    finally:
        execute(end, f"SET GLOBAL max_allowed_packet = {before}")


def large_blob(end: MysqlEndpoint) -> None:
    create = "CREATE TABLE large (id INT PRIMARY KEY, v LONGBLOB)"
    execute(end, create, "INSERT INTO large VALUES (1, REPEAT('x', 3000000))", schema=SCHEMA)


def large_json(end: MysqlEndpoint) -> None:
    create = "CREATE TABLE large (id INT PRIMARY KEY, v JSON)"
    execute(end, create, "INSERT INTO large VALUES (1, JSON_OBJECT('a', REPEAT('x', 3000000)))", schema=SCHEMA)


@pytest.mark.parametrize("extra", [large_blob])
def test_a_value_larger_than_the_targets_packet_arrives(pair, tmp_path):
    with small_packet(pair.target):
        prepare(pair, tmp_path, schemas=[SCHEMA], chunk_mib=1, accept=["packet-size"]).run()
    assert_exact(pair)


@pytest.mark.parametrize("extra", [large_json])
def test_a_value_that_the_target_must_convert_and_cannot_hold_is_told(pair, tmp_path):
    move = prepare(pair, tmp_path, schemas=[SCHEMA], chunk_mib=1, accept=["packet-size"])
    with small_packet(pair.target):
        with pytest.raises(WkmsError, match="max_allowed_packet") as failed:
            move.run()
        assert "`large`" in failed.value.message
        assert "max_allowed_packet" in failed.value.hint
        assert_not_done(move)
    assert_goes_on(move, pair)


def foreign_bytes(end: MysqlEndpoint) -> None:
    """Give a utf8mb4 column the bytes of a latin1 one, as an import of another table's file does."""
    folder = Path(fetch(end, "SELECT @@datadir")[0][0]) / SCHEMA
    columns = "(id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET"
    with end.connect(as_owner=True, autocommit=True, database=SCHEMA) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE latin {columns} latin1)")
        cursor.execute("INSERT INTO latin VALUES (1, 'ascii'), (2, X'B0A1')")
        cursor.execute(f"CREATE TABLE wrong {columns} utf8mb4)")
        cursor.execute("ALTER TABLE wrong DISCARD TABLESPACE")
        cursor.execute("FLUSH TABLES latin FOR EXPORT")
        shutil.copy(folder / "latin.ibd", folder / "wrong.ibd")
        cursor.execute("UNLOCK TABLES")
        cursor.execute("ALTER TABLE wrong IMPORT TABLESPACE")
        cursor.execute("DROP TABLE latin")


@pytest.mark.parametrize("extra", [foreign_bytes])
def test_bytes_that_are_no_text_are_told(move, pair):
    with pytest.raises(WkmsError, match=r"Incorrect string value: '\\xB0\\xA1' for column 'v'") as failed:
        move.run()
    assert "wrong" in failed.value.message
    assert failed.value.hint
    assert_not_done(move)
    assert fetch(pair.target, f"SELECT COUNT(*) FROM {SCHEMA}.wrong") == [("0",)]
