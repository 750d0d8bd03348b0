"""MariaDB where no MySQL runs: the servers as the profiles make them, the whole WKMS from one to the other."""

from __future__ import annotations

import platform
import re
import shlex
from pathlib import Path

import pymysql
import pytest
from endpoints import MysqlPair
from mysql_move import checksums, execute, prepare

from wkms_migrate.lab import mysql_binaries, seed

pytestmark = pytest.mark.integration


def test_mariadb_comes_with_the_reason_where_no_mysql_runs(monkeypatch, tmp_path):
    real = mysql_binaries.mariadb(print)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    unpacked = tmp_path / "wkms-migrate" / f"mysql-{platform.machine()}" / "usr"
    _program(unpacked / "lib/any-linux-gnu/ld-linux-any.so.2", "exit 127")
    _program(tmp_path / "bin/mariadbd", f'exec {shlex.join(real.mysqld)} "$@"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    said: list[str] = []
    found = mysql_binaries.find(said.append)
    assert (found.mariadb, found.mysqld) == (True, (str(tmp_path / "bin/mariadbd"),))
    assert re.fullmatch(
        r"No MySQL server .* runs MariaDB in its place: The server unpacked in .* does not run .*", said[0]
    )


def _program(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="ascii")
    path.chmod(0o755)


def test_the_administrators_of_mariadb_are_no_superusers(mariadb_pair: MysqlPair) -> None:
    for server in (mariadb_pair.source, mariadb_pair.target):
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            assert "MariaDB" in cursor.fetchone()[0]
            with pytest.raises(pymysql.err.OperationalError, match=r"SUPER|BINLOG ADMIN"):
                cursor.execute("SET GLOBAL binlog_format = 'STATEMENT'")


def test_no_account_of_mariadb_is_open(mariadb_pair: MysqlPair) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(host=mariadb_pair.target.host, port=mariadb_pair.target.port, user="root", password="")


def test_the_whole_wkms_arrives_from_mariadb_on_mariadb(mariadb_pair, tmp_path):
    execute(mariadb_pair.target, "DROP DATABASE IF EXISTS wkms")
    move = prepare(mariadb_pair, tmp_path, schemas=["wkms"], chunk_mib=4)
    seeded = seed.seed(move.context().settings, "s", print, parts=["mysql"], manifest=tmp_path / "seed.json")
    state = move.run()
    assert {name: table["source"][0] for name, table in state.outputs("mysql")["tables"].items()} == {
        f"wkms.{name}": expected["count"] for name, expected in seeded["parts"]["mysql"].items()
    }
    assert checksums(mariadb_pair.target, "wkms") == checksums(mariadb_pair.source, "wkms")
