from __future__ import annotations

import itertools
import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.phases.mysql.catalog import Column, Table
from wkms_migrate.phases.mysql.chunks import cut

KEY = tuple(Column(name=name, type="int", charset=None) for name in "abc")


def table(width: int) -> Table:
    return Table(schema="s", name="t", columns=KEY, key=KEY[:width], rows=0, bytes=0)


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(1, 3).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.tuples(*[st.integers(0, 2)] * n)))))
def test_every_row_is_in_exactly_one_chunk_in_order(case):
    width, found = case
    bounds = [tuple(map(str, bound)) for bound in sorted(found)]
    rows = list(itertools.product(range(3), repeat=width))
    with sqlite3.connect(":memory:") as database:
        names = ", ".join("abc"[:width])
        database.execute(f"CREATE TABLE t ({names})")
        database.executemany(f"INSERT INTO t VALUES ({', '.join('?' * width)})", rows)
        parts = [
            database.execute(f"SELECT {names} FROM t{chunk.where(table(width))} ORDER BY {names}").fetchall()
            for chunk in cut(bounds)
        ]
    database.close()
    assert [row for part in parts for row in part] == rows
    assert [part[-1] for part in parts[:-1]] == sorted(found)
