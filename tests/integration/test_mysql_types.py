"""Every column type with its extremes, compared on both ends by the servers' own checksums and value by value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from endpoints import MysqlPair
from mysql_move import Move, checksums, execute, fetch, prepare
from mysql_types import MATRIX, RELAXED

from wkms_migrate.phases.mysql import data

pytestmark = pytest.mark.integration

SCHEMA = "type_matrix"


@pytest.fixture(scope="module", params=[0, 1 << 30], ids=["row by row", "joined"])
def moved(
    request: pytest.FixtureRequest, mysql_pair: MysqlPair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Move]:
    statements = [f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", RELAXED]
    for number, (kind, values) in enumerate(MATRIX.items()):
        statements.append(f"CREATE TABLE t{number} (id INT PRIMARY KEY, v {kind})")
        rows = values if "NOT NULL" in kind else [*values, "NULL"]
        statements += [f"INSERT INTO t{number} VALUES ({at}, {value})" for at, value in enumerate(rows)]
    execute(mysql_pair.source, *statements)
    execute(mysql_pair.target, f"DROP DATABASE IF EXISTS {SCHEMA}")
    move = prepare(mysql_pair, tmp_path_factory.mktemp("types"), schemas=[SCHEMA])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "SMALL_ROW", request.param)
        move.run()
    yield move
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, f"DROP DATABASE {SCHEMA}")


@pytest.mark.parametrize(("number", "kind"), list(enumerate(MATRIX)), ids=list(MATRIX))
@pytest.mark.usefixtures("moved")
def test_every_value_is_stored_in_the_same_bytes(mysql_pair, number, kind):
    query = f"SELECT id, v, LENGTH(v) FROM {SCHEMA}.t{number} ORDER BY id"
    source = fetch(mysql_pair.source, query)
    assert len(source) >= len(MATRIX[kind])
    assert fetch(mysql_pair.target, query) == source
    checksum = f"CHECKSUM TABLE {SCHEMA}.t{number}"
    assert fetch(mysql_pair.target, checksum) == fetch(mysql_pair.source, checksum)


@pytest.mark.usefixtures("moved")
def test_the_checksums_would_tell(mysql_pair):
    assert len(set(checksums(mysql_pair.source, SCHEMA).values())) > len(MATRIX) // 2
