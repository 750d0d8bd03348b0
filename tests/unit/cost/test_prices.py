from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from cost_cases import BUNDLED, CASES

from wkms_migrate.cost import prices
from wkms_migrate.cost.prices import PriceRow, TierRow
from wkms_migrate.cost.ranges import Range
from wkms_migrate.errors import ConfigError

ROW = {"sku": "a", "service": "A", "unit": "hour"}


@pytest.mark.parametrize(
    "row",
    [
        {"status": "missing", "price": Decimal(0)},
        {"status": "missing", "tiers": (TierRow(above=Decimal(0), price=Decimal(1)),)},
        {"status": "list", "source": "page"},
        {"status": "list", "price": Decimal(1)},
        {
            "status": "list",
            "price": Decimal(1),
            "source": "page",
            "tiers": (TierRow(above=Decimal(0), price=Decimal(1)),),
        },
        {"status": "list", "source": "page", "tiers": (TierRow(above=Decimal(5), price=Decimal(1)),)},
    ],
)
def test_a_price_is_known_with_its_source_or_missing_without(row):
    with pytest.raises(ValueError, match=r"^(a |the tiers of a )"):
        PriceRow(**ROW, **row)


def test_an_uplift_makes_a_range_and_says_so():
    price = prices.load([CASES / "prices" / "two-clouds.yaml"])["before.search"]
    assert price.tiers[0].price == Range(Decimal(100), Decimal(120), Decimal(125))
    assert price.basis == "other region × 1 / 1.2 / 1.25"


def test_a_sku_priced_twice_is_ambiguous():
    path = CASES / "prices" / "two-clouds.yaml"
    with pytest.raises(ConfigError, match=r"before\.server is given twice"):
        prices.load([path, path])


def test_a_source_must_be_defined(tmp_path):
    path = tmp_path / "prices.yaml"
    text = (CASES / "prices" / "two-clouds.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("source: old", "source: older"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"before\.search names the source 'older'"):
        prices.load([path])


def test_an_unknown_sku_has_nearest_ones():
    book = prices.load(sorted((BUNDLED / "prices").glob("*.yaml")))
    assert prices.committed(book, "aws.ec2.t3.lage", "on-demand") is None
    assert "aws.ec2.t3.large" in prices.near(book, "aws.ec2.t3.lage")


def test_a_term_is_priced_by_its_own_row_and_else_on_demand():
    book = prices.load(sorted((BUNDLED / "prices").glob("*.yaml")))
    assert prices.committed(book, "aws.ec2.m7g.large", "one-year").tiers[0].price.base == Decimal("0.0656")
    assert prices.committed(book, "aws.ipv4", "one-year").sku == "aws.ipv4"


@pytest.mark.parametrize("path", sorted((BUNDLED / "prices").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_bundled_price_is_traceable(path: Path):
    for price in prices.load([path]).values():
        if price.status == "missing":
            assert not price.tiers
        else:
            assert price.source is not None
            assert price.source.url.startswith("https://")
        if price.status == "estimated":
            assert price.basis, f"{price.sku} does not say how it was estimated"


@pytest.mark.parametrize(
    ("sku", "monthly"),
    [
        ("aws.ec2.t3.medium", "37.96"),
        ("aws.ec2.t3.large", "75.92"),
        ("aws.nat.hour", "43.07"),
        ("aws.alb.hour", "16.425"),
        ("aws.ipv4", "3.65"),
        ("aws.rds.mysql.db.t3.medium", "75.92"),
        ("azure.vm.d2s-v3", "89.79"),
        ("azure.vm.b2s", "37.96"),
    ],
)
def test_prices_by_the_hour_give_the_monthly_figures_they_are_known_by(sku, monthly):
    book = prices.load(sorted((BUNDLED / "prices").glob("*.yaml")))
    assert book[sku].tiers[0].price.base * 730 == Decimal(monthly)
