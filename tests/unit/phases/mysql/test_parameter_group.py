from __future__ import annotations

from dataclasses import replace

import pytest

from wkms_migrate.phases.mysql import parameter_group
from wkms_migrate.phases.mysql.grants import Grants
from wkms_migrate.phases.mysql.moved import Moved, Stored
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.survey import Survey

SERVER = Server(
    version=(8, 0, 40),
    is_mariadb=False,
    variables={
        "character_set_server": "utf8mb4",
        "collation_server": "utf8mb4_0900_ai_ci",
        "event_scheduler": "OFF",
        "lower_case_table_names": "1",
        "max_allowed_packet": "4194304",
        "sql_mode": "STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER",
        "time_zone": "SYSTEM",
    },
    grants=Grants(()),
    collations=frozenset({"utf8mb4_0900_ai_ci"}),
)
SURVEY = Survey(settings=MysqlSettings(), source=SERVER, target=None, moved=Moved(schemas=frozenset({"wkms"})))


def values(survey: Survey) -> dict[str, str]:
    return {one.name: one.value for one in parameter_group.parameters(survey)}


def source(**variables: str) -> Survey:
    return replace(SURVEY, source=replace(SERVER, variables={**SERVER.variables, **variables}))


def test_what_every_move_needs():
    assert values(SURVEY) == {
        "character_set_server": "utf8mb4",
        "collation_server": "utf8mb4_0900_ai_ci",
        "local_infile": "1",
        "lower_case_table_names": "1",
        "max_allowed_packet": str(64 << 20),
        "sql_mode": "STRICT_TRANS_TABLES",
        "time_zone": "UTC",
    }


@pytest.mark.parametrize(
    ("variables", "name", "value"),
    [
        ({"lower_case_table_names": "2"}, "lower_case_table_names", "1"),
        ({"lower_case_table_names": "0"}, "lower_case_table_names", "0"),
        ({"max_allowed_packet": "1073741824"}, "max_allowed_packet", "1073741824"),
        ({"sql_mode": ""}, "sql_mode", "NO_ENGINE_SUBSTITUTION"),
        ({"time_zone": "Asia/Tokyo"}, "time_zone", "Asia/Tokyo"),
        ({"time_zone": "+09:00"}, "time_zone", "Asia/Seoul"),
        ({"time_zone": "-03:30"}, "time_zone", None),  # RDS takes names only
        ({"event_scheduler": "ON"}, "event_scheduler", "ON"),
        ({"innodb_strict_mode": "OFF"}, "innodb_strict_mode", "0"),
        ({"innodb_strict_mode": "ON"}, "innodb_strict_mode", None),
        ({"ngram_token_size": "1"}, "ngram_token_size", "1"),
        ({"transaction_isolation": "READ-COMMITTED"}, "transaction_isolation", "READ-COMMITTED"),
        ({"log_bin_trust_function_creators": "ON"}, "log_bin_trust_function_creators", "1"),
        ({"collation_server": "uca1400_ai_ci"}, "collation_server", None),
    ],
)
def test_the_source_decides(variables, name, value):
    assert values(source(**variables)).get(name) == value


def test_functions_need_trust():
    moved = replace(SURVEY.moved, stored=(Stored(kind="routine", schema="wkms", name="r"),))
    assert values(replace(SURVEY, moved=moved))["log_bin_trust_function_creators"] == "1"


@pytest.mark.parametrize(
    ("server", "family"),
    [
        (replace(SERVER, version=(8, 0, 40)), "mysql8.0"),
        (replace(SERVER, version=(9, 7, 4)), "mysql8.4"),
        (replace(SERVER, is_mariadb=True, version=(10, 11, 8)), "mariadb10.11"),
        (replace(SERVER, is_mariadb=True, version=(12, 0, 1)), "mariadb11.4"),
    ],
)
def test_the_family_is_one_that_rds_has(server, family):
    assert parameter_group.family(replace(SURVEY, source=server)) == family
    assert parameter_group.family(replace(SURVEY, target=server)) == family


def test_quotes_and_templates_of_hcl_are_escaped():
    text = parameter_group.render(source(init_connect='SET @a = "${x}", @b = "%{y}\\n"'), "wkms-mysql")
    assert r'value        = "SET @a = \"$${x}\", @b = \"%%{y}\\n\""' in text
    assert 'name_prefix = "wkms-mysql-"' in text
