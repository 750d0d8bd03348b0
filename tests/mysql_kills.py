"""Kills what moves rows again and again at random moments, each time in a process of its own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from endpoints import MysqlEndpoint, MysqlPair
from mysql_dump import Halves
from mysql_move import Move, execute, fetch, filled

from wkms_migrate.journal import RunState

TESTS = Path(__file__).parent
SECONDS = 120
# After about so many events a process dies: in the midst of the rows, and in the steps behind them. A step that is done
# states none, so each death comes further on.
EARLY, LATE = 8, 40
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
        """Chunks loaded, or files written, more than once."""
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
    return _dies(TESTS / "mysql_move.py", move.file, number, delay)


def kill_half_at(halves: Halves, half: str, number: int, delay: float = 0.0) -> bool:
    """Run a dump or a load in a process that dies at or after an event; False when it ended before."""
    return _dies(TESTS / "mysql_dump.py", halves.file, halves.place, half, number, delay)


def _dies(*words: object) -> bool:
    ended = subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
    )
    assert ended.returncode in {0, -9}, ended.stderr
    return ended.returncode == -9


def kill_command(file: Path, *words: str, seconds: float) -> bool:
    """Run a mysql command in a process that dies after so many seconds; False when it ended before."""
    running = subprocess.Popen(
        [sys.executable, "-m", "wkms_migrate", "mysql", *words, "--config", file],
        cwd=file.parent,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        running.kill()
    return running.wait(SECONDS) == -signal.SIGKILL


def again_and_again(
    dies: Callable[[int, float], bool], dice: random.Random, deaths: int, events: Sequence[int]
) -> Iterator[int]:
    """Yield after each death, so many at most, at a random event and for half of them a little later."""
    for number in range(deaths):
        delay = dice.choice([0.0, dice.uniform(0.001, LONGEST_DELAY)])
        if not dies(1 + int(dice.expovariate(1 / dice.choice(events))), delay):
            return
        yield number


def struck(state: RunState) -> str:
    """Return the step that was at work when its process died."""
    open_ones = [name for name, step in state.steps.items() if step.status != "done"]
    return open_ones[-1] if open_ones else f"after {list(state.steps)[-1] if state.steps else 'nothing'}"


def survive(
    move: Move, target: MysqlEndpoint, dice: random.Random, deaths: int, events: Sequence[int] = (EARLY,)
) -> Tally:
    """Kill one copy up to so many times, then let it end."""
    tally = Tally()
    before = loads(target)
    for _ in again_and_again(lambda number, delay: kill_at(move, number, delay), dice, deaths, events):
        tally.deaths += 1
        tally.where[struck(move.context().state)] += 1
    state = move.run()
    tally.loads = loads(target) - before
    tally.chunks = sum(table["chunks"] for table in state.outputs("mysql")["tables"].values())
    assert all(one.ok for one in state.verified.values())
    return tally


def survive_dump(halves: Halves, dice: random.Random, deaths: int, events: Sequence[int] = (EARLY,)) -> Tally:
    """Kill one dump up to so many times, then let it end. A file that is written again is another file."""
    tally = Tally()
    files: set[tuple[str, int, int]] = set()

    def look() -> None:
        for path in Path(halves.place).rglob("*.tsv.zst"):
            found = path.stat()
            files.add((str(path), found.st_ino, found.st_mtime_ns))

    for _ in again_and_again(lambda number, delay: kill_half_at(halves, "dump", number, delay), dice, deaths, events):
        tally.deaths += 1
        tally.where[struck(halves.state("dump-source"))] += 1
        look()
    halves.dump()
    look()
    tally.loads, tally.chunks = len(files), len({path for path, _, _ in files})
    return tally


def survive_load(
    halves: Halves, target: MysqlEndpoint, dice: random.Random, deaths: int, events: Sequence[int] = (EARLY,)
) -> Tally:
    """Kill one load up to so many times, then let it end."""
    tally = Tally()
    before = loads(target)
    for _ in again_and_again(lambda number, delay: kill_half_at(halves, "load", number, delay), dice, deaths, events):
        tally.deaths += 1
        tally.where[struck(halves.state("load"))] += 1
    state = halves.load()
    tally.loads, tally.chunks = loads(target) - before, len(list(Path(halves.place).rglob("*.tsv.zst")))
    assert all(one.ok for one in state.verified.values())
    return tally
