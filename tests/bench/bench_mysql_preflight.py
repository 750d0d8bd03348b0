"""Time of preflight for a schema of 500 tables, on MySQL and on MariaDB: `make bench`."""

from __future__ import annotations

import statistics
import time

import pytest
from mysql_move import execute, prepare

from wkms_migrate.phases.mysql import preflight, rules

SCHEMA = "many_tables"
TABLES = 500
TRIES = 5
LIMIT_SECONDS = 3.0


def definition(number: int) -> str:
    parent = f", CONSTRAINT fk{number} FOREIGN KEY (a) REFERENCES t{number - 1} (id)" if number else ""
    columns = "id INT PRIMARY KEY, a INT, b VARCHAR(99), c DATETIME, d JSON"
    return f"CREATE TABLE t{number} ({columns}, KEY (a), KEY (b){parent})"


@pytest.mark.parametrize("servers", ["mysql_pair", "mariadb_pair"])
def test_preflight(servers, request, tmp_path):
    pair = request.getfixturevalue(servers)
    execute(pair.source, f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}")
    execute(pair.source, *map(definition, range(TABLES)), schema=SCHEMA)
    move = prepare(pair, tmp_path, schemas=[SCHEMA])
    seconds = []
    for _ in range(TRIES):
        started = time.perf_counter()
        survey, _ = preflight.examine(move.context())
        verdict = rules.check(survey)
        seconds.append(time.perf_counter() - started)
        assert not verdict.errors()
    execute(pair.source, f"DROP DATABASE {SCHEMA}")
    print(f"\n{servers}: {TABLES} tables, median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s")
    assert statistics.median(seconds) < LIMIT_SECONDS
