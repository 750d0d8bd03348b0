"""A thousand small tables with indexes and foreign keys: `pytest tests/bench/bench_mysql_tables.py -s`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from endpoints import MysqlEndpoint, MysqlPair
from mysql_move import checksums, execute, prepare

from wkms_migrate import events

SCHEMA = "bench_tables"
TABLES = 1000


def definitions(end: MysqlEndpoint) -> list[str]:
    """Return every table as the server shows it."""
    with end.connect(as_owner=True, database=SCHEMA) as connection, connection.cursor() as cursor:
        shown = []
        for number in range(TABLES):
            cursor.execute(f"SHOW CREATE TABLE t{number}")
            shown.append(str(cursor.fetchone()[1]))
        return shown


@pytest.mark.timeout(3600)
def test_a_thousand_tables(mysql_pair: MysqlPair, tmp_path: Path) -> None:
    ends = (mysql_pair.source, mysql_pair.target)
    for end in ends:
        execute(end, "SET foreign_key_checks = 0", f"DROP DATABASE IF EXISTS {SCHEMA}")
    statements = [f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}"]
    for number in range(TABLES):
        parent = max(0, number - 1)
        columns = "id INT AUTO_INCREMENT PRIMARY KEY, parent INT, name VARCHAR(40), KEY (name), KEY (parent, name)"
        statements += [
            f"CREATE TABLE t{number} ({columns}, FOREIGN KEY (parent) REFERENCES t{parent} (id))",
            f"INSERT INTO t{number} (parent, name) VALUES (NULL, '규정'), (1, 'Ⅱ'), (1, NULL)",
        ]
    execute(mysql_pair.source, *statements)

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepDone):
            print(f"{event.step}: {event.seconds:.1f} s")

    began = time.monotonic()
    prepare(mysql_pair, tmp_path, schemas=[SCHEMA], workers=4).run(watch)
    print(f"{TABLES} tables: {time.monotonic() - began:.1f} s")
    assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)
    assert definitions(mysql_pair.target) == definitions(mysql_pair.source)
    for end in ends:
        execute(end, f"DROP DATABASE {SCHEMA}")
