"""Preflight on real servers: faults made by SET GLOBAL, DDL and GRANT, and none on a clean pair."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pymysql
import pytest
from commands import mysql
from endpoints import MysqlEndpoint, MysqlPair
from external import need
from mysql_move import Move, execute, fetch, prepare

from wkms_migrate.phases.mysql import parameter_group, preflight, rules
from wkms_migrate.phases.mysql.rules import Verdict

pytestmark = pytest.mark.integration

SCHEMA = "preflight_case"
READ_ONLY_VARIABLE = 1238
TABLE = "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME)"
EVENT = "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1"
ROUTINE = "CREATE PROCEDURE r() SELECT 1"


@pytest.fixture
def make(mysql_pair, tmp_path) -> Iterator:
    yield lambda *statements, **options: _made(mysql_pair, tmp_path, *statements, **options)
    _clean(mysql_pair)


def _made(pair: MysqlPair, folder, *statements: str, **options: object) -> Move:
    _clean(pair)
    execute(pair.source, f"CREATE DATABASE {SCHEMA}")
    execute(pair.source, *statements, schema=SCHEMA)
    return prepare(pair, folder, **{"schemas": [SCHEMA], **options})


def _clean(pair: MysqlPair) -> None:
    for end in (pair.source, pair.target):
        execute(end, f"DROP DATABASE IF EXISTS {SCHEMA}")


def judged(move: Move) -> Verdict:
    survey, absent = preflight.examine(move.context())
    assert not absent
    return rules.check(survey)


def ids(move: Move) -> set[str]:
    return {one.id for one in judged(move).problems}


@contextmanager
def setting(end: MysqlEndpoint, name: str, value: str) -> Iterator[None]:
    """Set a global variable for a while."""
    before = fetch(end, f"SELECT @@GLOBAL.{name}")[0][0]
    execute(end, f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        kept = before if re.fullmatch(r"\d+", str(before)) else f"'{before}'"
        execute(end, f"SET GLOBAL {name} = {kept}")


# What the lab's servers have on purpose: Azure's retention, no TLS demanded by RDS, an owner who may do everything.
OF_THE_LAB = {"binlog-retention", "secure-transport", "account-power"}


def test_a_clean_pair_has_no_error(make):
    verdict = judged(make(TABLE, EVENT, ROUTINE, "CREATE VIEW v AS SELECT * FROM t"))
    assert not verdict.errors()
    assert {one.id for one in verdict.problems} - {"time-zone-names-source"} <= OF_THE_LAB | {"events"}
    assert not verdict.unjudged


SOURCE_FAULTS = [
    ("zero-dates", "sql_mode", "'STRICT_TRANS_TABLES'"),
    ("sql-mode-group-by", "sql_mode", "'STRICT_TRANS_TABLES'"),
    ("innodb-strict", "innodb_strict_mode", "OFF"),
    ("binlog-row-image", "binlog_row_image", "'MINIMAL'"),
    ("binlog-row-value-options", "binlog_row_value_options", "'PARTIAL_JSON'"),
    ("binlog-compression", "binlog_transaction_compression", "ON"),
    ("hidden-keys-unseen", "show_gipk_in_create_table_and_information_schema", "OFF"),
    ("init-connect", "init_connect", "'SET @a = 1'"),
    ("group-concat", "group_concat_max_len", "1048576"),
    ("auto-increment-step", "auto_increment_increment", "2"),
    ("source-connections", "max_connections", "4"),
]
TARGET_FAULTS = [
    ("local-infile", "local_infile", "OFF"),
    ("max-allowed-packet", "max_allowed_packet", "1048576"),
    ("sql-mode", "sql_mode", "'ANSI_QUOTES'"),
    ("sql-mode-strict", "sql_mode", "''"),
    ("time-zone", "time_zone", "'+09:00'"),
    ("event-scheduler", "event_scheduler", "OFF"),
    ("function-creators", "log_bin_trust_function_creators", "OFF"),
    ("transaction-isolation", "transaction_isolation", "'READ-COMMITTED'"),
    ("server-charset", "character_set_server", "latin1"),
    ("server-collation", "collation_server", "utf8mb4_general_ci"),
    ("timestamp-defaults", "explicit_defaults_for_timestamp", "OFF"),
    ("primary-key-required", "sql_require_primary_key", "ON"),
    ("hidden-keys-forced", "sql_generate_invisible_primary_key", "ON"),
    ("target-connections", "max_connections", "4"),
    ("target-read-only", "read_only", "ON"),
]


@pytest.fixture(scope="module")
def bare(mysql_pair, tmp_path_factory) -> Iterator[Move]:
    without_key = "SET SESSION sql_generate_invisible_primary_key = OFF", "CREATE TABLE n (a INT)"
    yield _made(mysql_pair, tmp_path_factory.mktemp("bare"), TABLE, EVENT, ROUTINE, *without_key)
    _clean(mysql_pair)


@pytest.mark.parametrize(("id", "name", "value"), SOURCE_FAULTS)
def test_a_setting_of_the_source_is_told(bare, mysql_pair, id, name, value):
    assert id not in ids(bare)
    with setting(mysql_pair.source, name, value):
        assert id in ids(bare)


@pytest.mark.parametrize(("id", "name", "value"), TARGET_FAULTS)
def test_a_setting_of_the_target_is_told(bare, mysql_pair, id, name, value):
    assert id not in ids(bare)
    with setting(mysql_pair.target, name, value):
        assert id in ids(bare)


def test_faults_of_tables_are_told(make, mysql_pair):
    move = make(
        "CREATE TABLE m (a INT PRIMARY KEY) ENGINE=MyISAM",
        "CREATE TABLE old (a VARCHAR(9) CHARACTER SET utf8mb3)",
        "CREATE TABLE base (id INT PRIMARY KEY)",
        "CREATE TABLE child (id INT PRIMARY KEY, b INT, CONSTRAINT fk FOREIGN KEY (b) REFERENCES base (id))",
        "CREATE SPATIAL REFERENCE SYSTEM IF NOT EXISTS 5179001 NAME 'ours' DEFINITION"
        ' \'GEOGCS["ours",DATUM["d",SPHEROID["s",6378137,298.25]],PRIMEM["g",0],UNIT["degree",0.017453292519943278],'
        'AXIS["Lat",NORTH],AXIS["Lon",EAST]]\'',
        "CREATE TABLE places (id INT PRIMARY KEY, p POINT NOT NULL SRID 5179001)",
        "CREATE VIEW broken AS SELECT * FROM m",
        "CREATE TABLE n (a INT PRIMARY KEY)",
        "CREATE DEFINER=`never_made`@`%` VIEW theirs AS SELECT * FROM n",
        exclude=[f"{SCHEMA}.base", "nothing.*"],
    )
    execute(mysql_pair.source, f"ALTER TABLE {SCHEMA}.m RENAME {SCHEMA}.m2")
    execute(mysql_pair.target, f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.there (a INT)")
    found = {(one.id, one.object) for one in judged(move).problems}
    assert found >= {
        ("engine-no-snapshot", f"{SCHEMA}.m2"),
        ("charset-utf8mb3", ""),
        ("foreign-key-outside", f"{SCHEMA}.child"),
        ("srid-unknown", f"{SCHEMA}.places"),
        ("view-broken", f"{SCHEMA}.broken"),
        ("definer-missing", "never_made@%"),
        ("selection-unmatched", "nothing.*"),
        ("target-not-empty", SCHEMA),
    }


def test_a_key_that_is_not_unique_is_told_where_it_would_be_refused(make, mysql_pair):
    move = make(
        "SET SESSION restrict_fk_on_non_standard_key = OFF",
        "CREATE TABLE p (id INT PRIMARY KEY, b INT, KEY (b))",
        "CREATE TABLE c (id INT PRIMARY KEY, b INT, CONSTRAINT loose FOREIGN KEY (b) REFERENCES p (b))",
    )
    assert "foreign-key-not-unique" in ids(move)
    with setting(mysql_pair.target, "restrict_fk_on_non_standard_key", "OFF"):
        assert "foreign-key-not-unique" not in ids(move)


@pytest.fixture
def poor(make, mysql_pair, tmp_path) -> Iterator:
    """Make a move whose source account has these rights only."""
    made: list[str] = []

    def with_rights(*statements: str) -> Move:
        made.append("'poor'@'%'")
        create = "CREATE USER 'poor'@'%' IDENTIFIED BY 'poor-password'"
        execute(mysql_pair.source, "DROP USER IF EXISTS 'poor'@'%'", create, *statements)
        make(TABLE, ROUTINE)
        user = replace(mysql_pair.source, user="poor", password="poor-password")
        return prepare(MysqlPair(source=user, target=mysql_pair.target), tmp_path, schemas=[SCHEMA])

    yield with_rights
    execute(mysql_pair.source, "DROP USER IF EXISTS 'poor'@'%'", "DROP ROLE IF EXISTS 'reader'")


def test_rights_on_one_schema_are_enough_but_for_routines(poor):
    move = poor(f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON `{SCHEMA}`.* TO 'poor'@'%'")
    verdict = judged(move)
    assert {one.id for one in verdict.errors()} == {"routine-privilege"}
    assert "binlog-position-privilege" in {one.id for one in verdict.problems}
    assert "account-plugin" in verdict.unjudged  # mysql.user is closed to it


def test_a_role_counts_when_it_is_active_and_is_told_when_not(poor):
    rights = (
        "DROP ROLE IF EXISTS 'reader'",
        "CREATE ROLE 'reader'",
        "GRANT SELECT, TRIGGER, EVENT, SHOW_ROUTINE, REPLICATION CLIENT ON *.* TO 'reader'",
        "GRANT 'reader' TO 'poor'@'%'",
    )
    told = {one.id for one in judged(poor(*rights)).problems}
    # The role that holds SELECT is not active, so the schema is not even to be seen.
    assert told >= {"source-role-inactive", "source-privilege"}
    verdict = judged(poor(*rights, "SET DEFAULT ROLE 'reader' TO 'poor'@'%'"))
    assert not verdict.errors()
    assert "source-role-inactive" not in {one.id for one in verdict.problems}


@pytest.fixture
def partial_revokes(mysql_pair) -> Iterator[None]:
    execute(mysql_pair.source, "SET GLOBAL partial_revokes = ON")
    yield
    execute(mysql_pair.source, "DROP USER IF EXISTS 'poor'@'%'", "SET GLOBAL partial_revokes = OFF")


ALL = "SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD, REPLICATION CLIENT, SHOW_ROUTINE"
RIGHTS = f"GRANT {ALL} ON *.* TO 'poor'@'%'"


@pytest.mark.usefixtures("partial_revokes")
@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        (f"REVOKE TRIGGER ON `{SCHEMA}`.* FROM 'poor'@'%'", {"source-privilege"}),
        ("REVOKE TRIGGER, SELECT ON `mysql`.* FROM 'poor'@'%'", set()),
    ],
    ids=["of the moved schema", "of another"],
)
def test_a_right_that_was_revoked_for_one_schema_is_missing_there(poor, statement, missing):
    problems = [one for one in judged(poor(RIGHTS, statement)).errors() if "privilege" in one.id]
    assert {one.id for one in problems} == missing
    assert all("TRIGGER" in one.evidence and SCHEMA in (one.object + one.evidence) for one in problems)


@pytest.mark.usefixtures("partial_revokes")
def test_a_role_gives_back_what_was_revoked(poor):
    statements = (
        f"REVOKE TRIGGER ON `{SCHEMA}`.* FROM 'poor'@'%'",
        "DROP ROLE IF EXISTS 'reader'",
        "CREATE ROLE 'reader'",
        "GRANT TRIGGER ON *.* TO 'reader'",
        "GRANT 'reader' TO 'poor'@'%'",
        "SET DEFAULT ROLE 'reader' TO 'poor'@'%'",
    )
    assert not [one for one in judged(poor(RIGHTS, *statements)).errors() if "privilege" in one.id]


def test_mariadb_has_no_false_missing_right(mariadb_pair, tmp_path):
    try:
        move = _made(mariadb_pair, tmp_path, TABLE, ROUTINE, EVENT, "CREATE VIEW v AS SELECT * FROM t")
        verdict = judged(move)
    finally:
        _clean(mariadb_pair)
    assert not [one for one in verdict.problems if "privilege" in one.id]
    assert not verdict.errors()
    assert not verdict.unjudged


def test_before_provision_the_source_alone_is_judged(make):
    move = make(TABLE)
    text = re.sub(r"(?ms)^aws:.*?(?=^\S)", "", move.file.read_text(encoding="utf-8"))
    move.file.write_text(text, encoding="utf-8")
    ended = mysql(move.file, "preflight")
    assert ended.code == 0, ended.told
    assert ended.data["unjudged"].keys() == {rule.id for rule in rules.RULES if rule.on_target}
    assert "The target was not looked at" in ended.told


def test_the_command_finds_an_error_and_writes_the_group(make, mysql_pair):
    move = make(TABLE, ROUTINE)
    with setting(mysql_pair.target, "local_infile", "OFF"):
        ended = mysql(move.file, "preflight", "--parameter-group", "group.tf", "--skip-rule", "time-*")
        accepted = mysql(move.file, "preflight", "--rule", "time-*", "--rule", "name-*")
    assert ended.code == 1
    (problem,) = [one for one in ended.data["problems"] if one["severity"] == "error"]
    assert problem["id"] == "local-infile"
    assert "ParameterName=local_infile,ParameterValue=1,ApplyMethod=immediate" in problem["fix"]["aws"]
    assert "1 thing stands in the way" in ended.data["error"]
    assert accepted.code == 0, accepted.told
    text = (move.file.parent / "group.tf").read_text(encoding="utf-8")
    assert 'name         = "log_bin_trust_function_creators"' in text
    assert mysql(move.file, "preflight", "--parameter-group", "group.tf").code == 2
    terraform = need("terraform")
    done = subprocess.run(
        [terraform, "fmt", "-check", "-diff", "group.tf"],
        cwd=move.file.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_list_needs_no_server(tmp_path):
    (tmp_path / "none.yaml").write_text("", encoding="utf-8")
    ended = mysql(tmp_path / "none.yaml", "preflight", "--list")
    assert ended.code == 0
    assert [one["id"] for one in json.loads(json.dumps(ended.data))] == [rule.id for rule in rules.RULES]


def test_parameters_are_static_or_dynamic_as_on_the_server(mysql_pair):
    """RDS takes at once what the server takes while it runs."""
    named = {match for rule in rules.RULES for match in re.findall(r"ParameterName=(\w+)", rule.fix.aws)}
    known = {name for (name, _) in fetch(mysql_pair.target, "SHOW GLOBAL VARIABLES")}
    asked = (named | parameter_group.CARRIED.keys() | parameter_group.STATIC) & known
    assert len(asked) > 25
    for name in asked:
        try:
            execute(mysql_pair.target, f"SET GLOBAL {name} = @@GLOBAL.{name}")
        except pymysql.MySQLError as error:
            at_once = error.args[0] != READ_ONLY_VARIABLE
        else:
            at_once = True
        assert (parameter_group.apply_method(name) == "immediate") == at_once, name


def test_the_group_follows_the_source(make, mysql_pair):
    move = make(TABLE)
    with (
        setting(mysql_pair.source, "time_zone", "'+09:00'"),
        setting(mysql_pair.source, "group_concat_max_len", "4096"),
    ):
        survey, _ = preflight.examine(move.context())
    values = {one.name: (one.value, one.apply_method) for one in parameter_group.parameters(survey)}
    assert values["time_zone"] == ("Asia/Seoul", "immediate")
    assert values["lower_case_table_names"] == ("1", "pending-reboot")
    assert values["group_concat_max_len"] == ("4096", "immediate")
    assert values["require_secure_transport"] == ("1", "immediate")


def test_a_role_of_mariadb_counts_when_it_is_active(mariadb_pair, tmp_path):
    end = mariadb_pair.source
    _made(mariadb_pair, tmp_path, TABLE)
    create = "CREATE USER 'poor'@'%' IDENTIFIED BY 'poor-password'"
    grant = "GRANT SELECT, TRIGGER, EVENT, LOCK TABLES, BINLOG MONITOR ON *.* TO reader"
    execute(end, create, "CREATE ROLE reader", grant, "GRANT reader TO 'poor'@'%'")
    try:
        poor = MysqlPair(source=replace(end, user="poor", password="poor-password"), target=mariadb_pair.target)
        move = prepare(poor, tmp_path, schemas=[SCHEMA])
        assert ids(move) >= {"source-role-inactive", "source-privilege"}
        execute(end, "SET DEFAULT ROLE reader FOR 'poor'@'%'")
        verdict = judged(move)
        assert not verdict.errors()
        assert not [one for one in verdict.problems if "role" in one.id or "privilege" in one.id]
    finally:
        execute(end, "DROP USER 'poor'@'%'", "DROP ROLE reader")
        _clean(mariadb_pair)
