"""Fifty deaths at random moments: `pytest tests/bench/bench_mysql_kills.py -s`. Exactness is asserted, cost printed."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mysql_kills import fill, survive
from mysql_move import checksums, execute, fetch, prepare

if TYPE_CHECKING:
    from endpoints import MysqlPair

SCHEMA = "bench_kills"
DEATHS = int(os.environ.get("DEATHS", "50"))
WORKERS = 3
TABLES = ("big", "names", "keyless")


@pytest.mark.timeout(3600)
def test_deaths(mysql_pair: MysqlPair, tmp_path: Path) -> None:
    dice = random.Random(20250101)
    deaths = repeated = chunks = copies = 0
    where: Counter[str] = Counter()
    while deaths < DEATHS:
        fill(mysql_pair, SCHEMA)
        folder = tmp_path / str(copies)
        folder.mkdir()
        move = prepare(mysql_pair, folder, schemas=[SCHEMA], chunk_mib=1, workers=WORKERS)
        tally = survive(move, mysql_pair.target, dice, min(6, DEATHS - deaths))
        assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)
        for table in TABLES:
            shown = f"SHOW CREATE TABLE {SCHEMA}.{table}"
            assert fetch(mysql_pair.target, shown) == fetch(mysql_pair.source, shown)
        assert tally.repeated <= WORKERS * tally.deaths
        deaths, repeated, chunks = deaths + tally.deaths, repeated + tally.repeated, chunks + tally.chunks
        where += tally.where
        copies += 1
    print(f"\n{deaths} deaths in {copies} copies of {chunks} chunks, all exact; {repeated} chunks loaded twice")
    print("where: " + ", ".join(f"{step} {count}" for step, count in where.most_common()))
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, f"DROP DATABASE {SCHEMA}")
