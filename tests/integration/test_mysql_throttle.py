"""The brake: a rate that is kept, workers that give way to the source's own work and come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest
from endpoints import MysqlEndpoint
from mysql_move import checksums, execute, fetch, filled, prepare
from mysql_snapshots import opener
from private_server import private_target

from wkms_migrate import events
from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import Interrupted, Refused
from wkms_migrate.journal import RunState
from wkms_migrate.phases.mysql import throttle
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.throttle import Gate, Throttle
from wkms_migrate.plan import Context, Step, StepRun

pytestmark = pytest.mark.integration

SCHEMA = "throttle_case"
WORKERS = 4
PATIENCE = 30.0


class Said:
    """The lines that a step logs, to be waited for."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = threading.Condition()

    def emit(self, event: events.Event) -> None:
        if isinstance(event, events.Log):
            with self._more:
                self._lines.append(event.text)
                self._more.notify_all()

    def wait_for(self, text: str) -> str:
        def found() -> str | None:
            return next((line for line in self._lines if text in line), None)

        with self._more:
            assert self._more.wait_for(found, PATIENCE), (text, self._lines)
            return str(found())


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def run(said: Said, tmp_path: Path) -> StepRun:
    step = Step(id="mysql/data", summary="", run=lambda _: None)
    context = Context(settings=None, state=RunState(), run_dir=tmp_path)  # type: ignore[arg-type]
    return StepRun(context, step, said.emit, threading.Event(), {})


@contextmanager
def busy(end: MysqlEndpoint, count: int) -> Iterator[None]:
    """Keep `count` threads of the server running, as slow queries do."""
    connections = [end.connect(as_owner=True) for _ in range(count)]
    ids = [connection.thread_id() for connection in connections]

    def run_slowly(connection: pymysql.Connection) -> None:
        with suppress(pymysql.Error), connection.cursor() as cursor:
            cursor.execute("SELECT SLEEP(600)")

    threads = [threading.Thread(target=run_slowly, args=(one,)) for one in connections]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        execute(end, *(f"KILL {number}" for number in ids))
        for thread in threads:
            thread.join(PATIENCE)


@contextmanager
def working(pace: Throttle, highest: list[int]) -> Iterator[None]:
    """Let workers take turns while the block runs; `highest[-1]` is how many were at it since it was appended."""
    ended, at_it, lock = threading.Event(), 0, threading.Lock()

    def work() -> None:
        nonlocal at_it
        while not ended.is_set():
            with pace.turn():
                with lock:
                    at_it += 1
                    highest[-1] = max(highest[-1], at_it)
                ended.wait(0.01)
                with lock:
                    at_it -= 1

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(PATIENCE)


def reach(highest: list[int], count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while highest[-1] < count:
        assert time.monotonic() < deadline, highest
        time.sleep(0.01)


def test_workers_give_way_to_a_busy_source_and_come_back(run, said, mysql_pair, tmp_path):
    settings = MysqlSettings(max_threads_running=20)
    highest = [0]
    with (
        throttle.throttled(run, settings, WORKERS, opener(mysql_pair.source, tmp_path)) as pace,
        working(pace, highest),
    ):
        reach(highest, WORKERS)
        with busy(mysql_pair.source, 25):
            assert "Threads_running is" in said.wait_for(f"2 of {WORKERS} workers may read")
            said.wait_for(f"1 of {WORKERS} workers may read")
            highest.append(0)
            reach(highest, 1)
            highest.append(0)  # who was at it when the limit came has had its turn by now
            reach(highest, 1)
        assert highest[-1] == 1
        said.wait_for("3 of 4 workers may read: the source has room again")
        said.wait_for(f"{WORKERS} of {WORKERS} workers may read")
        reach(highest, WORKERS)


def test_a_source_that_is_never_quiet_is_still_read(mysql_pair, tmp_path):
    """The copy's own threads are above this limit, at all times."""
    source, target = mysql_pair.source, mysql_pair.target
    for end in (source, target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")
    execute(
        source,
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v TEXT)",
        f"INSERT INTO {SCHEMA}.t {filled(40000, 'n, REPEAT(7, 300)')}",
        f"ANALYZE TABLE {SCHEMA}.t",
    )
    asked = {"schemas": [SCHEMA], "chunk_mib": 1, "max_threads_running": 1, "max_replica_lag_seconds": 1}
    rate = 3.0
    seconds: list[float] = []

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepDone) and event.step == "mysql/data":
            seconds.append(event.seconds)

    state = prepare(mysql_pair, tmp_path, **asked, max_rate_mib=rate).run(watch)
    wanted = state.outputs("mysql")["bytes"] / (1 << 20) / rate
    assert wanted > 3
    assert wanted * 0.85 <= seconds[0] <= wanted * 1.15 + 2  # 2 s: snapshot and definitions on a busy machine
    assert checksums(target, SCHEMA) == checksums(source, SCHEMA)
    for end in (source, target):
        execute(end, f"DROP DATABASE {SCHEMA}")


def test_the_rate_holds_for_all_workers_together(run):
    per_second = 4 << 20
    pace = Throttle(run, throttle.Rate(per_second), Gate(WORKERS))
    spent = 0
    begin = time.monotonic()

    def work() -> None:
        nonlocal spent
        for _ in range(8):
            pace.spend(per_second // 16)
            spent += per_second // 16

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    seconds = time.monotonic() - begin
    assert spent / seconds <= per_second * 1.15


@pytest.mark.parametrize("where", ["turn", "spend"])
def test_whoever_waits_is_stopped(run, where):
    pace = Throttle(run, throttle.Rate(1), Gate(1))
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            if where == "spend":
                pace.spend(1 << 20)
            else:
                with pace.turn():
                    ended.append(AssertionError("two in a gate of one"))
        except Interrupted as error:
            ended.append(error)

    with pace.turn():
        thread = threading.Thread(target=wait)
        thread.start()
        run.stopping.set()
        thread.join(PATIENCE)
    assert [type(error) for error in ended] == [Interrupted]


def test_the_watching_connection_may_break(run, said, mysql_pair, tmp_path):
    opened: list[Session] = []
    connect_once = opener(mysql_pair.source, tmp_path)

    ids: list[int] = []

    def remember() -> Session:
        opened.append(connect_once())
        ids.append(int(opened[-1].value("SELECT CONNECTION_ID()")))
        return opened[-1]

    with throttle.throttled(run, MysqlSettings(max_threads_running=20), WORKERS, remember):
        deadline = time.monotonic() + PATIENCE
        while len(ids) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        execute(mysql_pair.source, f"KILL {ids[1]}")
        said.wait_for("throttle: the source does not answer, 4 workers stay")
        with busy(mysql_pair.source, 25):
            said.wait_for("1 of 4 workers may read")
    assert not any(session.open for session in opened)


def test_a_gauge_that_cannot_be_read_is_told_at_once(run, mysql_pair, tmp_path):
    source = mysql_pair.source
    execute(source, f"CREATE USER meek_eye IDENTIFIED BY '{source.password}'")
    try:
        with (
            pytest.raises(Refused, match="REPLICATION CLIENT"),
            throttle.throttled(
                run,
                MysqlSettings(max_replica_lag_seconds=5),
                WORKERS,
                opener(replace(source, user="meek_eye"), tmp_path),
            ),
        ):
            pass
    finally:
        execute(source, "DROP USER meek_eye")


def test_a_server_that_follows_nobody_does_not_lag(mysql_pair, mariadb_pair, tmp_path):
    for server in (mysql_pair.source, mariadb_pair.source):
        end = replace(server, user=server.owner, password=server.owner_password)
        with opener(end, tmp_path)() as session:
            assert throttle.replica_lag(session) == 0.0
            running = throttle.threads_running(session)
            assert 1 <= running <= int(fetch(end, "SELECT COUNT(*) FROM information_schema.processlist")[0][0]) + 1


def test_the_lag_of_a_replica_is_seen(run, said, mysql_pair, tmp_path):
    """A replica that applies an hour late, where a second is allowed."""
    source = mysql_pair.source
    with private_target(tmp_path / "private") as private:
        file, position, *_ = fetch(source, "SHOW BINARY LOG STATUS")[0]
        replica = private.endpoint
        execute(
            replica,
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{source.host}', SOURCE_PORT = {source.port},"
            f" SOURCE_USER = '{source.user}', SOURCE_PASSWORD = '{source.password}', SOURCE_SSL = 1,"
            f" SOURCE_LOG_FILE = '{file}', SOURCE_LOG_POS = {position}, SOURCE_DELAY = 3600",
            "START REPLICA",
        )
        execute(source, f"CREATE DATABASE {SCHEMA}", f"DROP DATABASE {SCHEMA}")
        connect_once = opener(replace(replica, user=replica.owner, password=replica.owner_password), tmp_path)
        with throttle.throttled(run, MysqlSettings(max_replica_lag_seconds=1), WORKERS, connect_once):
            line = said.wait_for(f"1 of {WORKERS} workers may read: replica lag in seconds is")
            assert line.endswith("the limit 1")
            execute(replica, "STOP REPLICA", "RESET REPLICA ALL")
            said.wait_for(f"{WORKERS} of {WORKERS} workers may read")
