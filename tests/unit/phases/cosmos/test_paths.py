from __future__ import annotations

import pytest

from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.cosmos import paths
from wkms_migrate.phases.cosmos.paths import Size, Wanted, Way

SMALL = Size(items=1000, bytes=2_000_000, units=3000, indexes=1)
LARGE = Size(items=10_000_000, bytes=20 * paths.GB, units=30_000_000)


@pytest.mark.parametrize(
    ("wanted", "size", "is_there", "staged", "way"),
    [
        ("auto", SMALL, False, True, "batch"),
        ("auto", LARGE, False, True, "import"),
        ("auto", LARGE, True, True, "bulk"),
        ("auto", LARGE, True, False, "batch"),
        ("batch", LARGE, False, True, "batch"),
        ("bulk", SMALL, True, True, "bulk"),
        ("import", SMALL, False, True, "import"),
    ],
)
def test_the_way_that_is_chosen(wanted: Wanted, size: Size, is_there: bool, staged: bool, way: Way) -> None:
    found = paths.estimates(size, is_there=is_there, staged=staged, rate=None)
    assert paths.chosen(wanted, size, found) == way


@pytest.mark.parametrize(
    ("wanted", "is_there", "staged", "why"),
    [
        ("import", True, True, "makes a new one"),
        ("bulk", False, True, "not there yet"),
        ("import", False, False, "staging_bucket"),
    ],
)
def test_a_way_that_is_not_open_is_refused_with_the_reason(
    wanted: Wanted, is_there: bool, staged: bool, why: str
) -> None:
    found = paths.estimates(LARGE, is_there=is_there, staged=staged, rate=None)
    with pytest.raises(ConfigError, match=why):
        paths.chosen(wanted, LARGE, found)


def test_write_units_count_for_every_index_in_time_and_price() -> None:
    batch = paths.estimates(SMALL, is_there=True, staged=False, rate=100)[0]
    alone = paths.estimates(Size(items=1000, bytes=2_000_000, units=3000), is_there=True, staged=False, rate=100)[0]
    assert batch.seconds == 60
    assert alone.seconds == 30
    assert batch.cost is not None
    assert batch.cost == 2 * (alone.cost or 0) > 0
    assert "60 s at least" in batch.text
    assert batch.currency in batch.text


def test_an_unknown_price_is_not_made_up() -> None:
    bulk = paths.estimates(LARGE, is_there=True, staged=True, rate=None)[2]
    assert bulk.cost is None
    assert "price not in the list" in bulk.text
    assert bulk.seconds is None
