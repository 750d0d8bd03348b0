"""Accounts in a dump: who goes along, what they may do, and what of their passwords is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest
from commands import mysql
from endpoints import MysqlEndpoint, MysqlPair
from mysql_dump import Halves, prepare
from mysql_move import execute, fetch

from wkms_migrate import events
from wkms_migrate.errors import Interrupted

pytestmark = pytest.mark.integration

SCHEMA, NEW = "dump_people", "dump_people_new"
USERS = ("dp_app", "dp_role", "dp_owner", "dp_other", "dp_new_owner", "dp REQUIRE d")
PASSWORD = "a Passw0rd, and more!"
SECRETS = "SELECT HEX(authentication_string), authentication_string FROM mysql.user WHERE user = 'dp_app'"
Make = Callable[..., Halves]


@pytest.fixture
def make(mysql_pair: MysqlPair, tmp_path: Path) -> Iterator[Make]:
    def clean() -> None:
        for end in (mysql_pair.source, mysql_pair.target):
            execute(end, *(f"DROP DATABASE IF EXISTS {name}" for name in (SCHEMA, NEW)))
            execute(end, *(f"DROP USER IF EXISTS `{name}`@`%`" for name in USERS))

    def made(**options: object) -> Halves:
        execute(
            mysql_pair.source,
            f"CREATE DATABASE {SCHEMA}",
            f"USE {SCHEMA}",
            "CREATE TABLE t (id INT PRIMARY KEY, v INT)",
            "CREATE ROLE dp_role",
            f"GRANT SELECT, INSERT ON {SCHEMA}.* TO dp_role",
            f"CREATE USER dp_app IDENTIFIED BY '{PASSWORD}' REQUIRE SSL WITH MAX_USER_CONNECTIONS 9 COMMENT 'the app'",
            "GRANT dp_role TO dp_app",
            "SET DEFAULT ROLE dp_role TO dp_app",
            f"GRANT UPDATE (v) ON {SCHEMA}.t TO dp_app WITH GRANT OPTION",
            f"CREATE USER `dp REQUIRE d` IDENTIFIED BY '{PASSWORD}'",
            f"GRANT DELETE ON {SCHEMA}.t TO `dp REQUIRE d`",
            "CREATE USER dp_owner, dp_other",
            "CREATE DEFINER=dp_owner VIEW w AS SELECT id FROM t",
        )
        return prepare(mysql_pair, tmp_path, **{"schemas": [SCHEMA], **options})

    clean()
    yield made
    clean()


def log_in(end: MysqlEndpoint, password: str) -> pymysql.Connection:
    return replace(end, user="dp_app", password=password).connect(autocommit=True)


def accounts(end: MysqlEndpoint) -> list[tuple[str, ...]]:
    return fetch(end, "SELECT user, account_locked FROM mysql.user WHERE user LIKE 'dp%' ORDER BY user")


def test_a_load_that_was_cut_off_names_every_account_that_it_made_locked(make, mysql_pair):
    """The account is made and the journal does not say yet that it is locked."""
    halves = make()
    halves.dump()

    def stop(event: events.Event) -> None:
        if isinstance(event, events.Finding) and event.code == "mysql-user-locked":
            raise Interrupted("enough")

    with pytest.raises(Interrupted):
        halves.load(stop)
    made = len(accounts(mysql_pair.target))
    assert made > 0
    state = halves.load()
    assert len(accounts(mysql_pair.target)) > made
    told = {one.object for one in state.findings.values() if one.code == "mysql-user-locked"}
    assert told == {f"`{user}`@`%`" for user, locked in accounts(mysql_pair.target) if locked == "Y"}


def test_accounts_come_back_locked_and_no_hash_is_in_the_dump(make, mysql_pair, tmp_path):
    halves = make()
    halves.dump()
    hexadecimal, plain = fetch(mysql_pair.source, SECRETS)[0]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "manifest.json" in {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert hexadecimal.encode() not in content.upper()
        assert str(plain)[-20:].encode() not in content
        assert b"24412430" not in content  # how hashes of caching_sha2_password begin
    state = halves.load(rename={SCHEMA: NEW})
    assert all(one.ok for one in state.verified.values())
    assert accounts(mysql_pair.target) == [
        ("dp REQUIRE d", "Y"), ("dp_app", "Y"), ("dp_owner", "Y"), ("dp_role", "Y")
    ]  # fmt: skip
    locked = {one.object: one.hint for one in state.findings.values() if one.code == "mysql-user-locked"}
    for password in (PASSWORD, ""):
        with pytest.raises(pymysql.err.OperationalError, match=r"Access denied|locked"):
            log_in(mysql_pair.target, password)
    execute(mysql_pair.target, locked["`dp_app`@`%`"].replace("<password>", "N3w-password!"))
    with log_in(mysql_pair.target, "N3w-password!") as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {NEW}.t VALUES (1, 1)")
        cursor.execute(f"UPDATE {NEW}.t SET v = 2")
        with pytest.raises(pymysql.err.OperationalError, match="DELETE command denied"):
            cursor.execute(f"DELETE FROM {NEW}.t")
    settings = "SELECT ssl_type, max_user_connections, user_attributes FROM mysql.user WHERE user = 'dp_app'"
    assert fetch(mysql_pair.target, settings) == fetch(mysql_pair.source, settings)


def test_with_their_hashes_people_log_in_as_before(make, mysql_pair):
    halves = make(password_hashes=True)
    state = halves.dump()
    (told,) = [one for one in state.findings.values() if one.code == "mysql-accounts-dumped"]
    assert "with the hashes" in told.text
    assert Path(halves.place, "manifest.json").stat().st_mode & 0o077 == 0
    halves.load()
    assert accounts(mysql_pair.target) == [*accounts(mysql_pair.source)[:2], ("dp_owner", "N"), ("dp_role", "Y")]
    assert fetch(mysql_pair.target, SECRETS) == fetch(mysql_pair.source, SECRETS)
    with log_in(mysql_pair.target, PASSWORD):
        pass


def test_an_owner_may_be_another_one(make, mysql_pair):
    execute(mysql_pair.target, "CREATE USER dp_new_owner")
    halves = make()
    halves.dump()
    halves.load(definers={"dp_owner@%": "dp_new_owner@%"})
    owner = f"SELECT definer FROM information_schema.views WHERE table_schema = '{SCHEMA}'"
    assert fetch(mysql_pair.target, owner) == [("dp_new_owner@%",)]
    assert "dp_owner" not in {user for user, _ in accounts(mysql_pair.target)}


def test_a_dump_may_leave_accounts_out(make, mysql_pair):
    halves = make(users=False)
    halves.dump()
    halves.load(users=True)
    assert accounts(mysql_pair.target) == []


def test_the_command_keeps_hashes_only_when_told(make, mysql_pair):
    halves = make()
    hexadecimal = fetch(mysql_pair.source, SECRETS)[0][0]
    for words, held in (((), False), (("--password-hashes",), True)):
        place = Path(f"{halves.place}{len(words)}")
        assert mysql(halves.file, "dump", str(place), *words).code == 0
        assert (hexadecimal in (place / "manifest.json").read_text(encoding="utf-8")) is held
