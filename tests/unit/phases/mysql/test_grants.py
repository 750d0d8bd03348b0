from __future__ import annotations

from wkms_migrate.phases.mysql.grants import granted_roles, parse


def test_privileges_count_where_they_are_granted():
    grants = parse(
        [
            "GRANT SELECT, LOCK TABLES ON *.* TO `u`@`%` WITH GRANT OPTION",
            "GRANT REPLICATION_APPLIER,SHOW_ROUTINE ON *.* TO `u`@`%`",
            "GRANT INSERT, UPDATE (`a`, `b`) ON `wk\\_ms`.* TO `u`@`%`",
            "GRANT ALL PRIVILEGES ON `test_%`.* TO `u`@`%`",
            "GRANT DELETE ON `wk_ms`.`t` TO `u`@`%`",
            "GRANT `role`@`%` TO `u`@`%`",
            "GRANT USAGE ON *.* TO `u`@`%`",
        ]
    )
    assert grants.has("SELECT")
    assert grants.has("SHOW_ROUTINE", "anything")
    assert grants.has("INSERT", "wk_ms")
    assert not grants.has("INSERT", "wkXms")
    assert not grants.has("INSERT")
    assert grants.has("DROP", "test1")
    assert not grants.has("DELETE", "wk_ms")


def test_what_is_revoked_on_one_schema_is_missing_there_only():
    grants = parse(["GRANT SELECT, INSERT ON *.* TO `u`@`%`", "REVOKE INSERT ON `mysql`.* FROM `u`@`%`"])
    assert grants.has("INSERT", "wkms")
    assert not grants.has("INSERT", "mysql")
    assert grants.has("SELECT", "mysql")


def test_what_is_revoked_is_missing_whatever_the_case_of_the_name():
    lines = ["GRANT SELECT, SHOW VIEW ON *.* TO `u`@`%`", "REVOKE SELECT ON `wkms`.* FROM `u`@`%`"]
    assert not parse(lines).has("SELECT", "WKMS")
    assert parse(lines).has("SHOW VIEW", "WKMS")
    assert parse(lines).has("SELECT", "other")
    assert parse([*lines, "GRANT SELECT ON `wkms`.* TO `u`@`%`"]).has("SELECT", "wkms")


def test_names_are_patterns_unless_revokes_are_partial():
    line = "GRANT SELECT ON `wk_s`.* TO `u`@`%`"
    assert parse([line]).has("SELECT", "wkms")
    assert not parse([line], literal=True).has("SELECT", "wkms")
    assert parse([line], literal=True).has("SELECT", "wk_s")


def test_one_right_has_many_names():
    mariadb = parse(["GRANT BINLOG MONITOR, SET USER ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*0'"])
    assert mariadb.has("REPLICATION CLIENT")
    assert mariadb.has("SET_USER_ID")
    assert parse(["GRANT SET_ANY_DEFINER ON *.* TO `u`@`%`"]).has("SET_USER_ID")
    assert not parse(["GRANT REPLICATION SLAVE ON *.* TO `u`@`%`"]).has("REPLICATION CLIENT")


def test_all_privileges_of_a_schema_are_none_elsewhere():
    grants = parse(["GRANT ALL PRIVILEGES ON `wkms`.* TO `u`@`%`"])
    assert grants.has("TRIGGER", "wkms")
    assert not grants.has("TRIGGER", "other")
    assert not grants.has("REPLICATION CLIENT")


def test_roles_are_read_as_both_servers_write_them():
    assert granted_roles("GRANT `a`@`%`,`b`@`10.%` TO `u`@`%`") == ["`a`@`%`", "`b`@`10.%`"]
    assert granted_roles("GRANT `reader` TO `u`@`%`") == ["`reader`"]
    assert granted_roles("GRANT SELECT ON `a`.* TO `u`@`%`") == []
