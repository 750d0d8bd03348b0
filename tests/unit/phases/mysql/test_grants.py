from __future__ import annotations

from wkms_migrate.phases.mysql.grants import parse


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
