from __future__ import annotations

from decimal import Decimal

import pytest
from cost_cases import BUNDLED, DAY

from wkms_migrate.cost import build
from wkms_migrate.cost.measured import from_inventory
from wkms_migrate.report import cost_json


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"totals": {"blob_bytes": 5 * 2**30}}, {"document_gb": Decimal("5.000000")}),
        ({"totals": {"blob_bytes": 56_963_045}}, {"document_gb": Decimal("0.053051")}),
        (
            {"totals": {"blob_bytes": 10**9, "mysql_bytes": 5 * 10**8, "blobs": 1234, "cosmos_items": 7}},
            {
                "document_gb": Decimal("0.931323"),
                "move_gb": Decimal("1.500000"),
                "move_thousand_objects": Decimal("1.234000"),
            },
        ),
        ({"totals": {"blob_bytes": None, "mysql_bytes": 1, "blobs": None}}, {}),
        ({"totals": {"blob_bytes": 0}}, {"document_gb": Decimal("0.000000")}),
        ({"totals": None}, {}),
        ({}, {}),
    ],
)
def test_quantities_come_from_the_inventory_as_far_as_it_looked(outputs, expected):
    assert from_inventory(outputs) == expected


def test_what_is_sent_once_is_priced_for_every_pass_and_the_report_says_how_much_was_measured():
    measured = from_inventory({"totals": {"blob_bytes": 10**12, "mysql_bytes": 10**11, "blobs": 10**6}})
    report = build.build(BUNDLED, build.Question(baseline="azure-now", target="aws-vm", as_of=DAY), measured)
    sent = [line for line in report.one_off.lines if line.key.startswith("egress/")]
    assert sum(line.quantity.base for line in sent) == 2200, "1.1 TB, rehearsed once"
    assert sent[-1].amount.base == Decimal("252.00"), "0.12 a GB above the free 100"
    (notice,) = [one for one in report.notices if one.code == "measured-part"]
    assert dict(notice.values) == {"measured": 3, "all": len(report.quantities)}


def test_the_report_computes_with_what_was_measured_and_says_so():
    measured = from_inventory({"totals": {"blob_bytes": 2**40}})
    report = build.build(BUNDLED, build.Question(baseline="azure-floor", target="aws-vm", as_of=DAY), measured)
    document = cost_json.document(report)
    quantity = next(row for row in document["quantities"] if row["name"] == "document_gb")
    assert (quantity["origin"], quantity["base"]) == ("measured", "1024.000000")
    stored = next(line for line in document["scenarios"][1]["lines"] if line["x_Line"] == "documents")
    assert stored["ListCost"] == "25.60", "1 TB in S3 Standard, as the price page has it"
