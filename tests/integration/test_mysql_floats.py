"""FLOAT and DOUBLE by their bits: carried as they are, and told apart by the digest, on every pair of servers."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import pytest
from commands import mysql
from endpoints import MysqlEndpoint, MysqlPair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mysql_move import execute, fetch, prepare

from wkms_migrate.phases.mysql import digest
from wkms_migrate.phases.mysql.catalog import Column

pytestmark = pytest.mark.integration

SCHEMA = "float_bits"
EDGES = [0.0, 5e-324, 1e-310, 2.225073858507201e-308, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1e22, 1e16]
DOUBLES = st.one_of(
    st.sampled_from([sign * edge for edge in EDGES for sign in (1, -1)]),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
    st.integers(0, 2**52 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),  # near zero
    st.floats(allow_nan=False, allow_infinity=False),
).filter(math.isfinite)
FLOATS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from([1.401298464324817e-45, 16777216.0])
)


@pytest.fixture(params=["mysql", "mariadb", "mysql to mariadb"])
def pair(request: pytest.FixtureRequest, mysql_pair: MysqlPair, mariadb_pair: MysqlPair) -> Iterator[MysqlPair]:
    mixed = MysqlPair(source=mysql_pair.source, target=mariadb_pair.target)
    chosen = {"mysql": mysql_pair, "mariadb": mariadb_pair, "mysql to mariadb": mixed}[request.param]
    yield chosen
    for end in (chosen.source, chosen.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")


def fill(end: MysqlEndpoint, doubles: list[float], floats: list[float]) -> None:
    """Write the values so that the server, whichever it is, holds these bits."""
    rows = [f"({at}, '{one!r}', NULL)" for at, one in enumerate(doubles)]
    rows += [f"({at}, NULL, '{one!r}')" for at, one in enumerate(floats, len(doubles))]
    execute(
        end,
        f"DROP DATABASE IF EXISTS {SCHEMA}",
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, d DOUBLE, f FLOAT)",
        *([f"INSERT INTO {SCHEMA}.t VALUES {', '.join(rows)}"] if rows else []),
    )


def is_mariadb(end: MysqlEndpoint) -> bool:
    return "MariaDB" in fetch(end, "SELECT VERSION()")[0][0]


def stored(end: MysqlEndpoint) -> list[tuple[str | None, ...]]:
    """Return the bits, written by another function than the digest's."""
    return fetch(end, f"SELECT id, HEX(ST_AsWKB(POINT(d, 0))), HEX(ST_AsWKB(POINT(f, 0))) FROM {SCHEMA}.t ORDER BY id")


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(doubles=st.lists(DOUBLES, min_size=60, max_size=300), floats=st.lists(FLOATS, min_size=20, max_size=100))
def test_every_value_arrives_in_its_bits_and_is_found_equal(pair, tmp_path_factory, doubles, floats):
    if is_mariadb(pair.target):  # whose columns hold no negative zero: see below
        doubles, floats = ([one or 0.0 for one in ones] for ones in (doubles, floats))
    fill(pair.source, doubles, floats)
    assert {row[1] for row in stored(pair.source)} >= {wkb(one) for one in doubles}
    execute(pair.target, f"DROP DATABASE IF EXISTS {SCHEMA}")
    prepare(pair, tmp_path_factory.mktemp("move"), schemas=[SCHEMA], users=False).run()
    assert stored(pair.target) == stored(pair.source)


def wkb(one: float) -> str:
    return struct.pack("<BIdd", 1, 1, one, 0.0).hex().upper()


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(doubles=st.lists(DOUBLES.filter(lambda one: abs(one) < EDGES[5]), min_size=20, max_size=60))
def test_a_change_of_the_last_bit_is_found(pair, tmp_path_factory, doubles):
    fill(pair.source, doubles, [])
    fill(pair.target, [math.nextafter(one, math.inf) for one in doubles], [])
    move = prepare(pair, tmp_path_factory.mktemp("move"), schemas=[SCHEMA], users=False)
    ended = mysql(move.file, "verify", "--limit", "100")
    assert ended.code == 3
    assert len(ended.data["tables"][0]["rows"]) == len(doubles)


def test_neighbours_that_mysql_writes_alike_inside_a_text_are_two(mysql_pair):
    """Why floats are not compared as text; falls when that changes."""
    fill(mysql_pair.source, [-1.9570138635658195e-30, -1.957013863565819e-30], [])
    form = digest.canonical(Column(name="d", type="double", charset=None))
    query = f"SELECT COUNT(DISTINCT {{}}) FROM {SCHEMA}.t"
    assert fetch(mysql_pair.source, query.format("CONCAT(IFNULL(CAST(d AS DOUBLE), '~'))")) == [("1",)]
    assert fetch(mysql_pair.source, query.format(f"CONCAT({form})")) == [("2",)]
    execute(mysql_pair.source, f"DROP DATABASE {SCHEMA}")


NEGATIVE = struct.pack("<d", -0.0).hex().upper()
ZEROES = ["'-0'", "'-0.0'", "-0e0", "0e0 * -1", f"ST_X(ST_GeomFromWKB(x'0101000000{NEGATIVE}{NEGATIVE}'))"]


def test_a_negative_zero_stays_in_columns_of_mysql_and_not_of_mariadb(mysql_pair, mariadb_pair, tmp_path):
    """MariaDB reads it and computes with it, and drops the sign when it is stored; falls when that changes."""
    file = tmp_path / "zeroes.tsv"
    file.write_text("".join(f"{at}\t{text}\t{text}\n" for at, text in enumerate(["-0", "-0.0", "-0e0"], 100)))
    for end, kept in ((mysql_pair.target, True), (mariadb_pair.target, False)):
        fill(end, [], [])
        execute(end, *(f"INSERT INTO {SCHEMA}.t VALUES ({at}, {one}, {one})" for at, one in enumerate(ZEROES)))
        with (
            end.connect(as_owner=True, autocommit=True, local_infile=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {SCHEMA}.t")
        computed = fetch(end, f"SELECT {', '.join(f'ATAN2({one}, -1) < 0' for one in ZEROES)}")
        assert computed == [("1",) * len(ZEROES)]
        held = {row[1:] for row in stored(end)}
        assert held == {(wkb(-0.0 if kept else 0.0),) * 2}
        assert len(stored(end)) == len(ZEROES) + 3
        execute(end, f"DROP DATABASE {SCHEMA}")
