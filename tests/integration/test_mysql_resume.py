"""The copy under attack: killed anywhere, cut off from its servers, written to while it reads."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from endpoints import MysqlEndpoint, MysqlPair
from mysql_kills import fill, kill_at, loads, survive
from mysql_move import Move, checksums, execute, fetch, prepare

from wkms_migrate import events
from wkms_migrate.errors import Interrupted, Partial

pytestmark = pytest.mark.integration

SCHEMA = "resume_case"
WORKERS = 3


@pytest.fixture
def move(mysql_pair: MysqlPair, tmp_path: Path) -> Iterator[Move]:
    fill(mysql_pair, SCHEMA)
    yield prepare(mysql_pair, tmp_path, schemas=[SCHEMA], chunk_mib=1)
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")


def assert_exact(pair: MysqlPair) -> None:
    assert checksums(pair.target, SCHEMA) == checksums(pair.source, SCHEMA)
    for table in ("big", "names", "keyless"):
        shown = f"SHOW CREATE TABLE {SCHEMA}.{table}"
        assert fetch(pair.target, shown) == fetch(pair.source, shown)
    assert fetch(pair.target, f"SELECT * FROM {SCHEMA}.v") == fetch(pair.source, f"SELECT * FROM {SCHEMA}.v")


def test_killed_again_and_again_it_ends_exact(move, mysql_pair):
    """Each process dies a little later than the one before; rows change while the copy is not whole."""
    deaths = 0
    while kill_at(move, 4 + 3 * deaths):
        deaths += 1
        data = move.context().state.steps.get("mysql/data")
        if data is None or data.status != "done":
            execute(
                mysql_pair.source,
                f"UPDATE {SCHEMA}.big SET v = 'changed {deaths}' WHERE id = {deaths * 700}",
                f"DELETE FROM {SCHEMA}.big WHERE id = {deaths * 900}",
                f"INSERT INTO {SCHEMA}.names VALUES ('가 {deaths}', NULL), ('힣 {deaths}', '')",
                f"UPDATE {SCHEMA}.keyless SET b = 'changed {deaths}' LIMIT 1",
            )
    assert deaths > 4
    assert_exact(mysql_pair)
    assert all(one.ok for one in move.context().state.verified.values())


def test_chunks_of_one_table_do_not_stand_in_each_others_way(move, mysql_pair):
    before = loads(mysql_pair.target)
    state = move.run()
    chunks = sum(table["chunks"] for table in state.outputs("mysql")["tables"].values())
    assert chunks > 8
    assert loads(mysql_pair.target) - before == chunks


@pytest.mark.parametrize("die_at", [4, 12, 18, 28])
def test_killed_once_it_goes_on(move, mysql_pair, die_at):
    assert kill_at(move, die_at)
    done: list[str] = []
    move.run(lambda event: done.append(event.step) if isinstance(event, events.StepStarted) else None)
    assert_exact(mysql_pair)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_deaths_cost_at_most_a_chunk_of_each_worker(move, mysql_pair, seed):
    tally = survive(move, mysql_pair.target, random.Random(seed), deaths=5)
    assert tally.deaths > 2
    assert tally.repeated <= WORKERS * tally.deaths
    assert_exact(mysql_pair)


def test_what_changed_between_two_attempts_is_copied_again_and_nothing_else(mysql_pair, tmp_path, move):
    """One worker goes through the big table's chunks in order: what was copied before the stop is known."""
    move = prepare(mysql_pair, tmp_path, schemas=[SCHEMA], chunk_mib=1, workers=1, include=[f"{SCHEMA}.big"])
    source = mysql_pair.source
    execute(source, f"DELETE FROM {SCHEMA}.big WHERE id IN (500, 1500, 11500)")
    landed: list[str] = []

    def stop(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and "#bounds" not in event.key:
            landed.append(event.key)
            if len(landed) == 4:  # the journal has three by now
                raise Interrupted("enough")

    with pytest.raises(Interrupted):
        move.run(stop)
    assert all(key.startswith(f"{SCHEMA}.big#") for key in landed)
    bounds = [int(bound[0]) for bound in move.context().state.steps["mysql/data"].cursors[f"{SCHEMA}.big#bounds"]]
    assert len(bounds) >= 4
    execute(
        source,
        f"UPDATE {SCHEMA}.big SET v = 'changed' WHERE id = {bounds[0]}",  # in the first chunk, which is copied
        f"DELETE FROM {SCHEMA}.big WHERE id = {bounds[1]}",  # in the second, which is copied
        f"UPDATE {SCHEMA}.big SET v = 'changed' WHERE id = {bounds[3]}",  # in the fourth, which no checkpoint names
        f"DELETE FROM {SCHEMA}.big WHERE id = {bounds[3] + 1}",
        f"INSERT INTO {SCHEMA}.big VALUES (11500, 'back'), (99999, 'beyond the last')",
    )
    before = loads(mysql_pair.target)
    chunks = sum(table["chunks"] for table in move.run().outputs("mysql")["tables"].values())
    assert loads(mysql_pair.target) - before == chunks - 1  # only the third was there and is as it was
    query = f"SELECT id, v FROM {SCHEMA}.big ORDER BY id"
    assert fetch(mysql_pair.target, query) == fetch(source, query)


def test_chunks_that_are_there_are_not_copied_again(move, mysql_pair):
    checkpoints = 0

    def stop(event: events.Event) -> None:
        nonlocal checkpoints
        checkpoints += isinstance(event, events.Checkpoint) and "#bounds" not in event.key
        if checkpoints == 5:
            raise Interrupted("enough")

    with pytest.raises(Interrupted):
        move.run(stop)
    before = loads(mysql_pair.target)
    state = move.run()
    chunks = sum(table["chunks"] for table in state.outputs("mysql")["tables"].values())
    assert loads(mysql_pair.target) - before <= chunks - 4
    assert_exact(mysql_pair)


def sessions(end: MysqlEndpoint) -> list[str]:
    return [row[0] for row in fetch(end, f"SELECT id FROM information_schema.processlist WHERE user = '{end.user}'")]


def cut(end: MysqlEndpoint, ids: list[str]) -> None:
    execute(end, *(f"KILL {number}" for number in ids))


def test_a_lost_connection_to_the_target_is_made_anew(move, mysql_pair):
    killed = threading.Event()

    def kill(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and "#bounds" not in event.key and not killed.is_set():
            killed.set()
            cut(mysql_pair.target, sessions(mysql_pair.target))

    move.run(kill)
    assert killed.is_set()
    assert_exact(mysql_pair)


def test_a_snapshot_that_is_lost_stops_the_copy_and_a_new_run_goes_on(move, mysql_pair):
    def kill(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and "#bounds" not in event.key:
            cut(mysql_pair.source, sessions(mysql_pair.source))

    with pytest.raises(Partial, match="connection to the source was lost"):
        move.run(kill)
    move.run()
    assert_exact(mysql_pair)


READS = {"select", "show", "change_db", "set_option", "lock_tables", "unlock_tables"} | {
    *("begin", "commit", "rollback", "savepoint", "rollback_to_savepoint")  # of transactions that only read
}


@pytest.mark.parametrize("tries", [20, 0], ids=["double read", "lock"])
def test_the_source_is_only_read(move, mysql_pair, tmp_path, tries):
    """Told by the server itself: no GTID more, and of our account no statement that is not among those that read."""
    source = mysql_pair.source
    move = prepare(mysql_pair, tmp_path, schemas=[SCHEMA], chunk_mib=1, snapshot_tries=tries, max_threads_running=50)
    execute(source, "TRUNCATE TABLE performance_schema.events_statements_summary_by_user_by_event_name")
    position = "SHOW BINARY LOG STATUS"
    before = fetch(source, position)
    move.run()
    assert fetch(source, position) == before
    counted = fetch(
        source,
        "SELECT SUBSTRING_INDEX(event_name, '/', -1), count_star"
        " FROM performance_schema.events_statements_summary_by_user_by_event_name"
        f" WHERE user = '{source.user}' AND event_name LIKE 'statement/sql/%' AND count_star > 0",
    )
    verbs = {"show" if verb.startswith("show_") else verb for verb, _ in counted}
    assert {"select", "show"} <= verbs <= READS
    assert ("lock_tables" in verbs) == (tries == 0)


@pytest.mark.parametrize("tries", [20, 0], ids=["double read", "lock"])
def test_writers_do_not_tear_the_snapshot(move, mysql_pair, tries, tmp_path):
    """Every transaction moves one unit between two tables and writes one line: the sum never changes."""
    execute(
        mysql_pair.source,
        f"CREATE TABLE {SCHEMA}.left_side (id INT PRIMARY KEY, n INT)",
        f"CREATE TABLE {SCHEMA}.right_side (id INT PRIMARY KEY, n INT)",
        f"CREATE TABLE {SCHEMA}.line (id INT AUTO_INCREMENT PRIMARY KEY)",
        f"INSERT INTO {SCHEMA}.left_side VALUES (1, 1000000)",
        f"INSERT INTO {SCHEMA}.right_side VALUES (1, 0)",
    )
    first = _transactions(mysql_pair.source)
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(mysql_pair.source, stop))
    move = prepare(mysql_pair, tmp_path, schemas=[SCHEMA], chunk_mib=1, snapshot_tries=tries)
    writer.start()
    try:
        state = move.run()
    finally:
        stop.set()
        writer.join(30)
    snapshot = state.outputs("mysql")["snapshot"]
    lines = int(fetch(mysql_pair.target, f"SELECT COUNT(*) FROM {SCHEMA}.line")[0][0])
    sums = f"SELECT l.n + r.n, r.n FROM {SCHEMA}.left_side l, {SCHEMA}.right_side r"
    assert fetch(mysql_pair.target, sums) == [("1000000", str(lines))]
    assert _last(snapshot["gtid_executed"]) - first == lines
    assert snapshot["method"] == ("double read" if tries and snapshot["method"] == "double read" else "LOCK TABLES")
    assert _transactions(mysql_pair.source) - first > lines > 0


def _write(end: MysqlEndpoint, stop: threading.Event) -> None:
    with end.connect(as_owner=True, autocommit=False, database=SCHEMA) as connection, connection.cursor() as cursor:
        while not stop.is_set():
            cursor.execute("UPDATE left_side SET n = n - 1")
            cursor.execute("UPDATE right_side SET n = n + 1")
            cursor.execute("INSERT INTO line VALUES (NULL)")
            connection.commit()


def _transactions(end: MysqlEndpoint) -> int:
    return _last(fetch(end, "SELECT @@global.gtid_executed")[0][0])


def _last(gtids: str) -> int:
    return int(gtids.rpartition("-")[2].rpartition(":")[2])
