"""The plan that the cost tests compute with is the one that Terraform makes of the root as it is now."""

from __future__ import annotations

import pytest
import terraform_plan as recorded
from external import need

from wkms_migrate.cost import inputs
from wkms_migrate.cost.terraform_plan import planned, read
from wkms_migrate.cost.terraform_prices import FREE, PRICED

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def plan(moto_server, tmp_path_factory):
    return recorded.shown(need("terraform"), tmp_path_factory.mktemp("plan"), moto_server.endpoint_url)


def kinds(plan):
    resources = plan["planned_values"]["root_module"]["resources"]
    return sorted(one["type"] for one in resources if one["mode"] == "managed")


def test_every_type_that_terraform_plans_is_priced_or_known_to_be_free(plan):
    assert len(kinds(plan)) > 50
    assert set(kinds(plan)) <= PRICED.keys() | FREE


def test_the_recorded_plan_is_that_of_the_root_of_today(plan):
    use = inputs.load(recorded.assets.path("config")).scenarios["aws-vm"]
    kept = read(recorded.RECORDED)
    assert kinds(kept) == kinds(plan), "record it again: python tests/terraform_plan.py URL"
    assert planned(kept, use) == planned(plan, use)
