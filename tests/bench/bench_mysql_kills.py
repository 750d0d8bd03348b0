"""Fifty deaths at random moments: `pytest tests/bench/bench_mysql_kills.py -s`. Exactness is asserted, cost printed.

A fifth of them each strikes copies, dumps, loads, `mysql verify` and `mysql repair`.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import mysql_dump
import pytest
from commands import mysql
from mysql_kills import EARLY, LATE, Tally, fill, kill_command, survive, survive_dump, survive_load
from mysql_move import checksums, execute, fetch, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from endpoints import MysqlPair

SCHEMA = "bench_kills"
DEATHS = int(os.environ.get("DEATHS", "50"))
EACH = DEATHS // 5
AT_ONCE = 12  # deaths of one copy, dump or load at most: enough to come to its last steps
WORKERS = 3
TABLES = ("big", "names", "keyless")
OPTIONS = {"schemas": [SCHEMA], "chunk_mib": 1, "workers": WORKERS}
MUTATIONS = (
    "UPDATE big SET v = CONCAT(v, '!') WHERE id % 700 = 0",
    "DELETE FROM big WHERE id BETWEEN 5000 AND 5100",
    "INSERT INTO big VALUES (999999, 'not on the source')",
    "UPDATE names SET v = NULL WHERE name LIKE '이름77%'",
    "INSERT INTO keyless VALUES (1, 'x'), (7, NULL)",
)


@pytest.fixture
def pair(mysql_pair: MysqlPair) -> Iterator[MysqlPair]:
    yield mysql_pair
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")


def assert_exact(pair: MysqlPair) -> None:
    assert checksums(pair.target, SCHEMA) == checksums(pair.source, SCHEMA)
    for table in TABLES:
        shown = f"SHOW CREATE TABLE {SCHEMA}.{table}"
        assert fetch(pair.target, shown) == fetch(pair.source, shown)
    ours, theirs = (fetch(end, f"SHOW CREATE TRIGGER {SCHEMA}.tr")[0][2] for end in (pair.source, pair.target))
    assert theirs.partition(" TRIGGER ")[2] == ours.partition(" TRIGGER ")[2]  # its owner is another one there


def many(what: str, once: Callable[[Path, random.Random, int], Tally], folder: Path) -> None:
    """Let one after the other survive until enough have died, and print what it cost."""
    dice = random.Random(f"{what} 20250101")
    total, number = Tally(), 0
    while total.deaths < EACH:
        number += 1
        place = folder / str(number)
        place.mkdir()
        tally = once(place, dice, min(AT_ONCE, EACH - total.deaths))
        assert tally.repeated <= WORKERS * tally.deaths
        total.deaths, total.where = total.deaths + tally.deaths, total.where + tally.where
        total.chunks, total.loads = total.chunks + tally.chunks, total.loads + tally.loads
    print(f"\n{what}: {total.deaths} deaths of {number}, all exact; {total.repeated} of {total.chunks} chunks twice")
    print("  where: " + ", ".join(f"{step} {count}" for step, count in total.where.most_common()))


@pytest.mark.timeout(3600)
def test_deaths_of_copies(pair: MysqlPair, tmp_path: Path) -> None:
    def once(folder: Path, dice: random.Random, deaths: int) -> Tally:
        fill(pair, SCHEMA)
        tally = survive(prepare(pair, folder, **OPTIONS), pair.target, dice, deaths, (EARLY, LATE))
        assert_exact(pair)
        return tally

    many("copy", once, tmp_path)


@pytest.mark.timeout(3600)
def test_deaths_of_dumps(pair: MysqlPair, tmp_path: Path) -> None:
    """What was dumped by halves is exact when all of it comes back."""

    def once(folder: Path, dice: random.Random, deaths: int) -> Tally:
        fill(pair, SCHEMA)
        halves = mysql_dump.prepare(pair, folder, **OPTIONS)
        tally = survive_dump(halves, dice, deaths, (EARLY, LATE))
        halves.load()
        assert_exact(pair)
        return tally

    many("dump", once, tmp_path)


@pytest.mark.timeout(3600)
def test_deaths_of_loads(pair: MysqlPair, tmp_path: Path) -> None:
    def once(folder: Path, dice: random.Random, deaths: int) -> Tally:
        fill(pair, SCHEMA)
        halves = mysql_dump.prepare(pair, folder, **OPTIONS)
        halves.dump()
        tally = survive_load(halves, pair.target, dice, deaths, (EARLY, LATE))
        assert_exact(pair)
        return tally

    many("load", once, tmp_path)


def mutated(pair: MysqlPair, folder: Path) -> Path:
    """Make both ends alike but for rows of every table; return the configuration."""
    fill(pair, SCHEMA)
    move = prepare(pair, folder, **OPTIONS)
    move.run()
    trigger = fetch(pair.target, f"SHOW CREATE TRIGGER {SCHEMA}.tr")[0][2]
    execute(pair.target, f"USE {SCHEMA}", "DROP TRIGGER tr", *MUTATIONS, trigger)
    return move.file


def seconds(file: Path, *words: str) -> float:
    began = time.monotonic()
    assert mysql(file, *words).data
    return time.monotonic() - began


@pytest.mark.timeout(3600)
def test_deaths_of_verifications(pair: MysqlPair, tmp_path: Path) -> None:
    """They change nothing, and the next says what one that lived would have said."""
    file = mutated(pair, tmp_path)
    wanted, before = mysql(file, "verify").data, checksums(pair.target, SCHEMA)
    longest = seconds(file, "verify")
    dice, deaths = random.Random("verify 20250101"), 0
    while deaths < EACH:
        deaths += kill_command(file, "verify", seconds=dice.uniform(0, longest))
        assert checksums(pair.target, SCHEMA) == before
    assert mysql(file, "verify").data == wanted
    print(f"\nverify: {deaths} deaths within {longest:.1f} s, nothing changed, the same found")


@pytest.mark.timeout(3600)
def test_deaths_of_repairs(pair: MysqlPair, tmp_path: Path) -> None:
    """Each table is as it was or as the source at any time, and the last repair brings all, triggers included."""
    file = mutated(pair, tmp_path)
    longest = seconds(file, "repair", "--dry-run") * 1.5 if EACH else 0.0
    dice, where = random.Random("repair 20250101"), Counter[str]()
    wrong, right = checksums(pair.target, SCHEMA), checksums(pair.source, SCHEMA)
    while where.total() < EACH:
        died = kill_command(file, "repair", "--yes", seconds=dice.uniform(0, longest))
        now = checksums(pair.target, SCHEMA)
        assert all(now[table] in {wrong[table], right[table]} for table in now)
        repaired = sum(now[table] == right[table] != wrong[table] for table in now)
        if died:
            where[f"{repaired} of {len(TABLES)} tables repaired"] += 1
        if repaired == len(TABLES) or not died:
            assert mysql(file, "repair", "--yes").code == 0
            assert_exact(pair)
            file = mutated(pair, _below(tmp_path))
    assert mysql(file, "repair", "--yes").code == 0
    assert_exact(pair)
    print(f"\nrepair: {where.total()} deaths within {longest:.1f} s, no table by halves, all exact")
    print("  where: " + ", ".join(f"{place} {count}" for place, count in where.most_common()))


def _below(folder: Path) -> Path:
    made = folder / f"again-{len(list(folder.iterdir()))}"
    made.mkdir()
    return made
