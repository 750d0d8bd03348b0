from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from cost_cases import BUNDLED, DAY
from terraform_plan import RECORDED

from wkms_migrate.cost import build, inputs, terraform_plan
from wkms_migrate.cost.terraform_prices import FREE, PRICED
from wkms_migrate.errors import ConfigError

ROOTS = Path(__file__).parents[3] / "terraform"
RESOURCE = re.compile(r'^resource "(aws_\w+)"', re.MULTILINE)


def resource(kind, **values):
    return {"address": f"{kind}.this", "mode": "managed", "type": kind, "values": values}


def plan(*resources, children=()):
    return {"planned_values": {"root_module": {"resources": list(resources), "child_modules": list(children)}}}


DEFAULT = (
    resource("aws_instance", instance_type="t3.large", root_block_device=[{"volume_type": "gp3", "volume_size": 30}]),
    resource("aws_ebs_volume", type="gp3", size=100),
    resource("aws_eip", domain="vpc"),
    resource(
        "aws_db_instance",
        instance_class="db.t4g.medium",
        engine_version="8.4",
        allocated_storage=50,
        manage_master_user_password=True,
    ),
    resource("aws_s3_bucket", bucket="wkms-documents"),
    resource("aws_dynamodb_table", billing_mode="PAY_PER_REQUEST"),
    resource("aws_vpc"),
    {**resource("aws_ami"), "mode": "data"},
)


@pytest.fixture(scope="module")
def bundled():
    return inputs.load(BUNDLED)


def total(bundled, *resources, children=(), day=DAY):
    found = terraform_plan.planned(plan(*resources, children=children), bundled.scenarios["aws-vm"])
    assert found.unmapped == ()
    read = replace(bundled, scenarios=bundled.scenarios | {"terraform": found.scenario})
    asked = build.Question(baseline="azure-now", target="terraform", as_of=day)
    return build.answer(read, asked, {})


def test_every_resource_type_of_the_roots_is_priced_or_known_to_be_free():
    kinds = {kind for path in ROOTS.rglob("*.tf") for kind in RESOURCE.findall(path.read_text(encoding="utf-8"))}
    assert len(kinds) > 20
    assert kinds <= PRICED.keys() | FREE, f"without a price mapping: {sorted(kinds - PRICED.keys() - FREE)}"
    assert not PRICED.keys() & FREE


def test_the_plan_of_the_defaults_costs_what_the_scenario_of_the_defaults_says(bundled):
    report = total(bundled, *DEFAULT)
    asked = build.Question(baseline="azure-now", target="aws-rds", as_of=DAY)
    written = build.answer(bundled, asked, {}).comparison.target
    assert report.comparison.target.problems == ()
    assert report.comparison.target.total == written.total


def test_a_plan_as_terraform_wrote_it_costs_what_the_scenario_of_the_defaults_says(bundled):
    found = terraform_plan.planned(terraform_plan.read(RECORDED), bundled.scenarios["aws-vm"])
    read = replace(bundled, scenarios=bundled.scenarios | {"terraform": found.scenario})
    planned, written = (
        build.answer(read, build.Question(baseline="azure-now", target=name, as_of=DAY), {}).comparison.target
        for name in ("terraform", "aws-rds")
    )
    assert (found.unmapped, planned.problems, planned.missing) == ((), (), ())
    assert planned.total == written.total


def test_resources_of_modules_count_and_equal_ones_are_counted_together(bundled):
    one = resource("aws_nat_gateway")
    single = total(bundled, *DEFAULT, one).comparison.target
    twice = total(bundled, *DEFAULT, one, children=[{"resources": [one]}]).comparison.target
    assert twice.total.base - single.total.base == Decimal("43.07") + nat_data(single)
    assert {line.key for line in twice.lines} == {line.key for line in single.lines}


def nat_data(bill):
    return next(line.amount.base for line in bill.lines if line.key == "nat-use")


@pytest.mark.parametrize(
    ("extra", "monthly"),
    [
        (resource("aws_nat_gateway"), "46.02"),
        (resource("aws_lb", internal=True), "17.89"),
        (resource("aws_eip"), "3.65"),
        (resource("aws_elasticache_cluster", engine="valkey", node_type="cache.t4g.micro", num_cache_nodes=2), "28.03"),
        (resource("aws_vpc_endpoint", vpc_endpoint_type="Gateway"), "0"),
        (resource("aws_dynamodb_table", billing_mode="PROVISIONED", read_capacity=10, write_capacity=5), "3.60"),
    ],
    ids=["nat", "balancer", "address", "cache", "gateway endpoint", "provisioned table"],
)
def test_one_resource_more_costs_its_price_more(bundled, extra, monthly):
    before = total(bundled, *DEFAULT).comparison.target.total.base
    assert total(bundled, *DEFAULT, extra).comparison.target.total.base - before == Decimal(monthly)


def test_two_zones_double_the_database(bundled):
    def bill(multi_az):
        size = {"instance_class": "db.t3.medium", "allocated_storage": 100}
        database = resource("aws_db_instance", engine_version="8.4", multi_az=multi_az, **size)
        return total(bundled, database).comparison.target.total.base

    assert bill(multi_az=True) - bill(multi_az=False) == Decimal("75.92") + Decimal("13.10")


def test_an_old_mysql_is_charged_its_extended_support(bundled):
    old = resource("aws_db_instance", instance_class="db.t3.medium", engine_version="8.0.39", allocated_storage=20)
    new = resource("aws_db_instance", instance_class="db.t3.medium", engine_version="8.4.5", allocated_storage=20)
    extra = total(bundled, old).comparison.target.total.base - total(bundled, new).comparison.target.total.base
    assert extra == Decimal("175.20")


def test_a_type_that_nobody_priced_and_a_size_without_a_price_are_told(bundled):
    found = terraform_plan.planned(
        plan(*DEFAULT, resource("aws_msk_cluster"), resource("aws_msk_cluster")), bundled.scenarios["aws-vm"]
    )
    assert found.unmapped == (("aws_msk_cluster", 2),)
    report = total(bundled, resource("aws_instance", instance_type="t3.huge"))
    (problem,) = report.comparison.target.problems
    assert "line instance-t3.huge: no price list knows the SKU aws.ec2.t3.huge" in problem
    assert report.comparison.saving is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ("[]", "no planned_values"), ('{"planned_values": {}}', "no planned_values")],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path, text, message):
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        terraform_plan.read(path)


def test_a_plan_without_anything_billable_is_refused(bundled, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(resource("aws_vpc"))), encoding="utf-8")
    with pytest.raises(ConfigError, match="no billable resource"):
        terraform_plan.planned(terraform_plan.read(path), bundled.scenarios["aws-vm"])
