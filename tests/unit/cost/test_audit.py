from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from cost_cases import BUNDLED

from wkms_migrate.cost import audit as rules
from wkms_migrate.cost import inputs
from wkms_migrate.cost.audit import audit
from wkms_migrate.cost.ranges import Range

TENTH = Decimal("0.1")


@pytest.fixture(scope="module")
def guide():
    return inputs.load(BUNDLED).guide


def found(guide):
    return {notice.code: dict(notice.values) for notice in audit(guide)}


def tenths(values, *names):
    return [str(values[name].quantize(TENTH)) for name in names]


def test_the_contradictions_have_the_figures_worked_out_by_hand(guide):
    notices = found(guide)
    assert len(notices) >= 12
    assert tenths(notices["guide-option2-saving"], "stated", "low", "high") == ["65.0", "70.3", "74.1"]
    assert tenths(notices["guide-option1-pairing"], "low", "high") == ["15.9", "63.8"]
    assert tenths(notices["guide-option2-pairing"], "low", "high") == ["58.8", "81.4"]
    assert tenths(notices["guide-now-without-origin"], "beyond", "over", "middle") == ["39.0", "309.0", "1180.0"]
    assert tenths(notices["guide-open-source-without-origin"], "beyond") == ["8.0"]
    assert tenths(notices["guide-vm-dearer-than-now"], "percent") == ["18.2"]
    assert tenths(notices["guide-vm-saving-unsaid"], "saving", "percent") == ["180.0", "9.3"]
    assert tenths(notices["guide-three-prices"], "times_low", "times_high") == ["11.7", "22.0"]
    scope = notices["guide-option2-scope"]
    assert tenths(scope, "openai_low", "openai_high") == ["37.4", "39.7"]
    assert [round(scope[name], 1) for name in ("bedrock_low", "bedrock_high")] == [Decimal("48.4"), Decimal("53.4")]
    assert tenths(notices["guide-goal-missed"], "ceiling", "worst") == ["546.0", "765.0"]
    assert tenths(notices["guide-one-off-unsaid"], "months_low", "months_high") == ["29.2", "51.9"]
    assert tenths(notices["guide-availability"], "high_minutes", "low_minutes") == ["43.8", "219.0"]


def test_the_tables_themselves_add_up(guide):
    assert "guide-sum-wrong" not in found(guide)
    first, *rest = guide.tables
    wrong = replace(first, stated=((Decimal(910), Decimal(1451)),))
    assert found(replace(guide, tables=(wrong, *rest)))["guide-sum-wrong"] == {"sections": "6.1"}


@pytest.mark.parametrize(
    ("figure", "value", "code"),
    [
        ("option2_saving_low", "70.33", "guide-option2-saving"),
        ("outage_hours", "0.5", "guide-availability"),
        ("aws_vm_memory_gb", "8", "guide-unequal-memory"),
        ("response_seconds_small", "2", "guide-response"),
        ("closing_managed_saving", "53", "guide-managed-percent"),
        ("azure_vm_backup_days", "1", "guide-unequal-backup"),
        ("vm_machines", "2", "guide-single-machine"),
        ("one_off_costs", "1", "guide-one-off-unsaid"),
    ],
)
def test_a_corrected_figure_is_no_contradiction(guide, figure, value, code):
    assert code in found(guide)
    assert code not in found(replace(guide, figures=guide.figures | {figure: Decimal(value)}))


def test_paired_savings_come_with_the_smaller_first():
    before = Range(Decimal(100), Decimal(150), Decimal(200))
    assert rules._paired(before, Range(Decimal(20), Decimal(60), Decimal(100))) == (Decimal(50), Decimal(80))
    assert rules._paired(before, Range(Decimal(50), Decimal(50), Decimal(50))) == (Decimal(50), Decimal(75))


def test_every_contradiction_worked_out_by_hand_is_found_by_its_id(guide):
    assert found(guide).keys() == {
        f"guide-{name}"
        for name in (
            "option2-saving",
            "option1-pairing",
            "option2-pairing",
            "now-without-origin",
            "managed-without-origin",
            "open-source-without-origin",
            "vm-dearer-than-now",
            "vm-saving-unsaid",
            "three-prices",
            "option2-scope",
            "goal-missed",
            "many-claims",
            "managed-percent",
            "availability",
            "unequal-memory",
            "unequal-disks",
            "load",
            "response",
            "data-size",
            "timeline",
            "milestones",
            "unequal-backup",
            "single-machine",
            "database-endpoint",
            "one-off-unsaid",
        )
    }


def test_an_address_of_rds_is_no_contradiction(guide):
    words = guide.words | {"database_endpoint": "wkms-db.xxx.ap-northeast-2.rds"}
    assert "guide-database-endpoint" not in found(replace(guide, words=words))
