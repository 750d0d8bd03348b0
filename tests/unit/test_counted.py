"""Numbers with what they count."""

from __future__ import annotations

import pytest

from wkms_migrate.counted import counted


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 rows are"), (1, "1 row is"), (2, "2 rows are"), (21, "21 rows are"), (1001, "1,001 rows are")],
)
def test_one_has_words_of_its_own(number: int, told: str) -> None:
    assert counted(number, "row is", "rows are") == told


def test_more_than_one_has_an_s_unless_it_is_told() -> None:
    assert [counted(number, "queue") for number in (0, 1, 2)] == ["0 queues", "1 queue", "2 queues"]
