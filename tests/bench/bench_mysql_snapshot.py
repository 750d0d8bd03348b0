"""Snapshots under write load: `pytest tests/bench/bench_mysql_snapshot.py -s`. Exactness is asserted, times printed.

"held" is from asking for the lock until it is given back, as the phase sees it: no writer waits longer for it. "writer"
is the longest transaction of any writer that overlaps a start, whatever kept it; "idle writer" the same between starts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

import pytest
from mysql_move import execute
from mysql_snapshots import Take, seen, taker
from mysql_writers import Span, writing

from wkms_migrate.phases.mysql.snapshot import Snapshot

if TYPE_CHECKING:
    from endpoints import MysqlPair

SCHEMA = "bench_snapshot"
STARTS = int(os.environ.get("SNAPSHOT_STARTS", "500"))


def at(times: list[float], percent: int) -> str:
    return f"p{percent} {quantiles(times, n=100, method='inclusive')[percent - 1] * 1000:.1f} ms"


def longest(spans: list[Span], begin: float, end: float) -> float:
    return max((there - here for here, there in spans if here < end and there > begin), default=0.0)


def measure(take: Take, tries: int, see: Callable[[Snapshot], None]) -> tuple[list[Span], list[float]]:
    """Return when each start began and was through, and how long it held a lock."""
    starts: list[Span] = []
    held: list[float] = []
    for _ in range(STARTS):
        begin = time.monotonic()
        with take(tries=tries) as taken:
            starts.append((begin, time.monotonic()))
            held.append(taken.blocked)
            see(taken)
    return starts, held


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("pause", [0.02, 0.004], ids=["calm", "busy"])
@pytest.mark.parametrize("tries", [10_000, 0], ids=["double read", "LOCK TABLES"])
def test_starts(mysql_pair: MysqlPair, tmp_path: Path, tries: int, pause: float) -> None:
    source = mysql_pair.source
    counted: list[int] = []
    with writing(source, SCHEMA, pause=pause) as writers:
        take = taker(source, tmp_path, SCHEMA)

        def see(taken: Snapshot) -> None:
            assert seen(taken, writers.see) == {writers.at(taken.position)}
            counted.append(taken.tries)

        starts, held = measure(take, tries, see)
    during = [longest(writers.spans, begin, end) for begin, end in starts]
    between = [longest(writers.spans, end, after) for (_, end), (after, _) in pairwise(starts)]
    print(
        f"\n{'double read' if tries else 'LOCK TABLES'}: {len(starts)} starts at {writers.rate:.0f} transactions/s,"
        f" all exact; tries: mean {sum(counted) / len(counted):.1f}, most {max(counted)};"
        f" held: {at(held, 50)}, {at(held, 99)}, most {max(held) * 1000:.1f} ms;"
        f" writer: {at(during, 50)}, {at(during, 99)}; idle writer: {at(between, 50)}, {at(between, 99)}"
    )
    execute(source, f"DROP DATABASE {SCHEMA}")
