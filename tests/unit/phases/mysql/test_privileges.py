from __future__ import annotations

import pytest

from wkms_migrate.phases.mysql import privileges
from wkms_migrate.phases.mysql.privileges import Carriage, Grant

CARRIAGE = Carriage(
    schemas={"old_a": "new_a", "oldb": "newb"},
    everywhere=frozenset({"SELECT", "PROCESS"}),
    known=frozenset({"SELECT", "INSERT", "EXECUTE"}),
)


def carried(line: str, carriage: Carriage = CARRIAGE, others: str = "") -> list[str]:
    more = tuple(privileges.read(others))
    return [str(one) for grant in privileges.read(line) for one in carriage.carried(grant, more)]


@pytest.mark.parametrize(
    ("line", "result"),
    [
        (r"GRANT SELECT, INSERT ON `old\_a`.* TO `u`@`%`", [r"SELECT ON `new\_a`.*", r"INSERT ON `new\_a`.*"]),
        ("GRANT SELECT ON `old_a`.* TO `u`@`%`", [r"SELECT ON `new\_a`.*"]),
        ("GRANT SELECT ON `old%`.* TO `u`@`%`", [r"SELECT ON `new\_a`.*", "SELECT ON `newb`.*"]),
        ("GRANT SELECT (`a`, `b, c`), INSERT ON `oldb`.`t` TO `u`@`%` WITH GRANT OPTION", [
            "SELECT (`a`, `b, c`) ON `newb`.`t` WITH GRANT OPTION", "INSERT ON `newb`.`t` WITH GRANT OPTION",
        ]),
        ("GRANT EXECUTE ON PROCEDURE `oldb`.`p ON x`.`y` TO `u`@`%`", []),
        ("GRANT EXECUTE ON PROCEDURE `oldb`.`p` TO `u`@`%`", ["EXECUTE ON PROCEDURE `newb`.`p`"]),
        ("GRANT SELECT, FILE ON *.* TO `u`@`%`", ["SELECT ON *.*"]),
        ("GRANT ALL PRIVILEGES ON `oldb`.* TO `u`@`%`", ["ALL PRIVILEGES ON `newb`.*"]),
        ("GRANT USAGE ON *.* TO `u`@`%`", []),
        ("GRANT SELECT ON `elsewhere`.* TO `u`@`%`", []),
        ("GRANT DELETE HISTORY ON `oldb`.* TO `u`@`%`", []),
    ],
)  # fmt: skip
def test_grants_follow_the_schemas(line, result):
    assert carried(line) == result


def test_a_revoke_that_the_target_cannot_take_narrows_the_grant():
    revoke = "REVOKE SELECT ON `old_a`.* FROM `u`@`%`"
    assert carried("GRANT SELECT ON *.* TO `u`@`%`", others=revoke) == ["SELECT ON `newb`.*"]
    literal = Carriage(
        schemas=CARRIAGE.schemas, everywhere=CARRIAGE.everywhere, known=CARRIAGE.known, literal_target=True
    )
    assert carried("GRANT SELECT ON *.* TO `u`@`%`", literal, revoke) == ["SELECT ON *.*"]
    assert carried(revoke, literal) == ["REVOKE SELECT ON `new_a`.*"]


def test_roles_are_read_one_by_one():
    found = list(privileges.read("GRANT `r`@`%`,`s``, t`@`%` TO `u`@`%` WITH ADMIN OPTION"))
    assert found == [Grant(role="`r`@`%`", option=True), Grant(role="`s``, t`@`%`", option=True)]
