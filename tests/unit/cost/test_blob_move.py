"""Charges of moving blobs: by tier and class, with what has no price named."""

from __future__ import annotations

from decimal import Decimal

import pytest
from cost_cases import BUNDLED

from wkms_migrate.cost import blob_move, prices
from wkms_migrate.cost.blob_move import Load, Thaw
from wkms_migrate.cost.ranges import Range

GB = 10**9


@pytest.fixture(scope="module")
def known():
    return prices.load(sorted((BUNDLED / "prices").glob("*.yaml")))


def lines(charges):
    return {one.sku: one for one in charges}


def test_each_tier_and_each_class_has_its_line(known):
    load = Load(
        reads={"Hot": 20_000, "Cool": 10_000, "Cold": 10_000},
        read_bytes={"Hot": 200 * GB, "Cool": 100 * GB, "Cold": 10 * GB},
        writes={"STANDARD": 21_000},
    )
    charges = blob_move.of_copy(load, known)
    found = {sku: str(one.amount.base) for sku, one in lines(charges).items()}
    assert found == {
        "azure.egress": "25.20",  # 310 GB, the first 100 free
        "azure.blob.read": "0.01",
        "azure.blob.read.cool": "0.01",
        "azure.blob.read.cold": "0.10",
        "azure.blob.retrieval.cool": "1.00",
        "azure.blob.retrieval.cold": "0.30",
        "aws.s3.put": "0.09",
    }
    assert all(one.source and one.status == "list" for one in charges)
    assert str(blob_move.total(charges).base) == "26.71"


def test_a_missing_price_is_named_and_never_nothing(known):
    load = Load(reads={"": 5}, read_bytes={"": 1}, writes={"STANDARD_IA": 1, "DEEP_ARCHIVE": 1})
    charges = blob_move.of_copy(load, known)
    assert list(blob_move.missing(charges)) == [
        "azure.blob.read.no-tier",
        "aws.s3.put.deep-archive",
        "aws.s3.put.standard-ia",
    ]
    assert all(lines(charges)[sku].amount is None for sku in blob_move.missing(charges))


def test_without_any_price_everything_is_missing():
    charges = blob_move.of_copy(Load(reads={"Hot": 1}, read_bytes={"Hot": 1}, writes={"STANDARD": 1}), {})
    assert [one.amount for one in charges] == [None, None, None]


def test_rehydration_costs_more_at_high_priority_and_before_its_180_days(known):
    thaw = Thaw(objects=10_000, bytes=1000 * GB, early=Range(Decimal(0), Decimal(6000 * GB), Decimal(6000 * GB)))
    standard, high = (lines(blob_move.of_thaw(thaw, priority, known)) for priority in ("Standard", "High"))
    assert str(standard["azure.blob.read.archive"].amount.base) == "5.50"
    assert str(standard["azure.blob.retrieval.archive"].amount.base) == "22.00"
    early = standard["azure.blob.archive-lrs"].amount
    assert (str(early.low), str(early.high)) == ("0.00", "12.00")
    assert str(high["azure.blob.read.archive-high"].amount.base) == "67.50"
    assert str(high["azure.blob.retrieval.archive-high"].amount.base) == "135.00"
    assert high["azure.blob.retrieval.archive-high"].status == "estimated"
    assert "EUR" in high["azure.blob.retrieval.archive-high"].basis


def test_what_has_been_archived_long_enough_leaves_for_nothing():
    thaw = Thaw(objects=1, bytes=GB, early=Range.exactly(0))
    assert lines(blob_move.of_thaw(thaw, "Standard", {}))["azure.blob.archive-lrs"].amount == Range.exactly(0)
