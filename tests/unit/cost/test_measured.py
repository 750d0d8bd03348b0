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
        ({"totals": {"blob_bytes": 5 * 2**30, "mysql_bytes": 1}}, {"document_gb": Decimal("5.000000")}),
        ({"totals": {"blob_bytes": 56_963_045}}, {"document_gb": Decimal("0.053051")}),
        ({"totals": {"blob_bytes": 0}}, {"document_gb": Decimal("0.000000")}),
        ({"totals": {"blob_bytes": None}}, {}),
        ({"totals": None}, {}),
        ({}, {}),
    ],
)
def test_the_size_of_documents_comes_from_the_inventory_or_from_nowhere(outputs, expected):
    assert from_inventory(outputs) == expected


def test_the_report_computes_with_what_was_measured_and_says_so():
    measured = from_inventory({"totals": {"blob_bytes": 2**40}})
    report = build.build(BUNDLED, build.Question(baseline="azure-floor", target="aws-vm", as_of=DAY), measured)
    document = cost_json.document(report)
    quantity = next(row for row in document["quantities"] if row["name"] == "document_gb")
    assert (quantity["origin"], quantity["base"]) == ("measured", "1024.000000")
    stored = next(line for line in document["scenarios"][1]["lines"] if line["x_Line"] == "documents")
    assert stored["ListCost"] == "25.60", "1 TB in S3 Standard, as the price page has it"
