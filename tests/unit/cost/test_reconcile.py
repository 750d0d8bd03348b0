from __future__ import annotations

from decimal import Decimal

import pytest
from cost_cases import BUNDLED, CASES

from wkms_migrate.cost import bills, inputs, reconcile
from wkms_migrate.cost.loading import read
from wkms_migrate.cost.selectors import PriceLists
from wkms_migrate.errors import ConfigError

BILLS = CASES / "bills"
HALF = Decimal("0.5")


@pytest.fixture(scope="module")
def against():
    prices = inputs.load(BUNDLED).prices
    lists = read(BUNDLED / "price-lists.yaml", PriceLists)
    return lambda bill: reconcile.reconcile(bill, prices, lists)


def test_what_was_billed_in_seoul_is_reproduced_within_half_a_percent(against):
    found = against(bills.read(BILLS / "cur.csv", "USD"))
    assert {one.sku for one in found.matched} == {
        "aws.ec2.t3.medium",
        "aws.nat.hour",
        "aws.alb.hour",
        "aws.ipv4",
        "aws.rds.mysql.db.t3.micro",
        "aws.rds.mysql.extended-support",
        "aws.rds.gp3",
    }
    assert found.beyond(HALF) == ()
    assert all(one.percent is not None for one in found.matched)
    assert next(one.usage for one in found.matched if one.sku.endswith("micro")) == Decimal("649.968")


def test_what_has_no_price_of_ours_tax_and_regions_are_kept_apart(against):
    found = against(bills.read(BILLS / "cur.csv", "USD"))
    assert found.unmatched == (("USE1-SomethingElse", Decimal("1.25")),)
    assert found.bill.other == Decimal("4.05")
    assert found.regions == ("ap-northeast-2", "us-east-1")
    assert found.covered_percent == (found.billed - Decimal("1.25")) / found.billed * 100


@pytest.mark.parametrize(
    ("name", "form", "skus"),
    [
        ("cur2", "cur2", {"aws.ebs.gp3"}),
        ("azure", "azure", {"azure.mysql.b2s", "azure.cosmos.100ru"}),
        ("focus", "focus", {"aws.s3.put"}),
    ],
)
def test_every_make_of_bill_is_read(against, name, form, skus):
    bill = bills.read(BILLS / f"{name}.csv", "USD")
    found = against(bill)
    assert (bill.format, bill.problems) == (form, ())
    assert {one.sku for one in found.matched} == skus
    assert found.beyond(HALF) == ()


def test_cost_explorer_tells_money_only(against):
    found = against(bills.read(BILLS / "cost-explorer.csv", "USD"))
    assert found.matched == ()
    assert found.unmatched == (
        ("EC2-Instances", Decimal("64.12")),
        ("Relational Database Service", Decimal("33.80")),
    )


def test_a_price_that_is_off_is_found(against, tmp_path):
    path = tmp_path / "bill.csv"
    path.write_text((BILLS / "cur2.csv").read_text(encoding="utf-8").replace("11.856", "11.90"), encoding="utf-8")
    found = against(bills.read(path, "USD"))
    assert found.beyond(HALF) == ()
    (off,) = found.beyond(Decimal("0.3"))
    assert (off.sku, round(off.percent, 2)) == ("aws.ebs.gp3", Decimal("-0.37"))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("130,USD", "lots,USD", "line 2: '11.856' or 'lots' is not a number"),
        ("130,USD", "-130,USD", "line 2: the usage of APN2-EBS:VolumeUsage.gp3 is negative: -130"),
        ("130,USD", "130,KRW", "line 2: it is in KRW, not in USD; nothing is converted"),
        ("11.856", "NaN", "line 2: 'NaN' or '130' is not a number"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_the_others_are_read(tmp_path, old, new, problem):
    text = (BILLS / "cur2.csv").read_text(encoding="utf-8")
    path = tmp_path / "bill.csv"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    bill = bills.read(path, "USD")
    assert (bill.problems, bill.lines, bill.other) == ((problem,), (), Decimal("-5.00"))


@pytest.mark.parametrize("text", [b"", b"Name,Age\nx,1\n", b"\xff\xfe\x00b"])
def test_a_file_that_is_no_bill_is_refused(tmp_path, text):
    path = tmp_path / "bill.csv"
    path.write_bytes(text)
    with pytest.raises(ConfigError):
        bills.read(path, "USD")
