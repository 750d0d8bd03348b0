from __future__ import annotations

from decimal import Decimal

import pytest

from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.cosmos import paths
from wkms_migrate.phases.cosmos.paths import Rate, Size, Table, Way
from wkms_migrate.phases.cosmos.settings import Wanted

SMALL = Size(items=1000, bytes=2_000_000, loaded_bytes=3_000_000, units=6000, index_bytes=2_000_000)
LARGE = Size(items=10_000_000, bytes=20 * paths.GB, loaded_bytes=30 * paths.GB, units=30_000_000)


def table(*, is_there: bool | None = True, staged: bool = True, rate: Rate | None = None) -> Table:
    return Table(is_there=is_there, staged=staged, rate=rate or Rate())


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
    found = paths.estimates(size, table(is_there=is_there, staged=staged))
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
    found = paths.estimates(LARGE, table(is_there=is_there, staged=staged))
    with pytest.raises(ConfigError, match=why):
        paths.chosen(wanted, LARGE, found)


def test_time_is_that_of_the_lower_rate_and_price_that_of_how_it_is_billed() -> None:
    on_demand = paths.estimates(SMALL, table(rate=Rate(allowed=100)))[0]
    provisioned = paths.estimates(SMALL, table(rate=Rate(provisioned=50, allowed=100)))[0]
    assert (on_demand.seconds, provisioned.seconds) == (60, 120)
    assert (on_demand.sku, provisioned.sku) == ("aws.dynamodb.write", "aws.dynamodb.wcu")
    assert on_demand.cost == Decimal("0.006") * Decimal("0.68")
    assert provisioned.cost == Decimal(6000) / 3600 * Decimal("0.0007049")
    assert "about 60 s, 0.00 USD" in on_demand.text


def test_from_s3_bytes_are_billed_with_indexes_or_without() -> None:
    _, loaded, put = paths.estimates(SMALL, table())
    assert (loaded.quantity, put.quantity) == (Decimal("0.003"), Decimal("0.004"))


def test_an_unknown_price_is_named_and_not_made_up() -> None:
    bulk = paths.estimates(LARGE, table())[2]
    assert bulk.cost is None
    assert "no price in the list for aws.dynamodb.bulk-put" in bulk.text
    assert bulk.seconds is None


def test_reading_takes_a_share_of_what_is_provisioned() -> None:
    size = Size(items=1, bytes=1, loaded_bytes=1, units=1, read_units=720_000)
    found = paths.reading(size, Rate(provisioned=4000, allowed=400))
    assert found.seconds == 1800
    assert found.cost == 2 * Decimal("0.008")
    serverless = paths.reading(size, Rate())
    assert (serverless.quantity, serverless.seconds, serverless.cost) == (Decimal("0.72"), None, None)
    assert "azure.cosmos.serverless-ru" in serverless.text
    assert "may not be seen" in paths.reading(size, None).text
