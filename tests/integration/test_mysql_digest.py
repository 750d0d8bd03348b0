"""The digest of rows is the same on every server and in every release: dumps and checkpoints keep it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from endpoints import MysqlEndpoint, MysqlPair
from mysql_move import execute, prepare

from wkms_migrate.phases.mysql import catalog, digest, servers
from wkms_migrate.phases.mysql.digest import Digest
from wkms_migrate.phases.mysql.settings import MysqlSettings

pytestmark = pytest.mark.integration

SCHEMA = "digest_form"
COLUMNS = (
    "id INT PRIMARY KEY, whole BIGINT UNSIGNED, price DECIMAL(10,3), at DATETIME(6), gone DATE, during TIME(3),"
    " name VARCHAR(20) CHARACTER SET utf8mb4, old VARCHAR(20) CHARACTER SET latin1, raw VARBINARY(20), flags BIT(9),"
    " kind ENUM('a', 'b'), body MEDIUMTEXT CHARACTER SET utf8mb4"
)
TIMES = "'2025-01-02 03:04:05.000006', NULL, '-01:02:03.004'"
ROWS = (
    f"(1, 18446744073709551615, -0.5, {TIMES}, '취업; 규칙~', 'caf\u00e9', X'00FF', 257, 'b', '연차')",
    "(-2, 0, NULL, NULL, '2025-01-02', NULL, '', NULL, X'', 0, NULL, NULL)",
)
FORMS = (
    [
        b"1;18446744073709551615;-0.500;2025-01-02 03:04:05.000006;~;-01:02:03.004;",
        b"15:" + "취업; 규칙~".encode() + b";4:" + "caf\u00e9".encode("latin1") + b";2:\x00\xff;257;2;",
        hashlib.sha256("연차".encode()).hexdigest().encode(),
    ],
    [b"-2;0;~;~;2025-01-02;~;0:;~;0:;0;~;~"],
)


@pytest.fixture(params=["mysql", "mariadb"])
def pair(request: pytest.FixtureRequest, mysql_pair: MysqlPair, mariadb_pair: MysqlPair) -> Iterator[MysqlPair]:
    chosen = {"mysql": mysql_pair, "mariadb": mariadb_pair}[request.param]
    for end in (chosen.source, chosen.target):
        fill(end)
    yield chosen
    for end in (chosen.source, chosen.target):
        execute(end, f"DROP DATABASE {SCHEMA}")


def fill(end: MysqlEndpoint) -> None:
    execute(
        end,
        f"DROP DATABASE IF EXISTS {SCHEMA}",
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t ({COLUMNS})",
        f"INSERT INTO {SCHEMA}.t VALUES {', '.join(ROWS)}",
    )


def test_a_digest_is_the_sum_of_the_hashes_of_documented_forms(pair, tmp_path: Path):
    hashes = [int(hashlib.sha256(b"".join(form)).hexdigest()[:16], 16) for form in FORMS]
    context = prepare(pair, tmp_path, schemas=[SCHEMA]).context()
    for connect in (servers.source, servers.target):
        with connect(context) as session:
            (table,) = catalog.selected(session, MysqlSettings(schemas=(SCHEMA,)))
            assert digest.read(session, table) == Digest(2, sum(hashes) % digest.MODULUS)
