"""Accounts, roles and grants, moved by the administrators that Azure and RDS give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest
from endpoints import MysqlEndpoint, MysqlPair
from mysql_move import Move, execute, fetch, prepare

from wkms_migrate import events
from wkms_migrate.errors import VerificationFailed

pytestmark = pytest.mark.integration

SCHEMA, NEW = "people_case", "people_new"
USERS = ["pp_app", "pp_reader", "pp_role", "pp_below", "pp_owner", "pp_other", "pp_root", "pp_entra", "pp_quote'`d"]
PASSWORD = "a Passw0rd, and more!"
Make = Callable[..., Move]


def clean(pair: MysqlPair) -> None:
    for end in (pair.source, pair.target):
        execute(end, *(f"DROP DATABASE IF EXISTS {name}" for name in (SCHEMA, NEW)))
        execute(end, *(f"DROP USER IF EXISTS {quoted(name)}" for name in USERS))


def quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`@`%`"


@pytest.fixture
def make(mysql_pair: MysqlPair, tmp_path: Path) -> Iterator[Make]:
    """Return what fills a schema with accounts and makes a move of it."""

    def made(*statements: str, **options: object) -> Move:
        first = [f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", "CREATE TABLE t (id INT PRIMARY KEY, v INT)"]
        execute(mysql_pair.source, *first, *statements)
        return prepare(mysql_pair, tmp_path, **{"schemas": [SCHEMA], **options})

    clean(mysql_pair)
    yield made
    clean(mysql_pair)


def grants(end: MysqlEndpoint, user: str) -> list[str]:
    """Return what an account was granted, without its name."""
    found = [line for (line,) in fetch(end, f"SHOW GRANTS FOR {quoted(user)}")]
    return sorted(
        line.replace(f" TO {quoted(user)}", "").removeprefix("GRANT ") for line in found if "USAGE" not in line
    )


def log_in(end: MysqlEndpoint, user: str) -> pymysql.Connection:
    return replace(end, user=user, password=PASSWORD).connect(autocommit=True)


def test_people_log_in_as_before_and_may_do_the_same(make, mysql_pair):
    move = make(
        "CREATE PROCEDURE p() SELECT 1",
        f"CREATE USER pp_app IDENTIFIED BY '{PASSWORD}' REQUIRE SSL WITH MAX_USER_CONNECTIONS 9 COMMENT 'the app'",
        "CREATE ROLE pp_role, pp_below",
        f"GRANT SELECT, INSERT ON `{SCHEMA.replace('_', chr(92) + '_')}`.* TO pp_below",
        "GRANT pp_below TO pp_role",
        "GRANT pp_role TO pp_app WITH ADMIN OPTION",
        "SET DEFAULT ROLE pp_role TO pp_app",
        f"GRANT UPDATE (v), SELECT (id, v) ON {SCHEMA}.t TO pp_app WITH GRANT OPTION",
        f"GRANT EXECUTE ON PROCEDURE {SCHEMA}.p TO pp_app",
        f"CREATE USER `pp_quote'``d` IDENTIFIED BY '{PASSWORD}'",
        f"GRANT ALL ON {SCHEMA}.* TO `pp_quote'``d`",
        "CREATE USER pp_other",
        "GRANT SELECT ON mysql.* TO pp_other",
        rename={SCHEMA: NEW},
    )
    state = move.run()
    assert (state.outputs("mysql")["users"], state.outputs("mysql")["grants_refused"]) == (4, {})
    with log_in(mysql_pair.target, "pp_app") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_ROLE()")
        assert cursor.fetchone() == ("`pp_role`@`%`",)
        cursor.execute(f"INSERT INTO {NEW}.t VALUES (1, 1)")
        cursor.execute(f"CALL {NEW}.p()")
        with pytest.raises(pymysql.err.OperationalError, match="DELETE command denied"):
            cursor.execute(f"DELETE FROM {NEW}.t")
    assert grants(mysql_pair.target, "pp_app") == [
        f"EXECUTE ON PROCEDURE `{NEW}`.`p`",
        f"SELECT (`id`, `v`), UPDATE (`v`) ON `{NEW}`.`t` WITH GRANT OPTION",
        "`pp_role`@`%` WITH ADMIN OPTION",
    ]
    assert grants(mysql_pair.target, "pp_below") == [f"SELECT, INSERT ON `{NEW}`.*"]
    assert grants(mysql_pair.target, "pp_quote'`d") == [f"ALL PRIVILEGES ON `{NEW}`.*"]
    with log_in(mysql_pair.target, "pp_quote'`d"):
        pass
    assert not fetch(mysql_pair.target, "SELECT 1 FROM mysql.user WHERE user = 'pp_other'")
    shown = (
        "SELECT ssl_type, max_user_connections, account_locked, user_attributes FROM mysql.user WHERE user LIKE 'pp_%'"
    )
    known = f"{shown} AND user <> 'pp_other' ORDER BY user"
    assert fetch(mysql_pair.target, known) == fetch(mysql_pair.source, known)


def test_no_hash_is_written_down(make, mysql_pair, tmp_path):
    make(f"CREATE USER pp_app IDENTIFIED BY '{PASSWORD}'", f"GRANT SELECT ON {SCHEMA}.* TO pp_app").run()
    ((digest,),) = fetch(mysql_pair.source, "SELECT HEX(authentication_string) FROM mysql.user WHERE user = 'pp_app'")
    plain = bytes.fromhex(digest)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.startswith("journal") for path in written)
    for path in written:
        content = path.read_bytes()
        assert digest.encode() not in content.upper()
        assert plain[-20:] not in content


def test_a_refused_account_is_told_without_its_hash(make, mysql_pair):
    move = make(f"CREATE USER pp_app IDENTIFIED BY '{PASSWORD}'", f"GRANT SELECT ON {SCHEMA}.* TO pp_app")
    execute(mysql_pair.target, "SET GLOBAL super_read_only = OFF", "REVOKE CREATE USER ON *.* FROM rds_superuser_role")
    try:
        with pytest.raises(Exception, match="refused to make the account `pp_app`@`%`") as refused:
            move.run()
    finally:
        execute(mysql_pair.target, "GRANT CREATE USER ON *.* TO rds_superuser_role WITH GRANT OPTION")
    ((digest,),) = fetch(mysql_pair.source, "SELECT HEX(authentication_string) FROM mysql.user WHERE user = 'pp_app'")
    told: BaseException | None = refused.value
    while told is not None:
        assert digest[:40] not in str(told).upper()
        told = told.__cause__ or told.__context__
    move.run()


def test_what_rds_does_not_give_is_told_and_left_out(make, mysql_pair):
    state = make(
        "CREATE USER pp_app",
        "GRANT SELECT, FILE, PROCESS ON *.* TO pp_app",
        "GRANT BACKUP_ADMIN, XA_RECOVER_ADMIN ON *.* TO pp_app",
        "CREATE USER pp_root",
        "GRANT SUPER, SELECT ON *.* TO pp_root",
    ).run()
    assert grants(mysql_pair.target, "pp_app") == ["SELECT, PROCESS ON *.*", "XA_RECOVER_ADMIN ON *.*"]
    lost = [one.text for one in state.findings.values() if one.code == "mysql-grant-lost"]
    assert lost == ["FILE, BACKUP_ADMIN ON *.* cannot be given by the target's administrator."]
    left = state.outputs("mysql")["users_left"]
    assert "administrator" in left["`pp_root`@`%`"]
    assert not fetch(mysql_pair.target, "SELECT 1 FROM mysql.user WHERE user = 'pp_root'")


def test_owners_of_objects_go_along_and_stay_owners(make, mysql_pair):
    make("CREATE USER pp_owner", "CREATE DEFINER=pp_owner VIEW w AS SELECT id FROM t").run()
    assert fetch(
        mysql_pair.target, f"SELECT definer FROM information_schema.views WHERE table_schema = '{SCHEMA}'"
    ) == [("pp_owner@%",)]


def test_an_account_that_is_there_keeps_its_password(make, mysql_pair):
    execute(mysql_pair.target, f"CREATE USER pp_app IDENTIFIED BY '{PASSWORD}'")
    state = make("CREATE USER pp_app IDENTIFIED BY 'another'", f"GRANT SELECT ON {SCHEMA}.* TO pp_app").run()
    with log_in(mysql_pair.target, "pp_app"):
        pass
    assert [one.object for one in state.findings.values() if one.code == "mysql-user-kept"] == ["`pp_app`@`%`"]
    assert grants(mysql_pair.target, "pp_app") == [f"SELECT ON `{SCHEMA}`.*"]


def test_a_grant_that_is_missing_fails_verification(make, mysql_pair):
    move = make("CREATE USER pp_app", f"GRANT SELECT, INSERT ON {SCHEMA}.* TO pp_app")

    def revoke(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "mysql/verify":
            execute(mysql_pair.target, f"REVOKE INSERT ON {SCHEMA}.* FROM pp_app")

    with pytest.raises(VerificationFailed, match=r"`pp_app`@`%`: grants is INSERT ON"):
        move.run(revoke)


def test_users_may_stay_behind(make, mysql_pair):
    make("CREATE USER pp_app", f"GRANT SELECT ON {SCHEMA}.* TO pp_app", users=False).run()
    assert not fetch(mysql_pair.target, "SELECT 1 FROM mysql.user WHERE user = 'pp_app'")
