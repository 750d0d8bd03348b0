from __future__ import annotations

import pytest

from wkms_migrate.phases.mysql import ddl, mariadb
from wkms_migrate.phases.mysql.translation import Translation

WORDS = Translation(schemas={"old": "new", "other": "other"}, collations={"latin1_x": "latin1_y"})


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("select `old`.`t`.`id` AS `id` from `old`.`t`", "select `new`.`t`.`id` AS `id` from `new`.`t`"),
        ("select '`old`.`t`' AS `x` from `other`.`old2`", "select '`old`.`t`' AS `x` from `other`.`old2`"),
        ("select `old`.`f`(1) AS `x`", "select `new`.`f`(1) AS `x`"),
        ("select `a`.`old` AS `x` from `OLD`.`t` `a`", "select `a`.`old` AS `x` from `new`.`t` `a`"),
        ("select `old`.`id` AS `id` from `old`.`t` `old`", None),
    ],
)
def test_views_follow_a_rename(text, result):
    assert WORDS.view(text) == result


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELECT * FROM old.t", "old"),
        ("SELECT * FROM `OLD` . t", "old"),
        ("SELECT threshold.x, 'old'", ""),
        ("SELECT * FROM other.t", ""),
    ],
)
def test_bodies_that_name_an_old_schema_are_found(text, named):
    assert WORDS.names_old_schema(text) == named


def test_a_foreign_key_names_its_parent_only_where_that_is_elsewhere():
    create = (
        "CREATE TABLE `t` (\n  `a` int,\n"
        "  CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `other`.`p` (`id`),\n"
        "  CONSTRAINT `g` FOREIGN KEY (`a`) REFERENCES `q` (`id`)\n) COMMENT='latin1_x' COLLATE=latin1_x"
    )
    moved = WORDS.table(ddl.parse(create), "old")
    assert moved.foreign_keys[0].endswith("REFERENCES `other`.`p` (`id`)")
    assert moved.foreign_keys[1].endswith("REFERENCES `q` (`id`)")
    assert moved.options == " COMMENT='latin1_x' COLLATE=latin1_y"
    one = Translation(schemas={"old": "other", "other": "other"}, collations={})
    assert one.table(ddl.parse(create), "old").foreign_keys[0].endswith("REFERENCES `p` (`id`)")


def test_a_default_that_an_old_server_does_not_print_is_written_out():
    create = "CREATE TABLE `t` (\n  `a` text CHARACTER SET utf8mb4 COMMENT 'CHARSET=utf8mb4'\n) DEFAULT CHARSET=utf8mb4"
    moved = WORDS.table(ddl.parse(create), "old")
    assert moved.body == ("`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT 'CHARSET=utf8mb4'",)
    assert moved.options.endswith("CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci")
    said = create.replace("CHARACTER SET utf8mb4", "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    assert WORDS.table(ddl.parse(said), "old").body[0].count("COLLATE") == 1


@pytest.mark.parametrize(
    ("name", "available", "result"),
    [
        ("utf8mb4_0900_ai_ci", {"uca1400_nopad_ai_ci"}, "utf8mb4_uca1400_nopad_ai_ci"),
        ("utf8mb4_0900_ai_ci", {"utf8mb4_unicode_520_nopad_ci"}, "utf8mb4_unicode_520_nopad_ci"),
        ("utf8mb4_sv_0900_as_cs", {"uca1400_swedish_nopad_as_cs"}, "utf8mb4_uca1400_swedish_nopad_as_cs"),
        ("utf8mb4_ja_0900_as_cs", {"uca1400_nopad_as_cs"}, None),
        ("utf8mb4_0900_bin", {"utf8mb4_nopad_bin"}, "utf8mb4_nopad_bin"),
        ("utf8mb4_uca1400_ai_ci", {"utf8mb4_0900_ai_ci"}, "utf8mb4_0900_ai_ci"),
        ("latin1_made_up_ci", {"latin1_bin"}, None),
    ],
)
def test_the_nearest_collation_is_one_that_is_there(name, available, result):
    assert mariadb.collation(name, available) == result
