from __future__ import annotations

from dataclasses import replace

import pytest

from wkms_migrate.phases.mysql import rules
from wkms_migrate.phases.mysql.catalog import Column, Table
from wkms_migrate.phases.mysql.grants import parse
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.survey import Server, Survey

SERVER = Server(
    version=(8, 4, 3),
    is_mariadb=False,
    variables={
        "lower_case_table_names": "1",
        "local_infile": "ON",
        "log_bin": "ON",
        "log_bin_trust_function_creators": "ON",
        "max_allowed_packet": "67108864",
        "sql_mode": "STRICT_TRANS_TABLES",
        "time_zone": "+00:00",
        "binlog_row_image": "FULL",
    },
    grants=parse(["GRANT ALL PRIVILEGES ON *.* TO `u`@`%`"]),
    collations=frozenset({"utf8mb4_0900_ai_ci"}),
)
DATE = Column(name="d", type="date", charset=None)
TABLE = Table(schema="wkms", name="t", columns=(DATE,), key=(DATE,), rows=1, bytes=1)
GOOD = Survey(
    settings=MysqlSettings(),
    source=SERVER,
    target=SERVER,
    schemas=frozenset({"wkms"}),
    tables=(TABLE,),
    collations=frozenset({"utf8mb4_0900_ai_ci"}),
    objects={"view": 1, "routine": 1, "trigger": 1},
)


def target(**variables: str) -> Survey:
    return replace(GOOD, target=replace(SERVER, variables={**SERVER.variables, **variables}))


def test_a_pair_without_fault_has_no_problem():
    assert rules.check(GOOD) == []


@pytest.mark.parametrize(
    ("survey", "expected"),
    [
        (replace(GOOD, schemas=frozenset()), {"schema-missing": "error"}),
        (replace(GOOD, target=replace(SERVER, version=(8, 0, 36))), {"version-older": "error"}),
        (replace(GOOD, source=replace(SERVER, is_mariadb=True)), {"version-family": "warning"}),
        (target(lower_case_table_names="0"), {"name-case": "warning"}),
        (target(local_infile="OFF"), {"local-infile": "error"}),
        (target(log_bin_trust_function_creators="OFF"), {}),  # ALL PRIVILEGES has SUPER
        (target(max_allowed_packet="1048576"), {"max-allowed-packet": "warning"}),
        (target(sql_mode="STRICT_TRANS_TABLES,NO_ZERO_DATE"), {"zero-dates": "warning"}),
        (target(sql_mode="STRICT_TRANS_TABLES,ANSI_QUOTES"), {"sql-mode": "warning"}),
        (target(time_zone="Asia/Seoul"), {"time-zone": "warning"}),
        (replace(GOOD, collations=frozenset({"uca1400_ai_ci"})), {"collation-unknown": "error"}),
        (replace(GOOD, tables=(replace(TABLE, engine="MyISAM"),)), {"engine-no-snapshot": "warning"}),
        (replace(GOOD, tables=(replace(TABLE, engine="FEDERATED"),)), {"engine-refused": "error"}),
        (replace(GOOD, tables=(replace(TABLE, key=(), bytes=1 << 30),)), {"no-usable-key": "warning"}),
        (replace(GOOD, present={"wkms": 3}), {"target-not-empty": "error"}),
        (replace(GOOD, objects={"event": 2}), {"events": "info"}),
        (
            replace(GOOD, settings=MysqlSettings(on_existing="append"), present={"wkms": 3}, target_triggers=1),
            {"target-triggers": "error"},
        ),
        (
            replace(GOOD, source=replace(SERVER, variables={**SERVER.variables, "binlog_row_image": "MINIMAL"})),
            {"binlog-row-image": "info"},
        ),
    ],
)
def test_each_fault_is_told_once(survey, expected):
    assert {one.id: one.severity for one in rules.check(survey)} == expected


def test_functions_need_trust_without_super():
    plain = parse([f"GRANT {', '.join((*rules.TARGET_NEEDS, 'CREATE VIEW', 'CREATE ROUTINE', 'TRIGGER'))} ON *.* TO u"])
    faulty = target(log_bin_trust_function_creators="OFF")
    assert [one.id for one in rules.check(replace(faulty, target=replace(faulty.target, grants=plain)))] == [
        "function-creators"
    ]


def test_missing_rights_are_named_one_by_one():
    poor = parse(["GRANT SELECT ON `wkms`.* TO `u`@`%`"])
    found = rules.check(replace(GOOD, source=replace(SERVER, grants=poor)))
    assert {(one.id, one.evidence) for one in found} >= {
        ("source-privilege", "The source's account has no SHOW VIEW."),
        ("source-privilege", "The source's account has no TRIGGER."),
        ("source-privilege", "The source's account has no LOCK TABLES."),
    }
