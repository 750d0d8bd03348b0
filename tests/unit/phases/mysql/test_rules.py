"""Each rule by a survey that has the fault, beside one that has none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from wkms_migrate.phases.mysql import rules
from wkms_migrate.phases.mysql.catalog import Column, Table
from wkms_migrate.phases.mysql.grants import Grants, parse
from wkms_migrate.phases.mysql.moved import ForeignKey, Moved, Stored
from wkms_migrate.phases.mysql.rules import document
from wkms_migrate.phases.mysql.rules.privileges import TARGET_NEEDS
from wkms_migrate.phases.mysql.server_state import Account, Server
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.survey import Survey

SERVER = Server(
    version=(8, 4, 3),
    is_mariadb=False,
    variables={
        "auto_increment_increment": "1",
        "auto_increment_offset": "1",
        "binlog_expire_logs_seconds": "2592000",
        "binlog_format": "ROW",
        "binlog_row_image": "FULL",
        "character_set_server": "utf8mb4",
        "collation_server": "utf8mb4_0900_ai_ci",
        "event_scheduler": "ON",
        "explicit_defaults_for_timestamp": "ON",
        "group_concat_max_len": "1024",
        "gtid_mode": "ON",
        "innodb_page_size": "16384",
        "innodb_redo_log_capacity": "2147483648",
        "innodb_strict_mode": "ON",
        "local_infile": "ON",
        "log_bin": "ON",
        "log_bin_trust_function_creators": "ON",
        "lower_case_table_names": "1",
        "max_allowed_packet": "67108864",
        "max_connections": "151",
        "ngram_token_size": "2",
        "require_secure_transport": "ON",
        "sql_mode": "STRICT_TRANS_TABLES",
        "time_zone": "+00:00",
        "tls_version": "TLSv1.2,TLSv1.3",
        "transaction_isolation": "REPEATABLE-READ",
    },
    grants=parse(["GRANT ALL PRIVILEGES ON *.* TO `u`@`%`"]),
    collations=frozenset({"utf8mb4_0900_ai_ci"}),
    plugins=frozenset({"caching_sha2_password"}),
    accounts=(Account(name="app@%", plugin="caching_sha2_password"),),
    time_zones=600,
    threads=3,
    user="u@%",
)
DATE = Column(name="d", type="date", charset=None)
BLOB = Column(name="b", type="longblob", charset=None)
TABLE = Table(schema="wkms", name="t", columns=(DATE,), key=(DATE,), rows=1, bytes=1)
VIEW = Stored(kind="view", schema="wkms", name="v", definer="app@%")
ROUTINE = Stored(kind="routine", schema="wkms", name="r", definer="app@%", sql_mode="STRICT_TRANS_TABLES")
TRIGGER = Stored(kind="trigger", schema="wkms", name="g", definer="app@%")
EVENT = Stored(kind="event", schema="wkms", name="e", definer="u@%", time_zone="SYSTEM")
MOVED = Moved(
    schemas=frozenset({"wkms"}),
    tables=(TABLE,),
    every=frozenset({"wkms.t"}),
    collations=frozenset({"utf8mb4_0900_ai_ci"}),
    stored=(VIEW, ROUTINE, TRIGGER),
    fulltext=frozenset({"wkms.t"}),
)
GOOD = Survey(settings=MysqlSettings(), source=SERVER, target=SERVER, moved=MOVED)


def source(survey: Survey = GOOD, **variables: str) -> Survey:
    return replace(survey, source=replace(survey.source, variables={**survey.source.variables, **variables}))


def target(survey: Survey = GOOD, **variables: str) -> Survey:
    return replace(survey, target=replace(survey.target, variables={**survey.target.variables, **variables}))


def moved(survey: Survey = GOOD, **changed: object) -> Survey:
    return replace(survey, moved=replace(survey.moved, **changed))


def table(**changed: object) -> Survey:
    return moved(tables=(replace(TABLE, **changed),))


def settings(survey: Survey = GOOD, **changed: object) -> Survey:
    return replace(survey, settings=MysqlSettings(**changed))


def of_source(survey: Survey = GOOD, **changed: object) -> Survey:
    return replace(survey, source=replace(survey.source, **changed))


def of_target(survey: Survey = GOOD, **changed: object) -> Survey:
    return replace(survey, target=replace(survey.target, **changed))


def without(*privileges: str) -> Grants:
    """Return all rights that the rules ask for, but these."""
    every = {*TARGET_NEEDS, "SHOW VIEW", "TRIGGER", "EVENT", "CREATE VIEW", "CREATE ROUTINE", "CREATE USER"}
    every |= {"LOCK TABLES", "REPLICATION CLIENT", "SET_USER_ID"}
    return parse([f"GRANT {', '.join(sorted(every - set(privileges)))} ON *.* TO `u`@`%`"])


GROUPED = "STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY"
CHILD = ForeignKey(name="fk", child="wkms.t", parent="wkms.t", to_unique=False)
FAULTS = [
    ("version-family", "warning", of_source(is_mariadb=True, version=(10, 11, 8))),
    ("version-older", "error", of_target(version=(8, 0, 36))),
    ("version-untested", "warning", of_source(version=(5, 7, 44))),
    ("same-server", "error", target(source(server_uuid="a-b"), server_uuid="a-b")),
    ("schema-missing", "error", moved(schemas=frozenset())),
    ("schema-reserved", "error", settings(rename={"wkms": "innodb"})),
    (
        "rename-clash",
        "error",
        settings(moved(schemas=frozenset({"wkms", "b"})), schemas=("wkms", "b"), rename={"b": "WKMS"}),
    ),
    ("selection-empty", "error", moved(tables=())),
    ("selection-unmatched", "warning", settings(exclude=("wkms.tmp_*",))),
    ("selection-unmatched", "warning", settings(where={"wkms.typo": "1"})),
    ("selection-unmatched", "warning", settings(rename={"wkmz": "x"})),
    ("name-case", "error", source(table(name="Docs"), lower_case_table_names="0")),
    ("name-case-sensitive", "warning", target(lower_case_table_names="0")),
    (
        "name-collision",
        "error",
        moved(tables=(replace(TABLE, name="a"), replace(TABLE, name="A"))),
    ),
    (
        "source-privilege",
        "error",
        of_source(grants=parse(["GRANT SHOW VIEW, TRIGGER, EVENT, SHOW_ROUTINE, REPLICATION CLIENT ON *.* TO u"])),
    ),
    ("source-privilege", "error", of_source(grants=without("SHOW VIEW"))),
    ("source-privilege", "error", of_source(grants=without("TRIGGER"))),
    ("source-privilege", "error", of_source(moved(stored=(EVENT,)), grants=without("EVENT"))),
    (
        "routine-privilege",
        "error",
        of_source(
            grants=parse(
                ["GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `wkms`.* TO u", "GRANT REPLICATION CLIENT ON *.* TO u"]
            )
        ),
    ),
    ("binlog-position-privilege", "warning", of_source(grants=without("REPLICATION CLIENT"))),
    ("snapshot-privilege", "error", of_source(source(log_bin="OFF"), grants=without("LOCK TABLES"))),
    ("target-privilege", "error", of_target(grants=without("CREATE ROUTINE"))),
    ("user-privilege", "warning", of_target(grants=without("CREATE USER"))),
    ("definer-privilege", "warning", of_target(grants=without("SET_USER_ID"))),
    ("source-role-inactive", "warning", of_source(grants=replace(SERVER.grants, inactive=("`r`@`%`",)))),
    ("target-role-inactive", "warning", of_target(grants=replace(SERVER.grants, inactive=("`r`@`%`",)))),
    ("account-entra", "warning", of_source(accounts=(*SERVER.accounts, Account(name="kim@%", plugin="aad_auth")))),
    (
        "account-plugin",
        "warning",
        of_source(accounts=(*SERVER.accounts, Account(name="old@%", plugin="mysql_native_password"))),
    ),
    ("account-power", "info", of_source(accounts=(*SERVER.accounts, Account(name="dba@%", powers=("FILE",))))),
    ("account-reserved", "warning", of_source(accounts=(*SERVER.accounts, Account(name="rdsadmin@%")))),
    ("definer-missing", "warning", moved(stored=(replace(VIEW, definer="gone@%"),))),
    ("definer-missing", "warning", of_target(settings(users=False), accounts=())),
    ("partial-revokes", "warning", of_source(target(partial_revokes="ON"), patterns=("wkms%",))),
    ("target-not-empty", "error", replace(GOOD, present={"wkms": 3})),
    (
        "target-triggers",
        "error",
        replace(GOOD, settings=MysqlSettings(on_existing="append"), present={"wkms": 3}, target_triggers=1),
    ),
    ("target-read-only", "error", target(super_read_only="ON", read_only="ON")),
    ("target-read-only", "error", of_target(target(read_only="ON"), grants=without())),
    ("local-infile", "error", target(local_infile="OFF")),
    ("secure-transport", "warning", target(require_secure_transport="OFF")),
    ("tls-version", "warning", source(tls_version="TLSv1.1,TLSv1.2")),
    ("engine-refused", "error", table(engine="FEDERATED")),
    ("engine-no-snapshot", "warning", table(engine="MyISAM")),
    ("no-usable-key", "warning", table(key=(), bytes=1 << 30)),
    (
        "hidden-keys-unseen",
        "error",
        source(sql_generate_invisible_primary_key="ON", show_gipk_in_create_table_and_information_schema="OFF"),
    ),
    (
        "hidden-keys-forced",
        "error",
        of_target(target(sql_generate_invisible_primary_key="ON"), grants=without()),
    ),
    ("primary-key-required", "error", target(moved(keyless=frozenset({"wkms.t"})), sql_require_primary_key="ON")),
    ("table-too-big", "error", replace(table(bytes=17 << 40), settings=MysqlSettings())),
    ("table-placement", "info", moved(options={"wkms.t": "ENCRYPTION='Y'"})),
    (
        "foreign-key-not-unique",
        "error",
        of_target(target(moved(foreign_keys=(CHILD,)), restrict_fk_on_non_standard_key="ON"), grants=without()),
    ),
    (
        "foreign-key-outside",
        "warning",
        moved(foreign_keys=(replace(CHILD, parent="hr.people"),)),
    ),
    ("fulltext-tokens", "warning", target(ngram_token_size="3")),
    ("srid-unknown", "error", moved(srids={5179000: "wkms.t"})),
    ("innodb-strict", "warning", source(innodb_strict_mode="OFF")),
    ("page-size", "error", source(innodb_page_size="65536")),
    ("collation-unknown", "error", moved(collations=frozenset({"uca1400_ai_ci"}))),
    ("server-charset", "warning", target(character_set_server="latin1")),
    ("server-collation", "warning", target(collation_server="utf8mb4_general_ci")),
    (
        "charset-utf8mb3",
        "info",
        of_target(moved(collations=frozenset({"utf8mb3_bin"})), collations=frozenset({"utf8mb3_bin"})),
    ),
    ("zero-dates", "warning", target(sql_mode="STRICT_TRANS_TABLES,NO_ZERO_DATE")),
    ("sql-mode", "warning", target(sql_mode="STRICT_TRANS_TABLES,ANSI_QUOTES")),
    ("sql-mode-strict", "warning", source(sql_mode="")),
    ("sql-mode-group-by", "warning", target(sql_mode=GROUPED)),
    ("sql-mode-removed", "error", moved(stored=(replace(ROUTINE, sql_mode="ORACLE,STRICT_TRANS_TABLES"),))),
    ("transaction-isolation", "warning", target(transaction_isolation="READ-COMMITTED")),
    ("auto-increment-step", "warning", source(auto_increment_offset="2")),
    ("group-concat", "warning", source(group_concat_max_len="1048576")),
    ("init-connect", "warning", source(init_connect="SET NAMES utf8mb4")),
    ("timestamp-defaults", "warning", target(explicit_defaults_for_timestamp="OFF")),
    ("time-zone", "warning", target(time_zone="Asia/Seoul")),
    ("time-zone-names", "warning", of_target(time_zones=0)),
    ("time-zone-names-source", "info", of_source(time_zones=0)),
    (
        "event-time-zone",
        "error",
        of_source(of_target(moved(stored=(replace(EVENT, time_zone="Asia/Seoul"),)), time_zones=0), time_zones=None),
    ),
    (
        "function-creators",
        "error",
        of_target(target(log_bin_trust_function_creators="OFF"), grants=without()),
    ),
    ("events", "info", moved(stored=(EVENT,))),
    ("event-scheduler", "warning", target(moved(stored=(EVENT,)), event_scheduler="OFF")),
    ("view-broken", "warning", moved(broken=("wkms.v",))),
    ("loadable-function", "warning", moved(functions=("lib_mysqludf_sys",))),
    ("max-allowed-packet", "warning", target(max_allowed_packet="1048576")),
    ("source-connections", "error", of_source(threads=148)),
    ("target-connections", "error", of_target(threads=148)),
    ("redo-log", "info", target(table(columns=(BLOB,)), innodb_redo_log_capacity="104857600")),
    ("target-storage", "info", table(bytes=11 << 30)),
    ("binlog-off", "warning", source(log_bin="OFF")),
    ("binlog-format", "info", source(binlog_format="MIXED")),
    ("binlog-row-image", "info", source(binlog_row_image="MINIMAL")),
    ("binlog-row-value-options", "info", source(binlog_row_value_options="PARTIAL_JSON")),
    ("binlog-compression", "info", source(binlog_transaction_compression="ON")),
    ("binlog-retention", "info", source(binlog_expire_logs_seconds="0")),
    ("gtid-off", "info", source(gtid_mode="OFF")),
]
# Faults that cannot be made without a second one.
TOGETHER = {
    "events": {"event-scheduler"},
    "event-scheduler": {"events"},
    "event-time-zone": {"events"},
    "source-privilege": {"events"},
    "table-too-big": {"target-storage"},
    "snapshot-privilege": {"binlog-off"},
}


def told(survey: Survey) -> dict[str, str]:
    return {one.id: one.severity for one in rules.check(survey).problems}


def test_a_pair_without_fault_has_no_problem():
    verdict = rules.check(GOOD)
    assert verdict.problems == ()
    assert not verdict.unjudged


@pytest.mark.parametrize(("id", "severity", "survey"), FAULTS, ids=[f"{n}-{one[0]}" for n, one in enumerate(FAULTS)])
def test_each_fault_is_told_and_no_other(id, severity, survey):
    found = told(survey)
    assert found.get(id) == severity
    assert found.keys() <= {id} | TOGETHER.get(id, set()), found


def test_every_rule_has_a_fault():
    assert {one[0] for one in FAULTS} == {rule.id for rule in rules.RULES}


def test_an_account_stands_in_a_fix_as_sql_wants_it():
    found = {one.id: one.fix.sql for one in rules.check(moved(stored=(replace(VIEW, definer="go`ne@10.%"),))).problems}
    assert found["definer-missing"] == "CREATE USER `go``ne`@`10.%`"


def test_there_are_many_rules_each_with_its_own_id_and_documented():
    ids = [rule.id for rule in rules.RULES]
    assert len(ids) == len(set(ids)) >= 40
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one) for one in ids)
    page = Path(__file__).parents[4] / "docs/mysql-preflight.md"
    assert page.read_text(encoding="utf-8") == document.markdown(), "run `make docs`"


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.id)
def test_every_rule_says_what_breaks_and_what_to_do(rule):
    assert rule.title
    assert rule.breaks.endswith(".")
    assert rule.fix.text
    assert rule.severity in {"info", "warning", "error"}


def test_ids_that_users_may_have_accepted_stay():
    assert {rule.id for rule in rules.RULES} >= {
        "binlog-row-image",
        "collation-unknown",
        "engine-no-snapshot",
        "engine-refused",
        "events",
        "function-creators",
        "hidden-keys-forced",
        "hidden-keys-unseen",
        "local-infile",
        "max-allowed-packet",
        "name-case",
        "no-usable-key",
        "schema-missing",
        "schema-reserved",
        "source-privilege",
        "sql-mode",
        "target-not-empty",
        "target-privilege",
        "target-triggers",
        "time-zone",
        "version-family",
        "version-older",
        "zero-dates",
    }


def test_without_a_target_its_rules_are_not_judged():
    verdict = rules.check(replace(source(gtid_mode="OFF"), target=None))
    assert {one.id for one in verdict.problems} == {"gtid-off"}
    assert verdict.unjudged.keys() == {rule.id for rule in rules.RULES if rule.on_target}
    assert set(verdict.unjudged.values()) == {"the target cannot be reached yet"}


def test_accounts_that_may_not_be_read_are_not_judged():
    verdict = rules.check(of_source(accounts=None))
    assert "account-plugin" in verdict.unjudged
    assert verdict.problems == ()


def test_a_fix_has_what_was_found_in_it():
    found = rules.check(target(max_allowed_packet="1048576")).problems[0].fix
    assert "ParameterName=max_allowed_packet,ParameterValue=67108864,ApplyMethod=immediate" in found.aws
    assert 'value        = "67108864"' in found.terraform
    found = rules.check(of_source(grants=without("SELECT"))).problems[0].fix
    assert found.sql == "GRANT SELECT ON `wkms`.* TO 'u'@'%'"


def test_a_fix_says_when_rds_takes_it():
    found = rules.check(target(ngram_token_size="3")).problems[0].fix
    assert "ParameterName=ngram_token_size,ParameterValue=2,ApplyMethod=pending-reboot" in found.aws
    assert 'apply_method = "pending-reboot"' in found.terraform


def test_accepted_errors_do_not_block():
    verdict = rules.check(target(local_infile="OFF"))
    assert [one.id for one in verdict.errors()] == ["local-infile"]
    assert not verdict.errors(["local-infile"])


def test_a_snapshot_needs_the_position_or_locks():
    no_position = of_source(grants=without("REPLICATION CLIENT", "LOCK TABLES"))
    assert told(no_position) == {"binlog-position-privilege": "warning", "snapshot-privilege": "error"}
    assert "snapshot-privilege" not in told(settings(no_position, inconsistent=True))


def test_binlog_monitor_is_the_right_to_read_the_position_in_mariadb():
    grants = parse(["GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, BINLOG MONITOR ON *.* TO `u`@`%`"])
    survey = of_source(of_target(is_mariadb=True, version=(10, 11, 6)), is_mariadb=True, version=(10, 11, 6))
    assert told(of_source(survey, grants=grants)) == {}


def test_super_may_make_functions_whatever_the_trust():
    assert told(target(log_bin_trust_function_creators="OFF")) == {}
