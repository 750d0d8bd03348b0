"""Speed and memory of the mysql phase: `pytest tests/bench/bench_mysql.py -s`. Prints figures, asserts memory only.

CPU seconds are given beside the clock, because they stay comparable on a busy machine.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest
from endpoints import MysqlEndpoint, MysqlPair
from mysql_move import checksums, execute, fetch, filled, prepare

from wkms_migrate import events

SCHEMA = "bench_case"
WIDE_COLUMNS = (
    "id BIGINT UNSIGNED PRIMARY KEY, title VARCHAR(300), body MEDIUMTEXT, meta JSON, at DATETIME(6), score DOUBLE,"
    " near FLOAT, raw VARBINARY(64), KEY (title(20))"
)
WIDE_VALUES = (
    "n, CONCAT('취업규칙 개정안 ', n), REPEAT('연차 휴가는 언제까지 써야 하나요? 😀 ', 20),"
    " JSON_OBJECT('no', n, 'tags', JSON_ARRAY('인사', '규정')), '2025-01-01' + INTERVAL n SECOND, n / 7, n / 3,"
    " UNHEX(SHA2(n, 256))"
)
NARROW_COLUMNS = "id BIGINT UNSIGNED PRIMARY KEY, a INT, b INT, c DATETIME, d VARCHAR(20), KEY (a)"
NARROW_VALUES = "n, n DIV 7, n * 3, '2025-01-01' + INTERVAL n SECOND, CONCAT('abc', n)"


def cpu_seconds(end: MysqlEndpoint) -> float:
    """Return the processor time of a server on this machine."""
    pid_file = Path(fetch(end, "SELECT @@pid_file")[0][0])
    if not pid_file.is_absolute():
        pid_file = Path(fetch(end, "SELECT @@datadir")[0][0]) / pid_file
    fields = Path("/proc", pid_file.read_text().strip(), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("table", "rows"),
    [((WIDE_COLUMNS, WIDE_VALUES), 150_000), ((NARROW_COLUMNS, NARROW_VALUES), 1_000_000)],
    ids=["wide", "narrow"],
)
def test_copy(mysql_pair: MysqlPair, tmp_path: Path, table: tuple[str, str], rows: int) -> None:
    ends = (mysql_pair.source, mysql_pair.target)
    for end in ends:
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")
    columns, values = table
    execute(
        mysql_pair.source,
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t ({columns})",
        f"INSERT INTO {SCHEMA}.t {filled(rows, values)}",
        f"ANALYZE TABLE {SCHEMA}.t",
    )
    marks: dict[str, tuple[float, float, float, float]] = {}

    def now() -> tuple[float, float, float, float]:
        return (time.monotonic(), time.process_time(), cpu_seconds(ends[0]), cpu_seconds(ends[1]))

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepStarted):
            marks[event.step] = now()
        elif isinstance(event, events.StepDone):
            spent = [after - before for before, after in zip(marks[event.step], now(), strict=True)]
            moved = event.result.get("bytes", 0) / 1e6
            speed = f", {moved:.0f} MB, {moved / spent[0]:.1f} MB/s" if moved else ""
            print(
                f"{event.step}: {spent[0]:.1f} s; CPU s: tool {spent[1]:.1f}, source {spent[2]:.1f},"
                f" target {spent[3]:.1f}{speed}"
            )

    prepare(mysql_pair, tmp_path, schemas=[SCHEMA], workers=2).run(watch)
    assert checksums(mysql_pair.target, SCHEMA) == checksums(mysql_pair.source, SCHEMA)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 512 * 1024
    for end in ends:
        execute(end, f"DROP DATABASE {SCHEMA}")
