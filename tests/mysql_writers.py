"""Writers on a source, in a process of their own, and what snapshots taken meanwhile must hold.

Every transaction moves one unit from `left_side` to `right_side` and adds one row to `line`: whoever sees one point in
time sees the same sum, and as many rows as units moved, and as many rows as transactions in the binary log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from endpoints import MysqlEndpoint
from mysql_move import execute, fetch

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import binlog

UNITS = 1_000_000_000
Span = tuple[float, float]  # begin and end of a transaction on the monotonic clock, which processes share


@dataclass(slots=True)
class Writing:
    """Writers at work; `spans` is there once they ended."""

    end: MysqlEndpoint
    schema: str
    first: int
    spans: list[Span] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Transactions in a second."""
        return len(self.spans) / (self.spans[-1][1] - self.spans[0][0])

    def see(self, session: Session) -> int:
        """Return how many transactions a session sees; all three tables must tell the same."""
        left, right, lines = session.rows(
            f"SELECT (SELECT SUM(n) FROM {self.schema}.left_side), (SELECT SUM(n) FROM {self.schema}.right_side),"
            f" (SELECT COUNT(*) FROM {self.schema}.line)"
        )[0]
        assert int(left) + int(right) == UNITS, "a transaction is seen in part"
        assert int(right) == int(lines), "a transaction is seen in part"
        return int(lines)

    def at(self, position: binlog.Position) -> int:
        """Return how many transactions the binary log holds before a position."""
        return last(position.gtid_executed) - self.first


def last(gtids: str) -> int:
    """Return the number of the last transaction of a log that only one server wrote."""
    return int(gtids.rpartition("-")[2].rpartition(":")[2] or 0)


def executed(end: MysqlEndpoint) -> int:
    """Return the number of the last transaction of a server."""
    mariadb = "MariaDB" in fetch(end, "SELECT VERSION()")[0][0]
    return last(fetch(end, f"SELECT @@GLOBAL.{'gtid_binlog_pos' if mariadb else 'gtid_executed'}")[0][0])


def prepare(end: MysqlEndpoint, schema: str, rows: int = 8) -> None:
    """Make the writers' tables; each writer has rows of its own, so that they do not wait for each other."""
    execute(end, f"DROP DATABASE IF EXISTS {schema}", f"CREATE DATABASE {schema}")
    for name in ("left_side", "right_side"):
        execute(end, f"CREATE TABLE {schema}.{name} (id INT PRIMARY KEY, n BIGINT)")
    execute(end, f"CREATE TABLE {schema}.line (id INT AUTO_INCREMENT PRIMARY KEY)")
    for number in range(rows):
        execute(
            end,
            f"INSERT INTO {schema}.left_side VALUES ({number}, {UNITS if number == 0 else 0})",
            f"INSERT INTO {schema}.right_side VALUES ({number}, 0)",
        )


@contextmanager
def writing(end: MysqlEndpoint, schema: str, *, writers: int = 3, pause: float = 0.0) -> Iterator[Writing]:
    """Let writers run while the block does; `pause` is how many seconds each rests between transactions."""
    prepare(end, schema, writers)
    running = Writing(end, schema, executed(end))
    asked = {"host": end.host, "port": end.port, "ca": str(end.ca), "schema": schema, "pause": pause}
    process = subprocess.Popen(
        [sys.executable, __file__, json.dumps({**asked, "user": end.owner, "writers": writers})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PASSWORD": end.owner_password, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])},
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "writing\n"
        yield running
    finally:
        told, _ = process.communicate(timeout=60)
        running.spans = sorted((begin, end) for begin, end in json.loads(told or "[]"))
    assert process.returncode == 0


def main(asked: dict[str, object]) -> None:
    """Write until the standard input ends, then print the spans of all transactions."""
    import pymysql

    stop = threading.Event()
    spans: list[Span] = []
    ready = threading.Barrier(int(str(asked["writers"])) + 1)

    def write(number: int) -> None:
        with (
            pymysql.connect(
                host=str(asked["host"]),
                port=int(str(asked["port"])),
                user=str(asked["user"]),
                password=os.environ["PASSWORD"],
                database=str(asked["schema"]),
                ssl={"ca": asked["ca"]},
            ) as connection,
            connection.cursor() as cursor,
        ):
            ready.wait()
            while not stop.wait(float(str(asked["pause"]))):
                begin = time.monotonic()
                cursor.execute(f"UPDATE left_side SET n = n - 1 WHERE id = {number}")
                cursor.execute(f"UPDATE right_side SET n = n + 1 WHERE id = {number}")
                cursor.execute("INSERT INTO line VALUES (NULL)")
                connection.commit()
                spans.append((begin, time.monotonic()))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(int(str(asked["writers"])))]
    for thread in threads:
        thread.start()
    ready.wait()
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps(spans))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
