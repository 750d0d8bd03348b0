from __future__ import annotations

from typing import Any

import pytest

from wkms_migrate.lab.cosmos_double import sql
from wkms_migrate.lab.cosmos_double.message import RefusalError

ITEM = {"id": "1", "a": {"b": "it's AND"}, "n": 1, "flag": True, "none": None, "odd key": 2}


@pytest.mark.parametrize(
    ("where", "parameters", "matches"),
    [
        ("c.id = '1'", {}, True),
        ("c.id = 1", {}, False),
        ("c.n = 1.0", {}, True),
        ("c.n = true", {}, False),
        ("c.flag = TRUE", {}, True),
        ("c.none = null", {}, True),
        ("c.absent = null", {}, False),
        ('c.a.b = "it\'s AND" AND c.n = 1', {}, True),
        (r"c.a.b = 'it\'s AND'", {}, True),
        ('c["odd key"] = @two and c.id = @id', {"@two": 2, "@id": "1"}, True),
        ("c.n = 1 AND c.id = '2'", {}, False),
    ],
)
def test_conditions(where: str, parameters: dict[str, Any], matches: bool) -> None:
    assert sql.parse(f"SELECT * FROM c WHERE {where}", parameters).matches(ITEM) is matches


@pytest.mark.parametrize(
    ("select", "projected"),
    [
        ("*", [ITEM]),
        ("c.id, c.a.b AS x", [{"id": "1", "x": "it's AND"}]),
        ("c.absent, c.n", [{"n": 1}]),
        ("VALUE c.n", [1]),
        ("VALUE c.absent", []),
    ],
)
def test_projections(select: str, projected: list[Any]) -> None:
    assert list(sql.parse(f"SELECT {select} FROM c", {}).project(ITEM)) == projected


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM c ORDER BY c.id",
        "SELECT TOP 1 * FROM c",
        "SELECT DISTINCT c.id FROM c",
        "SELECT * FROM c WHERE c.n > 1",
        "SELECT * FROM c WHERE c.n = 1 OR c.n = 2",
        "SELECT * FROM c JOIN d IN c.list",
        "SELECT d.id FROM c",
        "SELECT VALUE SUM(c.n) FROM c",
        "SELECT * FROM c WHERE c.n = @missing",
        "DELETE FROM c",
    ],
)
def test_what_it_does_not_know_it_refuses(text: str) -> None:
    with pytest.raises(RefusalError) as caught:
        sql.parse(text, {})
    assert caught.value.status == 400
