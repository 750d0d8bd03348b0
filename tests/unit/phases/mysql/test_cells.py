from __future__ import annotations

import pytest

from wkms_migrate.phases.mysql.catalog import Column
from wkms_migrate.phases.mysql.cells import Cell, cell


def column(kind: str) -> Column:
    return Column(name="c", type=kind, charset="utf8mb4" if "char" in kind else None)


@pytest.mark.parametrize(
    ("kind", "one", "other", "shown"),
    [
        ("int", "1", "2", ("1", "2")),
        ("varchar", None, "NULL", ("NULL", "'NULL'")),
        ("varchar", "a", "a ", ("'a'", "'a '")),
        ("varchar", "\u00e9", "e\u0301", ("'\\xe9'", "'e\\u0301'")),
        ("varbinary", "0x00", "0x", ("0x00", "0x")),
        ("varchar", "x" * 90 + "1", "x" * 90 + "2", ("…" + "x" * 20 + "1'", "…" + "x" * 20 + "2'")),
    ],
)
def test_values_are_shown_where_they_differ(kind, one, other, shown):
    found = cell(column(kind), column(kind), ("aa", one, 1), ("bb", other, 1))
    assert found == Cell("c", *shown)


def test_values_that_differ_further_on_are_told_apart_by_hash_and_length():
    same = "x" * 1000
    found = cell(column("varchar"), column("varchar"), ("a" * 64, same, 2000), ("b" * 64, same, 2001))
    assert "(aaaaaaaa, 2,000 bytes)" in found.source
    assert "(bbbbbbbb, 2,001 bytes)" in found.target
