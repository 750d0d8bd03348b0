from __future__ import annotations

import pytest

from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.indexes import orphan_query

TABLE = Table(schema="s", name="c", columns=(), key=(), rows=0, bytes=0)


@pytest.mark.parametrize(
    ("key", "parent", "joined"),
    [
        ("CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)", "`s`.`p`", "p.`id` = c.`a`"),
        (
            "CONSTRAINT `f` FOREIGN KEY (`a`, `b``x`) REFERENCES `o`.`p` (`x`, `y`) ON DELETE CASCADE",
            "`o`.`p`",
            "p.`x` = c.`a` AND p.`y` = c.`b``x`",
        ),
    ],
)
def test_orphans_are_looked_for_by_every_column(key, parent, joined):
    query = orphan_query(TABLE, key)
    assert f"FROM {parent} p WHERE {joined}" in query
    assert "c.`a` IS NOT NULL" in query
