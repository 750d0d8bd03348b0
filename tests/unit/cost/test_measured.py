from __future__ import annotations

from decimal import Decimal

from wkms_migrate.cost import measured


def test_measured_bytes_become_decimal_gigabytes():
    assert measured.from_inventory({"totals": {"blob_bytes": 56_963_045}}) == {"document_gb": Decimal("0.056963045")}


def test_nothing_assessed_measures_nothing():
    assert measured.from_inventory({}) == {}
