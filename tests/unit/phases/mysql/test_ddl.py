from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.mysql import ddl

CREATE = """CREATE TABLE `we``ird, (t` (
  `id` int NOT NULL,
  `n` int NOT NULL AUTO_INCREMENT COMMENT 'a, KEY (b) it''s \\\\',
  `gen` int GENERATED ALWAYS AS ((`id` + 1)) VIRTUAL,
  `e` enum('a,b','c)','UNIQUE KEY `x`') DEFAULT 'c)',
  PRIMARY KEY (`id`),
  UNIQUE KEY `u` (`e`),
  KEY `counter` (`n`),
  KEY `k,1` (`gen`,(`id` + 1)),
  FULLTEXT KEY `ft` (`e`) /*!50100 WITH PARSER `ngram` */ ,
  CONSTRAINT `f``k` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE,
  CONSTRAINT `ck` CHECK ((`e` <> _utf8mb4'x\\'),('))
) ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4 COMMENT=' AUTO_INCREMENT=5' ENCRYPTION='Y'"""


def test_a_definition_is_taken_apart_at_its_own_commas():
    parts = ddl.parse(CREATE)
    assert [part.split()[0] for part in parts.body] == ["`id`", "`n`", "`gen`", "`e`", "PRIMARY", "CONSTRAINT"]
    assert [part.partition(" (")[0] for part in parts.indexes] == [
        "UNIQUE KEY `u`",
        "KEY `counter`",
        "KEY `k,1`",
        "FULLTEXT KEY `ft`",
    ]
    assert len(parts.foreign_keys) == 1


def test_only_what_can_wait_is_left_out():
    create = ddl.parse(CREATE).create()
    assert "KEY `counter` (`n`)" in create
    assert "KEY `k,1`" not in create
    assert "FOREIGN KEY" not in create
    assert "CHECK" in create
    assert "ENCRYPTION" not in create
    assert ddl.parse(create).columns_text() == ddl.parse(CREATE).columns_text()


def test_the_counter_and_the_order_of_keys_make_no_difference():
    other = CREATE.replace("AUTO_INCREMENT=9", "AUTO_INCREMENT=10").replace(
        "  UNIQUE KEY `u` (`e`),\n  KEY `counter` (`n`),", "  KEY `counter` (`n`),\n  UNIQUE KEY `u` (`e`),"
    )
    assert ddl.parse(other).comparable() == ddl.parse(CREATE).comparable()


@pytest.mark.parametrize(
    ("old", "new"),
    [("int NOT NULL,", "bigint NOT NULL,"), ("COMMENT=' AUTO_INCREMENT=5'", "COMMENT='x'"), ("CASCADE", "SET NULL")],
)
def test_any_other_change_makes_a_difference(old, new):
    assert old in CREATE
    assert ddl.parse(CREATE.replace(old, new)).comparable() != ddl.parse(CREATE).comparable()


def test_what_is_missing_is_told_by_how_it_is_added():
    wanted = ddl.parse(CREATE)
    plain, fulltext, keys = ddl.additions(wanted, ddl.parse(wanted.create()))
    assert [index.split(" (")[0] for index in plain] == ["UNIQUE KEY `u`", "KEY `k,1`"]
    assert len(fulltext) == len(keys) == 1
    assert ddl.additions(wanted, wanted) == ([], [], [])


def test_another_text_is_refused():
    with pytest.raises(WkmsError, match="not a CREATE TABLE"):
        ddl.parse("CREATE VIEW v AS SELECT 1")


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(min_size=1), st.text())
def test_names_and_comments_of_any_kind_do_not_confuse(name, comment):
    text = comment.replace("\\", "\\\\").replace("'", "''")
    column = f"{ddl.quoted(name)} int COMMENT '{text}'"
    parts = ddl.parse(f"CREATE TABLE `t` (\n  {column},\n  KEY `k` ({ddl.quoted(name)})\n) ENGINE=InnoDB")
    assert parts.body == (column.strip(),)
    assert len(parts.indexes) == 1
    assert ddl.identifier_at(column) == ddl.quoted(name)
