"""The cost commands as a user calls them: files in, exit code and one JSON document out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cost_cases import BUNDLED, CASES

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a configuration, a copy of the inputs, and nothing else."""
    folder = tmp_path_factory.mktemp("cost")
    assert call(folder, "init", "--env", "trial")[0] == 0
    shutil.copytree(BUNDLED, folder / "inputs")
    return folder


def call(folder, *words):
    """Return the exit code, the JSON on stdout (None: there is none), and stderr."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WKMS_")}
    ended = subprocess.run(
        [sys.executable, "-m", "wkms_migrate", *words],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ended.returncode, json.loads(ended.stdout) if "--json" in words else None, ended.stderr


def test_a_comparison_is_one_document_and_a_gate_when_asked(place):
    code, told, _ = call(place, "cost", "compare", "--env", "trial", "--as-of", "2026-11-22", "--json")
    assert (code, told["baseline"]["name"], told["target"]["name"]) == (0, "azure-now", "aws-vm")
    assert told["saving"] is not None
    code, gated, _ = call(place, "cost", "compare", "--env", "trial", "--check", "--json")
    assert (code, gated["exit_code"]) == (3, 3)
    assert gated["verdict"] != "met"


def test_a_scenario_of_ones_own_with_a_mistake_is_reported_as_far_as_it_is_right(place):
    text = (BUNDLED / "scenarios" / "aws-vm.yaml").read_text(encoding="utf-8")
    own = place / "mine.yaml"
    own.write_text(text.replace("name: aws-vm", "name: mine").replace("aws.ec2.t3.large", "aws.ec2.t3.lage"), "utf-8")
    code, told, said = call(
        place, "cost", "report", "--env", "trial", "--scenario", "mine.yaml", "--target", "mine", "-o", "out", "--json"
    )
    assert (code, told["exit_code"]) == (2, 2)
    assert "Scenario mine, line app-server: no price list knows the SKU aws.ec2.t3.lage" in said
    document = json.loads((place / "out" / "cost.json").read_text(encoding="utf-8"))
    assert document["comparison"]["monthly_saving"] is None


def test_a_plan_of_terraform_is_the_target(place):
    machine = {"mode": "managed", "type": "aws_instance", "values": {"instance_type": "t3.large"}}
    strange = {"mode": "managed", "type": "aws_quantum", "values": {}}
    path = place / "plan.json"
    path.write_text(json.dumps({"planned_values": {"root_module": {"resources": [machine]}}}), encoding="utf-8")
    code, told, _ = call(place, "cost", "compare", "--env", "trial", "--plan", "plan.json", "--json")
    assert (code, told["target"]["name"]) == (0, "terraform")
    path.write_text(json.dumps({"planned_values": {"root_module": {"resources": [machine, strange]}}}), "utf-8")
    code, told, said = call(place, "cost", "compare", "--env", "trial", "--plan", "plan.json", "--json")
    assert code == 2
    assert "1 × aws_quantum has no price mapping" in said


def test_a_price_lost_ends_in_no_saving(place):
    prices = place / "inputs" / "prices" / "aws-ap-northeast-2.yaml"
    text = prices.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if "sku: aws.ipv4," in line)
    lost = "  - { sku: aws.ipv4, service: Public IPv4 address, unit: hour, status: missing }"
    prices.write_text(text.replace(row, lost), encoding="utf-8")
    code, told, _ = call(place, "cost", "compare", "--env", "trial", "--inputs", "inputs", "--json")
    assert (code, told["saving"], told["target"]["monthly"], told["verdict"]) == (0, None, None, "unknown")
    assert told["withheld"] == ["price-missing"]
    prices.write_text(text, encoding="utf-8")


def test_a_bill_is_reconciled_and_a_wrong_price_ends_with_3(place):
    bill = str(CASES / "bills" / "cur.csv")
    code, told, _ = call(place, "cost", "reconcile", "--bill", bill, "--json")
    assert (code, len(told["prices"])) == (0, 7)
    code, told, _ = call(place, "cost", "reconcile", "--bill", bill, "--tolerance", "0.00001", "--json")
    assert (code, told["exit_code"]) == (3, 3)


def test_the_guide_is_audited_and_prices_are_shown_and_compared(place):
    code, told, _ = call(place, "cost", "audit-guide", "--json")
    assert (code, len(told["contradictions"])) == (0, 25)
    code, told, _ = call(place, "cost", "prices", "show", "--sku", "aws.ebs", "--json")
    assert (code, {one["sku"] for one in told["prices"]}) == (0, {"aws.ebs.gp3", "aws.ebs.gp2", "aws.ebs.snapshot"})
    old = place / "old.yaml"
    text = (BUNDLED / "prices" / "aws-ap-northeast-2.yaml").read_text(encoding="utf-8")
    old.write_text(text.replace('"0.0912"', '"0.1000"'), encoding="utf-8")
    new = str(BUNDLED / "prices" / "aws-ap-northeast-2.yaml")
    code, told, _ = call(place, "cost", "prices", "diff", "old.yaml", new, "--json")
    assert (code, told["changes"]) == (
        0,
        [{"sku": "aws.ebs.gp3", "before": "0.1000", "after": "0.0912", "percent": "-8.8000"}],
    )


def test_a_refresh_that_reaches_nobody_changes_nothing(place):
    prices = place / "inputs" / "prices" / "azure-koreacentral.yaml"
    before = prices.read_bytes()
    words = ("cost", "prices", "refresh", "--inputs", "inputs", "--only", "azure-koreacentral")
    code, _, said = call(place, *words, "--azure-url", "ftp://nowhere")
    assert code == 1
    assert "no web address" in said
    assert prices.read_bytes() == before
