"""Kills a copy again and again at random moments, each time in a process of its own, and counts what it does twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from endpoints import MysqlEndpoint, MysqlPair
from mysql_move import Move, execute, fetch, filled

TESTS = Path(__file__).parent
SECONDS = 120
EVENTS = 8  # after about so many a process dies; done steps state none, so each death comes further on
LONGEST_DELAY = 0.06


@dataclass(slots=True)
class Tally:
    """What the deaths cost. `where` counts deaths by the step they struck."""

    deaths: int = 0
    chunks: int = 0
    loads: int = 0
    where: Counter[str] = field(default_factory=Counter)

    @property
    def repeated(self) -> int:
        """Chunks loaded more than once."""
        return self.loads - self.chunks


def fill(pair: MysqlPair, schema: str) -> None:
    """Make tables of every kind of key, with objects, so that each step has something to do."""
    for end in (pair.source, pair.target):
        execute(end, f"DROP DATABASE IF EXISTS {schema}")
    execute(
        pair.source,
        f"CREATE DATABASE {schema}",
        f"USE {schema}",
        "CREATE TABLE big (id INT PRIMARY KEY, v TEXT, KEY (v(10)))",
        "INSERT INTO big " + filled(12000, "n, REPEAT('가', 100)"),
        "CREATE TABLE names (name VARCHAR(40) PRIMARY KEY, v TEXT)",
        "INSERT INTO names " + filled(9000, "CONCAT('이름', n), REPEAT('나', 100)"),
        "SET SESSION sql_generate_invisible_primary_key = OFF",
        "CREATE TABLE keyless (a INT, b TEXT, FULLTEXT KEY (b))",
        "INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, NULL)",
        "CREATE VIEW v AS SELECT COUNT(*) AS n FROM big",
        "CREATE TRIGGER tr BEFORE INSERT ON keyless FOR EACH ROW SET NEW.a = NEW.a + 1",
        "ANALYZE TABLE big, names, keyless",
    )


def loads(end: MysqlEndpoint) -> int:
    """Return how many LOAD DATA the server was asked for since it started."""
    return int(fetch(end, "SHOW GLOBAL STATUS LIKE 'Com_load'")[0][1])


def kill_at(move: Move, number: int, delay: float = 0.0) -> bool:
    """Run the phase in a process that dies at or after an event; False when it ended before."""
    ended = subprocess.run(
        [sys.executable, TESTS / "mysql_move.py", move.file, str(number), str(delay)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
    )
    assert ended.returncode in {0, -9}, ended.stderr
    return ended.returncode == -9


def survive(move: Move, target: MysqlEndpoint, dice: random.Random, deaths: int) -> Tally:
    """Kill one copy up to so many times, then let it end."""
    tally = Tally()
    before = loads(target)
    while tally.deaths < deaths:
        number = 1 + int(dice.expovariate(1 / EVENTS))
        if not kill_at(move, number, dice.choice([0.0, dice.uniform(0.001, LONGEST_DELAY)])):
            break
        tally.deaths += 1
        steps = move.context().state.steps
        open_ones = [name for name, step in steps.items() if step.status != "done"]
        tally.where[open_ones[-1] if open_ones else f"after {list(steps)[-1] if steps else 'nothing'}"] += 1
    state = move.run()
    tally.loads = loads(target) - before
    tally.chunks = sum(table["chunks"] for table in state.outputs("mysql")["tables"].values())
    assert all(one.ok for one in state.verified.values())
    return tally
